// One network trained by one optimiser, a step at a time, so that a page stays alive meanwhile.

import type { LayersModel } from '@tensorflow/tfjs';
import { foldIn, randomKey } from '../../src/core/random.js';
import { cosine } from '../../src/optimize/schedules.js';
import type { TfjsOptimizer } from '../../src/tfjs/index.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { batchesOf } from '../demo/batches.js';
import type { Contestant } from '../demo/contestants.js';
import { makeLenet } from '../demo/lenet.js';
import { type Batch, crossEntropy, outputOf, toBatch } from '../demo/model.js';
import type { PageSamples } from './images.js';

/** How long to train, in what batches. */
export interface TrainingPlan {
  readonly steps: number;
  readonly batchSize: number;
  readonly seed: number;
}

/** LeNet in training; the same weights and batches for the same seed. */
export class Trainer {
  readonly #tf: TensorFlow;
  readonly #model: LayersModel;
  readonly #optimizer: TfjsOptimizer;
  readonly #test: Batch;
  readonly #batchAt: (step: number) => Batch;
  #step = 0;

  constructor(
    tf: TensorFlow,
    contestant: Contestant,
    samples: PageSamples,
    { steps, batchSize, seed }: TrainingPlan,
  ) {
    const { learningRate } = contestant.options;
    this.#tf = tf;
    this.#model = makeLenet(tf, seed);
    this.#optimizer = contestant.make(tf, cosine({ learningRate, steps }));
    this.#test = toBatch(tf, samples.test);
    const key = foldIn(randomKey(seed), 2);
    this.#batchAt = batchesOf(tf, samples.train, { batchSize, key });
  }

  /**
   * The loss of the next batch before the step, when the step is done.
   *
   * @throws (rejects) DivergenceError where the training diverges.
   */
  async step(): Promise<number> {
    const batch = this.#batchAt(this.#step++);
    const cost = this.#optimizer.minimize(() => crossEntropy(this.#tf, this.#model, batch), true);
    const [loss = Number.NaN] = cost === null ? [] : await cost.data();
    this.#tf.dispose([batch.x, batch.y]);
    cost?.dispose();
    return loss;
  }

  /** The share of test images that are classified correctly. */
  async accuracy(): Promise<number> {
    const hits = this.#tf.tidy(() => {
      const logits = outputOf(this.#tf, this.#model, this.#test.x);
      return logits.argMax(1).equal(this.#test.y.argMax(1)).sum();
    });
    const [count] = await hits.data();
    hits.dispose();
    return count / this.#test.x.shape[0];
  }

  /** Frees all memory on the device. */
  dispose(): void {
    this.#optimizer.dispose();
    this.#model.dispose();
    this.#tf.dispose([this.#test.x, this.#test.y]);
  }
}
