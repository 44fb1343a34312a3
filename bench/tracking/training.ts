// A perceptron that trains, and what its layers see on the way.

import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import { DenseMatrix } from '../../src/core/matrix.js';
import { randomKey } from '../../src/core/random.js';
import { sgd } from '../../src/tfjs/index.js';
import { withBias } from '../approximation/activations.js';
import { loadMnist } from '../data/mnist.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { batchesOf } from '../demo/batches.js';
import { type Batch, crossEntropy, outputOf, toBatch } from '../demo/model.js';
import { makePerceptron, widths } from '../demo/perceptron.js';

/** p of each layer, the bias column included. */
export const layerInputs: readonly number[] = widths.slice(0, -1).map((width) => width + 1);

/** How long to train, and on what. */
export interface Training {
  readonly seed: number;
  readonly steps: number;
  readonly batch: number;
  /** Of SGD at learning rate 0.1: with it A moves faster. */
  readonly momentum: number;
  /** Images that are never trained on. */
  readonly heldOut: number;
}

/** What is shown of a step, before it is made. */
export interface Shown {
  readonly step: number;
  /** What each layer sees of the batch, a column of ones the last. */
  readonly inputs: () => DenseMatrix<'float64'>[];
  /** The same of the images that are never trained on. */
  readonly heldOut: () => DenseMatrix<'float64'>[];
}

/** Trains by SGD at learning rate 0.1, and shows every step to `look`. */
export function train(
  tf: TensorFlow,
  { seed, steps, batch, momentum, heldOut }: Training,
  look: (shown: Shown) => void,
): void {
  const data = loadMnist({ train: 150 * batch, validation: heldOut, test: 0, seed });
  const model = makePerceptron(tf, seed);
  const optimizer = sgd(tf, { learningRate: 0.1, momentum });
  const batchAt = batchesOf(tf, data.train, { batchSize: batch, key: randomKey(seed) });
  for (let step = 0; step < steps; step++) {
    const now = batchAt(step);
    look({
      step,
      inputs: () => inputsOf(tf, model, now),
      heldOut() {
        const images = toBatch(tf, data.validation);
        const inputs = inputsOf(tf, model, images);
        tf.dispose([images.x, images.y]);
        return inputs;
      },
    });
    optimizer.minimize(() => crossEntropy(tf, model, now));
    tf.dispose([now.x, now.y]);
  }
  optimizer.dispose();
  model.dispose();
}

function inputsOf(tf: TensorFlow, model: LayersModel, { x }: Batch): DenseMatrix<'float64'>[] {
  const seen: DenseMatrix<'float64'>[] = [];
  tf.tidy(() => {
    let value: Tensor = x;
    for (const layer of model.layers) {
      const [rows, cols] = value.shape;
      const data = value.dataSync<'float32'>().slice();
      seen.push(withBias(new DenseMatrix('float32', rows, cols, data)));
      value = outputOf(tf, layer, value);
    }
  });
  return seen;
}
