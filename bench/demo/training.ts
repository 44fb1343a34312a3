// All optimisers trained side by side: the same weights at first, the same batches, taking turns.

import type { LayersModel } from '@tensorflow/tfjs';
import type { RandomKey } from '../../src/core/random.js';
import { cosine } from '../../src/optimize/schedules.js';
import type { TfjsOptimizer } from '../../src/tfjs/index.js';
import type { Split } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import type { Progress } from '../report/progress.js';
import { batchesOf } from './batches.js';
import { batchSize, stepsPerTurn } from './configuration.js';
import type { Contestant } from './contestants.js';
import { type Batch, crossEntropy, evaluate } from './model.js';
import type { Task } from './task.js';

/** One optimiser's run. */
export interface Run {
  readonly contestant: Contestant;
  /** Loss of every step's batch, before the step. */
  readonly losses: readonly number[];
  /** Duration of every step. */
  readonly milliseconds: readonly number[];
  /** Accuracy on the validation images, now and then. */
  readonly validation: readonly { readonly step: number; readonly accuracy: number }[];
  readonly testAccuracy: number;
  /** Mean loss over all training images at the end. */
  readonly trainLoss: number;
  /** Bytes of the optimiser's buffer for momentum. */
  readonly momentumBytes: number;
  /** Bytes of all other state. */
  readonly stateBytes: number;
}

/** All runs, and the network that the first optimiser trained. */
export interface Training {
  readonly runs: readonly Run[];
  readonly model: LayersModel;
}

/** A task with the runs of its optimisers, in the same order. */
export interface Trained {
  readonly task: Task;
  readonly runs: readonly Run[];
}

/** How long to train, the seed of the weights and the key of the order of batches. */
export interface Plan {
  readonly steps: number;
  readonly validateEvery: number;
  readonly seed: number;
  readonly key: RandomKey;
}

const bytesPerNumber = 4;
const warmUpSteps = 10;

/**
 * Trains the network of a task with each optimiser, learning rates falling to 0 along a cosine.
 *
 * The optimisers take turns of a few steps, in an order that rotates, so that whatever slows the
 * machine down for a while slows all of them. A step's time is that of the forward pass, the
 * backward pass and the update; the batch is in memory already.
 */
export function trainAll(
  tf: TensorFlow,
  { contestants, make }: Pick<Task, 'contestants' | 'make'>,
  data: Split,
  { steps, validateEvery, seed, key }: Plan,
  progress: Progress,
): Training {
  const [baseline] = contestants;
  const batchAt = batchesOf(tf, data.train, { batchSize, key });
  warmUp(new Learner(tf, baseline, make(tf, 0), warmUpSteps), batchAt(0));
  const learners = contestants.map(
    (contestant) => new Learner(tf, contestant, make(tf, seed), steps),
  );
  for (let start = 0; start < steps; start += stepsPerTurn) {
    const count = Math.min(stepsPerTurn, steps - start);
    const batches = Array.from({ length: count }, (_, k) => batchAt(start + k));
    const first = (start / stepsPerTurn) % learners.length;
    [...learners.slice(first), ...learners.slice(0, first)].forEach((learner, turn) => {
      for (const batch of batches) learner.step(batch);
      const done = start + count;
      if (done % validateEvery === 0 || done === steps) learner.validate(data);
      progress.update(start * learners.length + (turn + 1) * count, learner.remark);
    });
    for (const { x, y } of batches) tf.dispose([x, y]);
  }
  const runs = learners.map((learner) => learner.finish(data));
  for (const learner of learners.slice(1)) learner.dispose();
  return { runs, model: learners[0].model };
}

class Learner {
  readonly model: LayersModel;
  readonly #tf: TensorFlow;
  readonly #contestant: Contestant;
  readonly #optimizer: TfjsOptimizer;
  readonly #losses: number[] = [];
  readonly #milliseconds: number[] = [];
  readonly #validation: { step: number; accuracy: number }[] = [];

  constructor(tf: TensorFlow, contestant: Contestant, model: LayersModel, steps: number) {
    const { learningRate } = contestant.options;
    this.#tf = tf;
    this.#contestant = contestant;
    this.model = model;
    this.#optimizer = contestant.make(tf, cosine({ learningRate, steps }));
  }

  step(batch: Batch): void {
    const start = performance.now();
    const cost = this.#optimizer.minimize(() => crossEntropy(this.#tf, this.model, batch), true);
    const loss = cost?.dataSync()[0] ?? Number.NaN;
    this.#milliseconds.push(performance.now() - start);
    this.#losses.push(loss);
    cost?.dispose();
  }

  validate({ validation }: Split): void {
    const { accuracy } = evaluate(this.#tf, this.model, validation);
    this.#validation.push({ step: this.#losses.length, accuracy });
  }

  get remark(): string {
    const loss = this.#losses.at(-1) ?? Number.NaN;
    return `${this.#contestant.title}: loss ${loss.toFixed(3)}`;
  }

  dispose(): void {
    this.#optimizer.dispose();
    this.model.dispose();
  }

  finish({ train, test }: Split): Run {
    const momentumBytes = bytesPerNumber * this.model.countParams();
    return {
      contestant: this.#contestant,
      losses: this.#losses,
      milliseconds: this.#milliseconds,
      validation: this.#validation,
      testAccuracy: evaluate(this.#tf, this.model, test).accuracy,
      trainLoss: evaluate(this.#tf, this.model, train).loss,
      momentumBytes,
      stateBytes: this.#optimizer.stateBytes - momentumBytes,
    };
  }
}

/** The first steps of a process compile what all later ones use: nobody shall be charged for it. */
function warmUp(learner: Learner, batch: Batch): void {
  for (let k = 0; k < warmUpSteps; k++) learner.step(batch);
  learner.dispose();
  batch.x.dispose();
  batch.y.dispose();
}
