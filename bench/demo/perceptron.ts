// The perceptron, and what its first layer makes of images.

import type { LayersModel } from '@tensorflow/tfjs';
import { DenseMatrix } from '../../src/core/matrix.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { outputOf } from './model.js';

/** Units of each dense layer; ReLU between them, softmax after the last. */
export const widths = [784, 256, 128, 10] as const;

/** ReLU between dense layers; the last one gives logits. The same weights for the same seed. */
export function makePerceptron(
  tf: TensorFlow,
  seed: number,
  [inputs, ...units]: readonly [number, ...number[]] = widths,
): LayersModel {
  return tf.sequential({
    layers: units.map((width, layer) =>
      tf.layers.dense({
        units: width,
        activation: layer < units.length - 1 ? 'relu' : 'linear',
        kernelInitializer: tf.initializers.heNormal({ seed: units.length * seed + layer }),
        ...(layer === 0 ? { inputShape: [inputs] } : {}),
      }),
    ),
  });
}

/** What the first layer makes of the images, which is what the second layer sees. */
export function firstHidden(
  tf: TensorFlow,
  model: LayersModel,
  images: DenseMatrix<'float32'>,
): DenseMatrix<'float32'> {
  const [first] = model.layers;
  const values = tf.tidy(() =>
    outputOf(
      tf,
      first,
      tf.tensor2d(images.clone().data, [images.rows, images.cols]),
    ).dataSync<'float32'>(),
  );
  return new DenseMatrix('float32', images.rows, values.length / images.rows, values);
}
