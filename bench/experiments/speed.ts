// How fast this machine takes steps and factorises, measured now.

import { randomKey } from '../../src/core/random.js';
import { eigh } from '../../src/linalg/eigh.js';
import { dampedInverse } from '../../src/precondition/dense-inverse.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { normalMatrix, secondMoment } from '../measure/matrices.js';
import { classification } from '../tfjs/models.js';
import type { Speed } from './engine/results.js';
import { networkOf } from './models/index.js';
import { optimizers } from './optimizers.js';

/** Images of the steps that are measured: few, or many where few take less than so many milliseconds. */
const FEW = 8;
const MANY = 128;
const SHORT = 100;

/** Steps between refreshes where nothing else is said. */
const EVERY = 50;

/** How fast steps and factorisations are here; each is measured once. */
export function speedOf(tf: TensorFlow): Speed {
  const image = once((network: string, side: number) => secondsAnImage(tf, network, side));
  const cubes = once((network: string, side: number) => cubesOf(tf, network, side));
  const aCube = once(secondsACube);
  return {
    image,
    refreshes({ name, options: { refreshEvery = EVERY } }, steps, network, side) {
      const { inverse } = optimizers[name];
      if (inverse === undefined) return 0;
      const { inputs, outputs } = cubes(network, side);
      const one = aCube(inverse) * (inverse === 'eigenbasis' ? inputs + outputs : inputs);
      return Math.ceil(steps / Number(refreshEvery)) * one;
    },
  };
}

/** The function, called once for all that it is called with. */
function once<A extends readonly unknown[], R>(f: (...given: A) => R): (...given: A) => R {
  const known = new Map<string, R>();
  return (...given) => {
    const key = JSON.stringify(given);
    const value = known.get(key) ?? f(...given);
    known.set(key, value);
    return value;
  };
}

/** Σp³ and Σq³ over the layers of a network. */
function cubesOf(
  tf: TensorFlow,
  network: string,
  side: number,
): { readonly inputs: number; readonly outputs: number } {
  const model = networkOf(network).make(tf, { side, classes: 10, seed: 1 });
  try {
    const kernels = model.trainableWeights.flatMap(({ shape }) =>
      shape.length < 2 ? [] : [shape.map(Number)],
    );
    const sum = (of: (shape: readonly number[]) => number): number =>
      kernels.reduce((total, shape) => total + of(shape) ** 3, 0);
    return {
      inputs: sum((shape) => shape.slice(0, -1).reduce((product, n) => product * n, 1)),
      outputs: sum((shape) => shape[shape.length - 1]),
    };
  } finally {
    model.dispose();
  }
}

/** Rows of the matrix that is factorised for a measure. */
const MEASURE = 192;

/** Seconds that a factorisation of an n×n matrix takes, over n³. */
function secondsACube(inverse: 'eigenbasis' | 'cholesky'): number {
  const A = secondMoment(normalMatrix('float32', MEASURE, MEASURE, randomKey(1)));
  const factorise = () => (inverse === 'eigenbasis' ? eigh(A) : dampedInverse(A, 1));
  factorise();
  const start = performance.now();
  factorise();
  return (performance.now() - start) / 1e3 / MEASURE ** 3;
}

/** Seconds of SGD for one image. */
function secondsAnImage(tf: TensorFlow, network: string, side: number): number {
  const few = shortestStep(tf, network, side, FEW);
  return few > SHORT ? few / FEW / 1e3 : shortestStep(tf, network, side, MANY) / MANY / 1e3;
}

/** Milliseconds that steps are taken for at least: the first ones wait for the compiler. */
const SETTLING = 1_000;

/** Milliseconds of the shortest of some steps. */
function shortestStep(tf: TensorFlow, network: string, side: number, batch: number): number {
  const { make } = networkOf(network);
  const training = classification({
    key: network,
    name: network,
    batch,
    stepsInARow: 1,
    input: [side, side, 3],
    network: (host, seed) => make(host, { side, classes: 10, seed }),
  }).make(tf, 1);
  const optimizer = optimizers.sgd.make(tf, { learningRate: 1e-3 });
  try {
    const times: number[] = [];
    for (const begin = performance.now(); ; ) {
      const start = performance.now();
      optimizer.minimize(() => training.loss(), false, training.variables);
      const end = performance.now();
      times.push(end - start);
      if (times.length >= 3 && end - begin >= SETTLING) return Math.min(...times);
    }
  } finally {
    optimizer.dispose();
    training.dispose();
  }
}
