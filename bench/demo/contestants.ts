// The optimisers that are compared: the paper's settings for CIFAR, at a learning rate of the task's own.

import { paperSettings } from '../../src/optimize/paper-settings.js';
import type { Schedule } from '../../src/optimize/schedules.js';
import {
  adam,
  adamw,
  eva,
  foof,
  kfac,
  nysact,
  sgd,
  type TensorFlow,
  type TfjsOptimizer,
} from '../../src/tfjs/index.js';

/** One optimiser of a comparison. */
export interface Contestant {
  readonly name: string;
  readonly title: string;
  readonly options: Readonly<Record<string, number | string>> & { readonly learningRate: number };
  /** The paper's learning rate, where {@link options} has another. */
  readonly paperLearningRate?: number;
  readonly make: (tf: TensorFlow, learningRate: Schedule) => TfjsOptimizer;
}

/** Settings that all preconditioned optimisers have in common. */
export const shared: readonly string[] = [
  'momentum',
  'weightDecay',
  'decay',
  'observeEvery',
  'refreshEvery',
];

const kfacOptions = { ...paperSettings.kfac, klClip: 1e-3 };
const evaOptions = { ...paperSettings.eva, klClip: 1e-3 };
const gaussianOptions = { ...paperSettings.nysact, sketch: 'gaussian' } as const;
const subcolumnOptions = { ...paperSettings.nysact, sketch: 'subcolumn' } as const;

/** All of them, at the paper's learning rates. */
export const contestants = {
  sgd: {
    name: 'sgd',
    title: 'SGD',
    options: paperSettings.sgd,
    make: (tf, learningRate) => sgd(tf, { ...paperSettings.sgd, learningRate }),
  },
  adam: {
    name: 'adam',
    title: 'Adam',
    options: paperSettings.adam,
    make: (tf, learningRate) => adam(tf, { ...paperSettings.adam, learningRate }),
  },
  adamw: {
    name: 'adamw',
    title: 'AdamW',
    options: paperSettings.adamw,
    make: (tf, learningRate) => adamw(tf, { ...paperSettings.adamw, learningRate }),
  },
  foof: {
    name: 'foof',
    title: 'FOOF',
    options: paperSettings.foof,
    make: (tf, learningRate) => foof(tf, { ...paperSettings.foof, learningRate }),
  },
  kfac: {
    name: 'kfac',
    title: 'KFAC',
    options: kfacOptions,
    make: (tf, learningRate) => kfac(tf, { ...kfacOptions, learningRate }),
  },
  eva: {
    name: 'eva',
    title: 'Eva',
    options: evaOptions,
    make: (tf, learningRate) => eva(tf, { ...evaOptions, learningRate }),
  },
  gaussian: {
    name: 'nysact-g',
    title: 'NysAct-G',
    options: gaussianOptions,
    make: (tf, learningRate) => nysact(tf, { ...gaussianOptions, learningRate }),
  },
  subcolumn: {
    name: 'nysact-s',
    title: 'NysAct-S',
    options: subcolumnOptions,
    make: (tf, learningRate) => nysact(tf, { ...subcolumnOptions, learningRate }),
  },
} as const satisfies Readonly<Record<string, Contestant>>;

/** The same optimiser at another learning rate than the paper's. */
export function tuned(contestant: Contestant, learningRate: number): Contestant {
  const { options } = contestant;
  return {
    ...contestant,
    options: { ...options, learningRate },
    paperLearningRate: options.learningRate,
  };
}
