// The optimisers that are compared, by name, and the settings of the paper's Table VI.

import { paperSettings } from '../../src/optimize/paper-settings.js';
import { publishedNysact } from '../../src/published/index.js';
import {
  adahessian,
  adam,
  adamw,
  ekfac,
  eva,
  foof,
  kfac,
  makeOptimizer,
  mfac,
  muon,
  newtonMuon,
  nysact,
  nystromShampoo,
  sgd,
  shampoo,
  sketchySgd,
  skfac,
  soap,
  type TensorFlow,
  type TfjsOptimizer,
} from '../../src/tfjs/index.js';

/** Options by name, as a file can hold them. */
export type Settings = Readonly<Record<string, number | string | boolean>> & {
  readonly learningRate: number;
};

/** Settings of ResNets and of DeiT: where the table has "a / b", its text says of b that it was for DeiT. */
export type OfNetworks = Readonly<Record<'resnet' | 'deit', Settings>>;

/** One optimiser. */
export interface NamedOptimizer {
  readonly title: string;
  /** The paper's settings for each data set, where it has some. */
  readonly paper: { readonly cifar: Settings; readonly imagenet?: OfNetworks };
  /** A step over one of SGD on small networks, about: what lists of times reckon with. */
  readonly relativeCost: number;
  /** Where refreshes take the cubes of sides of layers: what of, of second moments of inputs and outputs, or inputs. */
  readonly inverse?: 'eigenbasis' | 'cholesky';
  /** The options are checked by the optimiser itself. */
  readonly make: (tf: TensorFlow, options: object) => TfjsOptimizer;
}

/** Five times the learning rate of CIFAR, and less decay; where there is an inverse, DeiT refreshes it more often. */
function onImageNet(settings: Settings, ofDeit: Partial<Settings> = {}): OfNetworks {
  const resnet = { ...settings, learningRate: 0.5, weightDecay: 2e-5 };
  const often = 'refreshEvery' in settings ? { refreshEvery: 5 } : {};
  return { resnet, deit: { ...resnet, ...often, ...ofDeit } };
}

/** KFAC's, where factors are of the last batch alone. */
const { decay: _decay, ...ofOneBatch } = paperSettings.kfac;
/** Of systems for which the table has none: what its preconditioned ones share. */
const { damping: _damping, rank: _rank, ...SYSTEMS } = paperSettings.nysact;
/** NysAct's: the variant that was published has no other choice. */
const { rest: _rest, ...publishedSettings } = paperSettings.nysact;

const OPTIMIZERS = {
  sgd: {
    title: 'SGD',
    relativeCost: 1,
    paper: {
      cifar: paperSettings.sgd,
      imagenet: onImageNet(paperSettings.sgd),
    },
    make: sgd,
  },
  adam: { title: 'Adam', relativeCost: 1.05, paper: { cifar: paperSettings.adam }, make: adam },
  adamw: {
    title: 'AdamW',
    relativeCost: 1.05,
    paper: {
      cifar: paperSettings.adamw,
      imagenet: { resnet: paperSettings.adamw, deit: paperSettings.adamw },
    },
    make: adamw,
  },
  adahessian: {
    title: 'AdaHessian',
    relativeCost: 3.1,
    paper: { cifar: { learningRate: 0.15, weightDecay: 5e-4 } },
    make: adahessian,
  },
  'sketchy-sgd': {
    title: 'SketchySGD',
    relativeCost: 1.7,
    paper: { cifar: { learningRate: 0.1, momentum: 0.9, weightDecay: 5e-4, damping: 1, rank: 10 } },
    make: sketchySgd,
  },
  kfac: {
    title: 'KFAC',
    relativeCost: 2,
    paper: {
      cifar: paperSettings.kfac,
      imagenet: onImageNet({ ...paperSettings.kfac, damping: 0.1 }),
    },
    inverse: 'eigenbasis',
    make: kfac,
  },
  eva: {
    title: 'Eva',
    relativeCost: 1.5,
    paper: {
      cifar: paperSettings.eva,
      imagenet: onImageNet({ ...paperSettings.eva, damping: 0.1 }),
    },
    make: eva,
  },
  // The paper has no settings for these: KFAC's where they share its options, else their own defaults.
  ekfac: {
    title: 'EKFAC',
    relativeCost: 2.4,
    paper: { cifar: paperSettings.kfac },
    inverse: 'eigenbasis',
    make: ekfac,
  },
  skfac: {
    title: 'SKFAC',
    relativeCost: 1.9,
    paper: { cifar: { ...ofOneBatch, refreshEvery: ofOneBatch.observeEvery } },
    make: skfac,
  },
  soap: { title: 'SOAP', relativeCost: 1.4, paper: { cifar: { learningRate: 3e-3 } }, make: soap },
  mfac: {
    title: 'M-FAC',
    relativeCost: 1.9,
    paper: { cifar: { learningRate: 1e-3, momentum: 0.9, weightDecay: 5e-4 } },
    make: mfac,
  },
  foof: {
    title: 'FOOF',
    relativeCost: 1.9,
    paper: { cifar: paperSettings.foof, imagenet: onImageNet(paperSettings.foof) },
    inverse: 'cholesky',
    make: foof,
  },
  'nysact-g': {
    title: 'NysAct-G',
    relativeCost: 1.2,
    paper: { cifar: { ...paperSettings.nysact, sketch: 'gaussian' } },
    make: nysact,
  },
  'nysact-s': {
    title: 'NysAct-S',
    relativeCost: 1.2,
    paper: {
      cifar: { ...paperSettings.nysact, sketch: 'subcolumn' },
      imagenet: onImageNet(
        { ...paperSettings.nysact, rank: 20, sketch: 'subcolumn' },
        { weightDecay: 1e-4 },
      ),
    },
    make: nysact,
  },
  'nysact-tracking': {
    title: 'NysAct, tracking',
    relativeCost: 1.2,
    paper: { cifar: { ...paperSettings.nysact, policy: 'track', fresh: 2 } },
    make: nysact,
  },
  shampoo: {
    title: 'Shampoo',
    relativeCost: 1.15,
    paper: { cifar: { ...SYSTEMS, decay: 0.95, graft: 'sgd' } },
    make: shampoo,
  },
  'nystrom-shampoo': {
    title: 'Nyström Shampoo',
    relativeCost: 1.1,
    paper: { cifar: { ...SYSTEMS, rank: 10, graft: 'sgd' } },
    make: nystromShampoo,
  },
  muon: {
    title: 'Muon',
    relativeCost: 1.15,
    paper: { cifar: { learningRate: 0.02, weightDecay: 5e-4 } },
    make: muon,
  },
  'newton-muon': {
    title: 'Newton-Muon',
    relativeCost: 1.2,
    paper: {
      cifar: { learningRate: 0.02, weightDecay: 5e-4, observeEvery: 5, refreshEvery: 50, rank: 10 },
    },
    make: newtonMuon,
  },
  'nysact-published': {
    title: 'NysAct-G, as published',
    relativeCost: 1.2,
    paper: { cifar: { ...publishedSettings, sketch: 'gaussian' } },
    make: (tf, config) =>
      makeOptimizer(tf, publishedNysact(config), { className: 'PublishedNysact', config }),
  },
} as const satisfies Readonly<Record<string, NamedOptimizer>>;

/** What configurations call an optimiser. */
export type OptimizerName = keyof typeof OPTIMIZERS;

/** All of them by name. */
export const optimizers: Readonly<Record<OptimizerName, NamedOptimizer>> = OPTIMIZERS;

/** Those of the paper's tables, in its order. */
export const PAPER_ORDER: readonly OptimizerName[] = [
  'sgd',
  'adam',
  'adamw',
  'kfac',
  'eva',
  'foof',
  'nysact-g',
  'nysact-s',
];

/** Whether an optimiser has sketches, whose seed is the run's. */
export function isSketched(name: OptimizerName): boolean {
  return ['nysact', 'nystrom', 'newton'].some((family) => name.startsWith(family));
}
