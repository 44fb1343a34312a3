// One run of a study: train, then judge.

import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import { PreconditionerError } from '../../src/core/errors.js';
import type { TfjsOptimizer } from '../../src/tfjs/index.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { type Batch, crossEntropy, type Evaluation } from '../demo/model.js';

/** What is trained, by what, and on what. */
export interface Trial {
  readonly model: LayersModel;
  readonly optimizer: TfjsOptimizer;
  readonly steps: number;
  /** The batch of a step, which the run disposes of. */
  readonly batch: (step: number) => Batch;
}

/** What a run ends with that diverged: a result as good as any. */
const DIVERGED: Evaluation = { loss: Infinity, accuracy: 0 };

/** Trains, and asks how good the model has become; model and optimiser are disposed of. */
export function trained(
  tf: TensorFlow,
  { model, optimizer, steps, batch }: Trial,
  judge: (model: LayersModel) => Evaluation,
): Evaluation {
  const inTraining = { apply: (x: Tensor) => model.apply(x, { training: true }) };
  try {
    for (let step = 0; step < steps; step++) {
      const now = batch(step);
      try {
        optimizer.minimize(() => crossEntropy(tf, inTraining, now));
      } finally {
        tf.dispose([now.x, now.y]);
      }
    }
    const found = judge(model);
    return Number.isFinite(found.loss) ? found : DIVERGED;
  } catch (error) {
    // A DivergenceError is a RangeError, and numbers too large to observe are one.
    if (error instanceof RangeError || error instanceof PreconditionerError) return DIVERGED;
    throw error;
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}
