// Real activations: what the two layers of a perceptron see after a short training on MNIST.

import type { Scalar, Tensor2D } from '@tensorflow/tfjs';
import { checkInteger } from '../../src/core/check.js';
import { copyInto, DenseMatrix, zeros } from '../../src/core/matrix.js';
import { foldIn, permutation, type RandomKey, randomKey } from '../../src/core/random.js';
import { loadMnist } from '../data/mnist.js';
import { classes, takeRows } from '../data/samples.js';
import { startTensorflow, type TensorFlow } from '../data/tensorflow.js';
import { startProgress } from '../report/progress.js';

const hidden = 256;
const batch = 128;
const trainingImages = 100 * batch;

/** Inputs of one layer, one row an image, the last column 1 for the bias. */
export interface LayerInputs {
  readonly name: string;
  readonly X: DenseMatrix<'float64'>;
}

/** How long to train, how many images to show afterwards, and the seed of everything random. */
export interface ActivationOptions {
  readonly steps: number;
  readonly rows: number;
  readonly seed: number;
}

/**
 * Trains a 784–256–10 perceptron with ReLU by SGD with momentum 0.9 at learning rate 0.1, in
 * batches of 128, and returns what its first layer (p = 785) and its second layer (p = 257) see on
 * `rows` images that it was not trained on.
 *
 * @throws RangeError where the training diverges.
 */
export async function mnistActivations(options: ActivationOptions): Promise<LayerInputs[]> {
  const { steps, rows, seed } = options;
  checkInteger('mnistActivations', 'steps', steps);
  const { train, validation } = loadMnist({
    train: trainingImages,
    validation: rows,
    test: 0,
    seed,
  });
  const tf = await startTensorflow();
  const tensor = (A: DenseMatrix<'float32'>): Tensor2D => tf.tensor2d(A.data, [A.rows, A.cols]);
  const layers = [
    affineLayer(tf, train.images.cols, hidden, 2 * seed),
    affineLayer(tf, hidden, classes, 2 * seed + 1),
  ] as const;
  const hiddenOf = (x: Tensor2D): Tensor2D => layers[0].apply(x).relu();

  const optimizer = tf.train.momentum(0.1, 0.9);
  const progress = startProgress('training for activations', steps);
  const rowsOfStep = batches(train.images.rows, randomKey(seed));
  for (let step = 0; step < steps; step++) {
    const { images, labels } = takeRows(train, rowsOfStep(step));
    const loss = tf.tidy(() => {
      const x = tensor(images);
      const y = tf.oneHot(tf.tensor1d(labels, 'int32'), classes);
      const cost = (): Scalar =>
        tf.losses.softmaxCrossEntropy(y, layers[1].apply(hiddenOf(x))).asScalar();
      return optimizer.minimize(cost, true)?.dataSync()[0] ?? Number.NaN;
    });
    if (!Number.isFinite(loss)) throw new RangeError(`mnistActivations: the loss is ${loss}`);
    progress.update(step + 1, `loss ${loss.toFixed(3)}`);
  }
  progress.stop();

  const activations = tf.tidy(() => hiddenOf(tensor(validation.images)).dataSync<'float32'>());
  for (const layer of layers) layer.dispose();
  optimizer.dispose();
  return [
    { name: 'MNIST, first layer', X: withBias(validation.images) },
    {
      name: 'MNIST, second layer',
      X: withBias(new DenseMatrix('float32', rows, hidden, activations)),
    },
  ];
}

/** x ↦ xW + b. */
interface AffineLayer {
  apply(x: Tensor2D): Tensor2D;
  dispose(): void;
}

function affineLayer(tf: TensorFlow, inputs: number, outputs: number, seed: number): AffineLayer {
  const deviation = Math.sqrt(2 / inputs);
  const W = tf.variable(tf.randomNormal([inputs, outputs], 0, deviation, 'float32', seed));
  const b = tf.variable(tf.zeros([outputs]));
  return {
    apply: (x) => x.matMul<Tensor2D>(W).add(b),
    dispose: () => tf.dispose([W, b]),
  };
}

/** The rows that belong to each step: a new permutation for every pass over all of them. */
function batches(rows: number, key: RandomKey): (step: number) => Int32Array {
  const perPass = Math.floor(rows / batch);
  return (step) => {
    const order = permutation(foldIn(key, Math.floor(step / perPass)), rows);
    const start = (step % perPass) * batch;
    return order.subarray(start, start + batch);
  };
}

/** [A 1] in float64. */
export function withBias(A: DenseMatrix): DenseMatrix<'float64'> {
  const X = zeros('float64', A.rows, A.cols + 1);
  copyInto(A, X.view(0, 0, A.rows, A.cols));
  for (let i = 0; i < A.rows; i++) X.set(i, A.cols, 1);
  return X;
}
