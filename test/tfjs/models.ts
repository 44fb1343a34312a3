// Small seeded problems and models for the tests of the TensorFlow.js host.

import type { Scalar, Tensor } from '@tensorflow/tfjs';
import type { Rows } from '../../src/rows/rows.js';
import type { CapturedBlock, CapturedUse } from '../../src/tfjs/captured.js';
import { tfjsBackend } from '../../src/tfjs/index.js';
import { gaussian, uniform } from '../support/matrices.js';
import { tf } from './backends.js';

/** Three Gaussian clouds in the plane, embedded in `inputs` dimensions, with one-hot labels. */
export function clouds(examples: number, inputs = 6, seed = 1): { x: Points; y: Points } {
  const noise = gaussian(uniform(seed), examples, inputs);
  const rows = Array.from({ length: examples }, (_, i) => i);
  const columns = Array.from({ length: inputs }, (_, j) => j);
  return {
    x: tf.tensor2d(
      rows.map((i) => columns.map((j) => noise.at(i, j) + 3 * Math.sin((i % 3) * (j + 1)))),
    ),
    y: tf.tensor2d(rows.map((i) => [0, 1, 2].map((k) => (i % 3 === k ? 1 : 0)))),
  };
}

type Points = ReturnType<typeof tf.tensor2d>;

/** A layer of seeded weights. */
export function dense(
  units: number,
  seed: number,
  inputShape?: number[],
): ReturnType<typeof tf.layers.dense> {
  return tf.layers.dense({
    units,
    ...(inputShape === undefined ? {} : { inputShape }),
    kernelInitializer: tf.initializers.glorotNormal({ seed }),
  });
}

/** inputs → 8 (relu) → 5 (tanh, without bias) → 3 (softmax), the same weights for the same seed. */
export function perceptron(inputs = 6, seed = 7): ReturnType<typeof tf.sequential> {
  const kernelInitializer = (k: number) => tf.initializers.glorotNormal({ seed: seed + k });
  return tf.sequential({
    layers: [
      tf.layers.dense({
        inputShape: [inputs],
        units: 8,
        activation: 'relu',
        kernelInitializer: kernelInitializer(0),
      }),
      tf.layers.dense({
        units: 5,
        activation: 'tanh',
        useBias: false,
        kernelInitializer: kernelInitializer(1),
      }),
      tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: kernelInitializer(2) }),
    ],
  });
}

/** All weights of a model as plain numbers. */
export function weightsOf(model: ReturnType<typeof tf.sequential>): number[][] {
  return model.getWeights().map((weight) => Array.from(weight.dataSync()));
}

/** The weights of a layer as plain numbers, frozen ones too. */
export function layerWeights(layer: InstanceType<typeof tf.layers.Layer>): number[][] {
  return layer.getWeights().map((weight) => Array.from(weight.dataSync()));
}

/** What a model makes of one input, as one tensor, in training. */
export function outputOf(model: InstanceType<typeof tf.layers.Layer>, x: Tensor): Tensor {
  const output = model.apply(x, { training: true });
  if (!(output instanceof tf.Tensor)) throw new Error('expected one output');
  return output;
}

/**
 * What a block of dense rows saw, without the bias column, all its uses one below the other; the caller
 * disposes of it.
 */
export function stacked({ uses }: CapturedBlock): { X: Points; D: Points } {
  const backend = tfjsBackend(tf);
  const parts: Tensor[] = [];
  const adopt = backend.adopt.bind(backend);
  // Rows are never looked at: what they are made of passes here.
  Reflect.set(backend, 'adopt', (...args: Parameters<typeof adopt>) => {
    parts.push(tf.clone(args[0]));
    return adopt(...args);
  });
  const stack = (make: (use: CapturedUse) => Rows<'float32'> | undefined): Points => {
    for (const use of uses) make(use)?.dispose();
    const whole = tf.tidy(() =>
      tf.concat(
        parts.map((part) => tf.reshape<Points['rankType']>(part, [-1, part.shape[part.rank - 1]])),
      ),
    );
    tf.dispose(parts.splice(0));
    return whole;
  };
  try {
    return {
      X: stack((use) => use.rows({ tf, backend }, false)),
      D: stack((use) => use.gradientRows({ tf, backend })),
    };
  } finally {
    backend.dispose();
  }
}

/** The cross-entropy of a model on the points, as a loss function. */
export function crossEntropy(
  model: InstanceType<typeof tf.layers.Layer>,
  { x, y }: { readonly x: Tensor; readonly y: Points },
): () => Scalar {
  return () => tf.losses.softmaxCrossEntropy(y, outputOf(model, x)).asScalar();
}

/** The mean square of a model's outputs, as a loss function: it fits any shape. */
export function meanSquare(model: InstanceType<typeof tf.layers.Layer>, x: Tensor): () => Scalar {
  return () => outputOf(model, x).square().mean().asScalar();
}
