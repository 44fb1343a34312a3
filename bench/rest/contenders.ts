// What the study compares: NysAct with a rest of either kind, with layers left to it, and its peers.

import { adam, nysact, sgd, type TfjsOptimizer } from '../../src/tfjs/index.js';
import type { TensorFlow } from '../data/tensorflow.js';

/** An optimiser and the learning rates that it is tried with. */
export interface Contender {
  readonly name: string;
  readonly rates: readonly number[];
  make(tf: TensorFlow, learningRate: number, seed: number): TfjsOptimizer;
}

/** The same number of rates for all, a factor of about three apart. */
const LARGE = [0.03, 0.1, 0.3, 1];
const SMALL = [0.001, 0.003, 0.01, 0.03];

const settings = { momentum: 0.9, damping: 0.1 } as const;

/** Every contender. */
export const CONTENDERS: readonly Contender[] = [
  {
    name: 'SGD, momentum 0.9',
    rates: LARGE,
    make: (tf, learningRate) => sgd(tf, { learningRate, momentum: 0.9 }),
  },
  { name: 'Adam', rates: SMALL, make: (tf, learningRate) => adam(tf, { learningRate }) },
  {
    name: "NysAct, ρ = 1, rest: 'sgd'",
    rates: LARGE,
    make: (tf, learningRate, seed) =>
      nysact(tf, { momentum: 0.9, learningRate, seed, rest: 'sgd' }),
  },
  {
    name: "NysAct, rest: 'sgd'",
    rates: LARGE,
    make: (tf, learningRate, seed) => nysact(tf, { ...settings, learningRate, seed, rest: 'sgd' }),
  },
  {
    name: "NysAct, rest: 'adam'",
    rates: LARGE,
    make: (tf, learningRate, seed) => nysact(tf, { ...settings, learningRate, seed, rest: 'adam' }),
  },
  {
    name: "NysAct on dense layers, rest: 'sgd'",
    rates: LARGE,
    make: (tf, learningRate, seed) =>
      nysact(tf, { ...settings, learningRate, seed, rest: 'sgd', skip: isNoDense }),
  },
  {
    name: "NysAct on dense layers, rest: 'adam'",
    rates: LARGE,
    make: (tf, learningRate, seed) =>
      nysact(tf, { ...settings, learningRate, seed, rest: 'adam', skip: isNoDense }),
  },
];

/** TensorFlow.js names the weights of recurrent layers and embeddings apart. */
function isNoDense({ layer }: { readonly layer: string | undefined }): boolean {
  return layer !== undefined && !layer.startsWith('dense');
}
