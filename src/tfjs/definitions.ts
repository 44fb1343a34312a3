// What each optimiser is to TensorFlow.js: a class name, options, and the transform made from them.

import {
  type AdamOptions,
  adam,
  adamw,
  eva,
  foof,
  kfac,
  nysact,
  type PreconditionedOptions,
  type SgdOptions,
  sgd,
} from '../optimize/aliases.js';
import type { Transform } from '../optimize/transform.js';
import type { EvaOptions } from '../precondition/eva.js';
import type { FoofOptions } from '../precondition/foof.js';
import type { KfacOptions } from '../precondition/kfac.js';
import type { NysactOptions } from '../precondition/nysact.js';
import type { Kinds } from './options.js';

/** One optimiser. */
export interface Definition<Options> {
  /**
   * The name in saved models. TensorFlow.js has one table of names for layers, optimisers and all
   * else, its own 'SGD' and 'Adam' among them, hence the prefix; it rewrites names with underscores.
   */
  readonly className: string;
  readonly kinds: Kinds<Options>;
  readonly transform: (options: Options) => Transform;
}

const SGD_KINDS: Kinds<SgdOptions> = {
  learningRate: ['number'],
  momentum: ['number'],
  nesterov: ['boolean'],
  weightDecay: ['number'],
};

const ADAM_KINDS: Kinds<AdamOptions> = {
  learningRate: ['number'],
  beta1: ['number'],
  beta2: ['number'],
  epsilon: ['number'],
  weightDecay: ['number'],
};

const PRECONDITIONED_KINDS: Kinds<PreconditionedOptions> = {
  ...SGD_KINDS,
  observeEvery: ['number'],
  refreshEvery: ['number'],
  klClip: ['number', "'none'"],
  clipLearningRate: ['number'],
};

/** NysAct. */
export const NYSACT: Definition<PreconditionedOptions & NysactOptions> = {
  className: 'Nysact',
  kinds: {
    ...PRECONDITIONED_KINDS,
    rank: ['number'],
    damping: ['number'],
    decay: ['number'],
    sketch: ["'gaussian'", "'subcolumn'"],
    seed: ['number'],
    maxFailures: ['number'],
    variant: ["'corrected'", "'reference'"],
    policy: ["'restart'", "'fixed'"],
    shift: ["'tiny'", "'damping'", 'number'],
    oversample: ['number'],
    tail: ['boolean'],
  },
  transform: nysact,
};

/** FOOF. */
export const FOOF: Definition<PreconditionedOptions & FoofOptions> = {
  className: 'NysactFoof',
  kinds: {
    ...PRECONDITIONED_KINDS,
    damping: ['number'],
    decay: ['number'],
    variant: ["'corrected'", "'reference'"],
    maxFailures: ['number'],
  },
  transform: foof,
};

/** KFAC. */
export const KFAC: Definition<PreconditionedOptions & KfacOptions> = {
  className: 'NysactKfac',
  kinds: {
    ...PRECONDITIONED_KINDS,
    damping: ['number'],
    decay: ['number'],
    inverse: ["'eigenbasis'", "'factored'"],
    variant: ["'corrected'", "'reference'"],
    maxFailures: ['number'],
  },
  transform: kfac,
};

/** Eva. */
export const EVA: Definition<PreconditionedOptions & EvaOptions> = {
  className: 'NysactEva',
  kinds: {
    ...PRECONDITIONED_KINDS,
    damping: ['number'],
    decay: ['number'],
    variant: ["'corrected'", "'reference'"],
    examples: ['number'],
    maxFailures: ['number'],
  },
  transform: eva,
};

/** SGD. */
export const SGD: Definition<SgdOptions> = {
  className: 'NysactSgd',
  kinds: SGD_KINDS,
  transform: sgd,
};

/** Adam. */
export const ADAM: Definition<AdamOptions> = {
  className: 'NysactAdam',
  kinds: ADAM_KINDS,
  transform: adam,
};

/** AdamW. */
export const ADAMW: Definition<AdamOptions> = {
  className: 'NysactAdamw',
  kinds: ADAM_KINDS,
  transform: adamw,
};
