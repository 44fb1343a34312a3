// (a) A whole step of SGD on our kernels, against TensorFlow.js's own.

import { registerKernels } from '../../src/tfjs-wasm/index.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { type Quartiles, quantile, quartiles } from '../report/statistics.js';
import { registerComposed } from './composed.js';
import type { Training, Workload } from './models.js';

/** Milliseconds of a step, and how many times longer the peer's takes. */
export interface StepRow {
  readonly key: string;
  readonly name: string;
  readonly batch: number;
  /** Numbers that are trained. */
  readonly weights: number;
  readonly ours: number;
  readonly stock: number;
  /** Of neighbouring rounds. */
  readonly ratio: Quartiles;
  readonly rounds: number;
}

/** How long to measure. */
export interface StepPlan {
  readonly seed: number;
  /** Milliseconds that all rounds take together. */
  readonly budget: number;
  /** Rounds that are made at least. */
  readonly rounds: number;
}

/** A sample is of so many milliseconds at least. */
const SHORTEST = 30;

/**
 * Times both in turn, round by round. The peer has the filter gradient composed of its own operations,
 * as it has none on wasm; all else is TensorFlow.js as it comes, its optimiser on both sides.
 */
export async function timeSteps(
  tf: TensorFlow,
  workload: Workload,
  { seed, budget, rounds }: StepPlan,
): Promise<StepRow> {
  const training = workload.make(tf, seed);
  const sgd = tf.train.sgd(1e-3);
  const step = (): void => {
    sgd.minimize(() => training.loss(), false, training.variables);
  };
  const sides = { ours: () => onOurKernels(tf, step), stock: () => onStockKernels(tf, step) };
  try {
    const [ours, stock]: [number[], number[]] = [[], []];
    // The first round warms up.
    await sides.ours();
    await sides.stock();
    const start = performance.now();
    while (ours.length < rounds || performance.now() - start < budget) {
      ours.push(await sides.ours());
      stock.push(await sides.stock());
    }
    return {
      key: workload.key,
      name: workload.name,
      batch: workload.batch,
      weights: weightsOf(training),
      ours: quantile(ours, 0.5),
      stock: quantile(stock, 0.5),
      ratio: quartiles(ours.map((time, round) => stock[round] / time)),
      rounds: ours.length,
    };
  } finally {
    sgd.dispose();
    training.dispose();
  }
}

async function onOurKernels(tf: TensorFlow, step: () => void): Promise<number> {
  const kernels = await registerKernels(tf);
  try {
    return sample(step);
  } finally {
    kernels.restore();
  }
}

async function onStockKernels(tf: TensorFlow, step: () => void): Promise<number> {
  const takeAway = registerComposed(tf);
  try {
    return sample(step);
  } finally {
    takeAway();
  }
}

/** Milliseconds of a step, after one that finds memory and caches as the other side left them. */
function sample(step: () => void): number {
  step();
  const start = performance.now();
  let steps = 0;
  do {
    step();
    steps += 1;
  } while (performance.now() - start < SHORTEST);
  return (performance.now() - start) / steps;
}

/** The trained weights of a network. */
export function weightsOf({ variables }: Training): number {
  return variables.reduce((sum, { size }) => sum + size, 0);
}
