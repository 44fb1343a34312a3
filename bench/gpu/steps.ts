// Training steps of TensorFlow.js models on a GPU, and on TensorFlow.js's wasm backend for comparison.

import { foldIn, randomKey } from '../../src/core/random.js';
import { paperSettings } from '../../src/optimize/paper-settings.js';
import { nysact, sgd, type TfjsOptimizer } from '../../src/tfjs/index.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { type Batch, crossEntropy } from '../demo/model.js';
import { makePerceptron } from '../demo/perceptron.js';
import { normalMatrix } from '../measure/matrices.js';
import type { Clock } from '../measure/timing.js';
import { quantile } from '../report/statistics.js';

/** A perceptron: the units of its layers, the inputs first, and the examples of a batch. */
export interface Perceptron {
  readonly widths: readonly [number, ...number[]];
  readonly batch: number;
}

const PERCEPTRONS: readonly Perceptron[] = [
  { widths: [64, 32, 10], batch: 128 },
  { widths: [784, 256, 128, 10], batch: 128 },
  { widths: [2048, 1024, 1024, 10], batch: 256 },
];

/** Those without more than `largest` inputs. */
export function perceptrons(largest: number): readonly Perceptron[] {
  return PERCEPTRONS.filter(({ widths: [inputs] }) => inputs <= largest);
}

/** Milliseconds of a step on one backend of TensorFlow.js, in the mean of whole cycles. */
export interface StepRow extends Perceptron {
  readonly backend: string;
  readonly sgd: number;
  readonly nysact: number;
  /** A step of NysAct by one of SGD beside it. */
  readonly ratio: number;
}

/** From one refresh to the next: steps cost what they cost in the long run. */
const CYCLE = paperSettings.nysact.refreshEvery;

/** Cycles that are measured at least; one before them compiles and warms up. */
const FEWEST = 3;

/** Milliseconds to spend at least for each model on each backend, and what tells them. */
export interface StepPlan {
  readonly time: number;
  readonly clock: Clock;
}

/**
 * Measures SGD and NysAct in turn, with the paper's settings, on every backend.
 *
 * @throws Error where TensorFlow.js has no such backend.
 */
export async function measureSteps(
  tf: TensorFlow,
  backends: readonly string[],
  models: readonly Perceptron[],
  plan: StepPlan,
): Promise<StepRow[]> {
  const rows: StepRow[] = [];
  for (const model of models) {
    for (const backend of backends) {
      if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js: no ${backend} backend`);
      rows.push({ ...model, backend, ...(await stepTimes(tf, model, plan)) });
    }
  }
  return rows;
}

async function stepTimes(
  tf: TensorFlow,
  { widths, batch: examples }: Perceptron,
  { time, clock }: StepPlan,
): Promise<Pick<StepRow, 'sgd' | 'nysact' | 'ratio'>> {
  const batch = randomBatch(tf, examples, widths[0], widths[widths.length - 1]);
  const optimizers = [sgd(tf, paperSettings.sgd), nysact(tf, paperSettings.nysact)];
  const runs = optimizers.map((optimizer) => ({
    optimizer,
    model: makePerceptron(tf, 1, widths),
  }));
  const cycle = async ({ optimizer, model }: (typeof runs)[number]): Promise<number> => {
    const start = clock();
    await takeSteps(tf, optimizer, () => crossEntropy(tf, model, batch));
    // It depends on the last step, and is there when that is done.
    await model.trainableWeights[0].read().data();
    return (clock() - start) / CYCLE;
  };
  const samples: number[][] = [[], []];
  const begin = clock();
  for (const run of runs) await cycle(run);
  while (samples[0].length < FEWEST || clock() - begin < time) {
    for (const [k, run] of runs.entries()) samples[k].push(await cycle(run));
  }
  tf.dispose([batch.x, batch.y]);
  for (const { optimizer, model } of runs) {
    optimizer.dispose();
    model.dispose();
  }
  const ratios = samples[0].map((milliseconds, round) => samples[1][round] / milliseconds);
  const [plain, preconditioned, ratio] = [...samples, ratios].map((all) => quantile(all, 0.5));
  return { sgd: plain, nysact: preconditioned, ratio };
}

/** One cycle, with the pause after each step that `model.fit` makes too: reads arrive in it. */
async function takeSteps(
  tf: TensorFlow,
  optimizer: TfjsOptimizer,
  loss: () => ReturnType<typeof crossEntropy>,
): Promise<void> {
  for (let step = 0; step < CYCLE; step++) {
    optimizer.minimize(loss);
    await tf.nextFrame();
  }
}

function randomBatch(tf: TensorFlow, examples: number, inputs: number, kinds: number): Batch {
  const { data } = normalMatrix('float32', examples, inputs, foldIn(randomKey(1), 0));
  const labels = Array.from({ length: examples * kinds }, (_, k) =>
    k % kinds === Math.floor(k / kinds) % kinds ? 1 : 0,
  );
  return {
    x: tf.tensor2d(data, [examples, inputs]),
    y: tf.tensor2d(labels, [examples, kinds]),
  };
}
