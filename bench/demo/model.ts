// What is asked of a network that classifies images.

import type { LayersModel, Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs';
import { classes, type Samples } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';

/** Images as rows and their labels as one-hot rows, in TensorFlow.js's memory. */
export interface Batch {
  readonly x: Tensor2D;
  readonly y: Tensor2D;
}

/** Mean cross-entropy, and the share of images that are classified correctly. */
export interface Evaluation {
  readonly loss: number;
  readonly accuracy: number;
}

/** What is applied to images: a model, or a layer. */
export interface Applied {
  apply(x: Tensor): ReturnType<LayersModel['apply']>;
}

const imagesPerPass = 1_000;

/** The caller disposes of the batch. */
export function toBatch(tf: TensorFlow, { images, labels }: Samples): Batch {
  return {
    x: tf.tensor2d(images.data, [images.rows, images.cols]),
    // Not as float32 at once: the wasm backend would write the bits of integers.
    y: tf.tidy(() =>
      tf.oneHot(tf.tensor1d(labels, 'int32'), classes).toFloat().as2D(labels.length, classes),
    ),
  };
}

/** The mean softmax cross-entropy of a batch, without any weight decay. */
export function crossEntropy(tf: TensorFlow, model: Applied, { x, y }: Batch): Scalar {
  return tf.losses.softmaxCrossEntropy(y, outputOf(tf, model, x)).asScalar();
}

/** Loss and accuracy over all samples. */
export function evaluate(tf: TensorFlow, model: LayersModel, samples: Samples): Evaluation {
  const { images, labels } = samples;
  let loss = 0;
  let correct = 0;
  for (let start = 0; start < images.rows; start += imagesPerPass) {
    const rows = Math.min(imagesPerPass, images.rows - start);
    tf.tidy(() => {
      const batch = toBatch(tf, {
        images: images.view(start, 0, rows, images.cols).clone(),
        labels: labels.subarray(start, start + rows),
      });
      const logits = outputOf(tf, model, batch.x);
      const hits = logits.argMax(1).equal(batch.y.argMax(1)).sum();
      loss += rows * tf.losses.softmaxCrossEntropy(batch.y, logits).asScalar().dataSync()[0];
      correct += hits.dataSync()[0];
    });
  }
  return { loss: loss / images.rows, accuracy: correct / images.rows };
}

/**
 * The one tensor that a model or layer answers with.
 *
 * @throws TypeError where there are several.
 */
export function outputOf(tf: TensorFlow, from: Applied, x: Tensor): Tensor {
  const output = from.apply(x);
  if (output instanceof tf.Tensor) return output;
  throw new TypeError('demo: the model has several outputs, expected one');
}
