// What is asked of a network that classifies images.

import type { LayersModel, Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { classes, type Samples } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';

/** Images of any shape and their labels as one-hot rows, in TensorFlow.js's memory. */
export interface Labelled {
  readonly x: Tensor;
  readonly y: Tensor2D;
}

/** Images as rows, with their labels. */
export interface Batch extends Labelled {
  readonly x: Tensor2D;
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
export function crossEntropy(tf: TensorFlow, model: Applied, { x, y }: Labelled): Scalar {
  return tf.losses.softmaxCrossEntropy(y, outputOf(tf, model, x)).asScalar();
}

/** Loss and accuracy over all samples. */
export function evaluate(tf: TensorFlow, model: LayersModel, samples: Samples): Evaluation {
  return evaluateBatches(tf, model, passesOver(tf, samples));
}

function* passesOver(tf: TensorFlow, { images, labels }: Samples): Generator<Batch> {
  for (let start = 0; start < images.rows; start += imagesPerPass) {
    const rows = Math.min(imagesPerPass, images.rows - start);
    yield toBatch(tf, {
      images: images.view(start, 0, rows, images.cols).clone(),
      labels: labels.subarray(start, start + rows),
    });
  }
}

/** Loss and accuracy over all batches, each of which is disposed of. */
function evaluateBatches(
  tf: TensorFlow,
  model: LayersModel,
  batches: Iterable<Labelled>,
): Evaluation {
  let [images, loss, correct] = [0, 0, 0];
  for (const { x, y } of batches) {
    const [rows] = y.shape;
    const judged = judge(tf, model, { x, y });
    const [mean, hits] = judged.dataSync();
    tf.dispose([x, y, judged]);
    loss += rows * mean;
    correct += hits;
    images += rows;
  }
  return { loss: loss / images, accuracy: correct / images };
}

/** Of a batch the mean cross-entropy, and the number of images that are classified correctly. */
export function judge(tf: TensorFlow, model: Applied, { x, y }: Labelled): Tensor1D {
  return tf.tidy(() => {
    const logits = outputOf(tf, model, x);
    const hits = logits.argMax(1).equal(y.argMax(1)).sum().toFloat();
    return tf.stack([tf.losses.softmaxCrossEntropy(y, logits).asScalar(), hits]).as1D();
  });
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
