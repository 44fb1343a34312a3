// What is compared and under which settings: the paper's for CIFAR, with the exceptions stated.

import { paperSettings } from '../../src/optimize/paper-settings.js';
import type { Schedule } from '../../src/optimize/schedules.js';
import {
  adamw,
  eva,
  foof,
  kfac,
  nysact,
  sgd,
  type TensorFlow,
  type TfjsOptimizer,
} from '../../src/tfjs/index.js';

/** How much is done. */
export interface Scope {
  readonly name: 'full' | 'quick';
  readonly images: { readonly train: number; readonly validation: number; readonly test: number };
  readonly epochs: number;
  /** Steps from one validation to the next. */
  readonly validateEvery: number;
  /** Training images behind the second moments that are approximated. */
  readonly rows: number;
  readonly ranks: readonly number[];
  /** Sketches drawn for each median error. */
  readonly sketches: number;
}

export const scopes: { readonly [name in Scope['name']]: Scope } = {
  full: {
    name: 'full',
    images: { train: 19_200, validation: 2_000, test: 10_000 },
    epochs: 2,
    validateEvery: 30,
    rows: 4_096,
    ranks: [2, 5, 10, 20, 50],
    sketches: 20,
  },
  quick: {
    name: 'quick',
    images: { train: 6_400, validation: 1_000, test: 2_000 },
    epochs: 1,
    validateEvery: 20,
    rows: 2_048,
    ranks: [5, 10, 20],
    sketches: 5,
  },
};

export const batchSize = 128;
/** Units of each dense layer; ReLU between them, softmax after the last. */
export const widths = [784, 256, 128, 10] as const;
/** Steps that an optimiser takes before the next one's turn. */
export const stepsPerTurn = 5;
/** Steps from one refresh to the next, a multiple of those in a turn. */
export const { refreshEvery } = paperSettings.nysact;
/** The rank of NysAct, and of the approximations that are drawn. */
export const { rank } = paperSettings.nysact;

/** One optimiser of the comparison. */
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

const sgdOptions = paperSettings.sgd;
const adamwOptions = { ...paperSettings.adamw, learningRate: 0.003 };
const foofOptions = { ...paperSettings.foof, learningRate: 0.3 };
const kfacOptions = { ...paperSettings.kfac, klClip: 1e-3 };
const evaOptions = { ...paperSettings.eva, klClip: 1e-3 };
const nysactOptions = { ...paperSettings.nysact, learningRate: 0.3 };
const gaussianOptions = { ...nysactOptions, sketch: 'gaussian' } as const;
const subcolumnOptions = { ...nysactOptions, sketch: 'subcolumn' } as const;

/**
 * The optimisers, SGD first: step times are relative to it. Settings are those of the paper's Table
 * VI for CIFAR, except learning rates beside which the paper's is named.
 */
export const contestants: readonly Contestant[] = [
  {
    name: 'sgd',
    title: 'SGD',
    options: sgdOptions,
    make: (tf, learningRate) => sgd(tf, { ...sgdOptions, learningRate }),
  },
  {
    name: 'adamw',
    title: 'AdamW',
    options: adamwOptions,
    paperLearningRate: paperSettings.adamw.learningRate,
    make: (tf, learningRate) => adamw(tf, { ...adamwOptions, learningRate }),
  },
  {
    name: 'foof',
    title: 'FOOF',
    options: foofOptions,
    paperLearningRate: paperSettings.foof.learningRate,
    make: (tf, learningRate) => foof(tf, { ...foofOptions, learningRate }),
  },
  {
    name: 'kfac',
    title: 'KFAC',
    options: kfacOptions,
    make: (tf, learningRate) => kfac(tf, { ...kfacOptions, learningRate }),
  },
  {
    name: 'eva',
    title: 'Eva',
    options: evaOptions,
    make: (tf, learningRate) => eva(tf, { ...evaOptions, learningRate }),
  },
  {
    name: 'nysact-g',
    title: 'NysAct-G',
    options: gaussianOptions,
    paperLearningRate: paperSettings.nysact.learningRate,
    make: (tf, learningRate) => nysact(tf, { ...gaussianOptions, learningRate }),
  },
  {
    name: 'nysact-s',
    title: 'NysAct-S',
    options: subcolumnOptions,
    paperLearningRate: paperSettings.nysact.learningRate,
    make: (tf, learningRate) => nysact(tf, { ...subcolumnOptions, learningRate }),
  },
];

/** Where the settings come from, and how the exceptions were found. */
export const settingsNotes: readonly string[] = [
  `FOOF, KFAC, Eva and NysAct share momentum ${foofOptions.momentum}, weight decay 5e-4, moving averages with decay ${foofOptions.decay}, an observation every ${foofOptions.observeEvery} steps and a refresh every ${foofOptions.refreshEvery}. All learning rates fall to 0 along a cosine.`,
  'Settings are those of the NysAct paper for CIFAR (its Table VI), except four learning rates that were tuned for this perceptron: the best of a third of the paper’s, the paper’s and three times the paper’s on validation images. Test images played no part. That search is not part of the demonstration, so what it gained is not quoted.',
];

/** Steps of every optimiser. */
export function stepsOf({ images, epochs }: Scope): number {
  return epochs * Math.floor(images.train / batchSize);
}
