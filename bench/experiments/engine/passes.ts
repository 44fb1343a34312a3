// A step over several passes, and judgement over several batches, without reading anything at once.

import type { NamedTensorMap, Scalar } from '@tensorflow/tfjs';
import type { TfjsOptimizer } from '../../../src/tfjs/index.js';
import type { TensorFlow } from '../../data/tensorflow.js';
import {
  type Applied,
  crossEntropy,
  type Evaluation,
  judge,
  type Labelled,
} from '../../demo/model.js';

/**
 * One step with the mean gradient over all images of all passes; the mean loss before it.
 *
 * @throws what the optimiser throws.
 */
export async function stepOver(
  tf: TensorFlow,
  optimizer: TfjsOptimizer,
  model: Applied,
  passes: readonly Labelled[],
): Promise<number> {
  if (passes.length === 1) {
    const cost = optimizer.minimize(() => crossEntropy(tf, model, passes[0]), true);
    return cost === null ? Number.NaN : readOf(cost);
  }
  const images = passes.reduce((sum, { y }) => sum + y.shape[0], 0);
  let sums: NamedTensorMap = {};
  let loss = 0;
  try {
    for (const pass of passes) {
      const share = pass.y.shape[0] / images;
      const { value, grads } = optimizer.computeGradients(() => crossEntropy(tf, model, pass));
      const before = sums;
      sums = tf.tidy(() =>
        Object.fromEntries(
          Object.entries(grads).map(([name, gradient]) => {
            const own = gradient.mul(share);
            return [name, name in before ? before[name].add(own) : own];
          }),
        ),
      );
      tf.dispose([before, grads]);
      loss += share * (await readOf(value));
    }
    optimizer.applyGradients(sums);
    return loss;
  } finally {
    tf.dispose(sums);
  }
}

/** The number, whose tensor is disposed of. */
async function readOf(scalar: Scalar): Promise<number> {
  const [value] = await scalar.data();
  scalar.dispose();
  return value;
}

/** Loss and accuracy over all batches, each of which is disposed of. */
export async function judgeAll(
  tf: TensorFlow,
  model: Applied,
  batches: Iterable<Labelled> | AsyncIterable<Labelled>,
): Promise<Evaluation> {
  let [images, loss, correct] = [0, 0, 0];
  for await (const { x, y } of batches) {
    const [rows] = y.shape;
    const judged = judge(tf, model, { x, y });
    const [mean, hits] = await judged.data();
    tf.dispose([x, y, judged]);
    loss += rows * mean;
    correct += hits;
    images += rows;
  }
  return { loss: loss / images, accuracy: correct / images };
}
