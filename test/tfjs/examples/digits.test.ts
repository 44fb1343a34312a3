// Digits are drawn by a generator, which a discriminator that also tells the digit tries to find out.

import type { LayersModel, SymbolicTensor, Tensor } from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { loadMnist } from '../../../bench/data/mnist.js';
import { classes } from '../../../bench/data/samples.js';
import { nysact } from '../../../src/tfjs/index.js';
import { gaussian, uniform } from '../../support/matrices.js';
import { onBackends, tf } from '../backends.js';
import { kindsOf, mean } from './trains.js';

const LATENT = 8;
const BATCH = 8;

const one = (output: SymbolicTensor | SymbolicTensor[] | Tensor | Tensor[]): SymbolicTensor => {
  if (output instanceof tf.SymbolicTensor) return output;
  throw new TypeError('expected one symbolic tensor');
};
const initializer = (seed: number) => tf.initializers.glorotNormal({ seed });

/** A latent vector times the embedding of a digit becomes an image of 28×28 pixels in [−1, 1]. */
function makeGenerator(): LayersModel {
  const upsample = (name: string, filters: number, strides: number, seed: number) =>
    tf.layers.conv2dTranspose({
      name,
      filters,
      strides,
      kernelSize: 5,
      padding: strides === 1 ? 'valid' : 'same',
      activation: filters === 1 ? 'tanh' : 'relu',
      kernelInitializer: initializer(seed),
    });
  const body = tf.sequential({
    layers: [
      tf.layers.dense({
        name: 'seedling',
        inputShape: [LATENT],
        units: 3 * 3 * 6,
        activation: 'relu',
        kernelInitializer: initializer(1),
      }),
      tf.layers.reshape({ targetShape: [3, 3, 6] }),
      upsample('up7', 4, 1, 2),
      tf.layers.batchNormalization({ name: 'norm7' }),
      upsample('up14', 3, 2, 3),
      tf.layers.batchNormalization({ name: 'norm14' }),
      upsample('up28', 1, 2, 4),
    ],
  });
  const latent = tf.input({ shape: [LATENT] });
  const digit = tf.input({ shape: [1] });
  const embedded = tf.layers.embedding({
    name: 'digit',
    inputDim: classes,
    outputDim: LATENT,
    embeddingsInitializer: initializer(5),
  });
  const flat = one(tf.layers.flatten().apply(one(embedded.apply(digit))));
  const mixed = one(tf.layers.multiply().apply([latent, flat]));
  return tf.model({ inputs: [latent, digit], outputs: one(body.apply(mixed)) });
}

/** Tells whether an image is real, and which digit it shows. */
function makeDiscriminator(): LayersModel {
  const conv = (name: string, filters: number, strides: number, seed: number) => [
    tf.layers.conv2d({
      name,
      filters,
      strides,
      kernelSize: 3,
      padding: 'same',
      kernelInitializer: initializer(seed),
    }),
    tf.layers.leakyReLU({ alpha: 0.2 }),
    tf.layers.dropout({ rate: 0.3, seed }),
  ];
  const image = tf.input({ shape: [28, 28, 1] });
  const layers = [...conv('look14', 4, 2, 6), ...conv('look7', 6, 2, 7), tf.layers.flatten()];
  const features = layers.reduce((x, layer) => one(layer.apply(x)), image);
  const real = tf.layers.dense({
    name: 'real',
    units: 1,
    activation: 'sigmoid',
    kernelInitializer: initializer(8),
  });
  const which = tf.layers.dense({
    name: 'which',
    units: classes,
    activation: 'softmax',
    kernelInitializer: initializer(9),
  });
  return tf.model({
    inputs: image,
    outputs: [one(real.apply(features)), one(which.apply(features))],
  });
}

// The wasm backend has no gradient of a convolution.
onBackends(['cpu'], () => {
  test('two optimisers of NysAct train them in turn', async () => {
    const before = tf.memory().numTensors;
    const loss = ['binaryCrossentropy', 'sparseCategoricalCrossentropy'];
    const [ofDiscriminator, ofGenerator] = [0, 1].map((seed) =>
      nysact(tf, { learningRate: 0.03, damping: 0.1, momentum: 0.5, seed }),
    );
    const discriminator = makeDiscriminator();
    discriminator.compile({ optimizer: ofDiscriminator, loss });
    const generator = makeGenerator();
    // The combined model trains the generator alone.
    const [latent, digit] = [tf.input({ shape: [LATENT] }), tf.input({ shape: [1] })];
    const fake = one(generator.apply([latent, digit]));
    discriminator.trainable = false;
    const outputs = discriminator.apply(fake);
    if (!Array.isArray(outputs)) throw new TypeError('expected two outputs');
    const combined = tf.model({ inputs: [latent, digit], outputs: outputs.map(one) });
    combined.compile({ optimizer: ofGenerator, loss });

    const { train } = loadMnist({ train: BATCH, validation: 0, test: 0, seed: 1 });
    const images = tf.tidy(() => tf.tensor4d(train.images.data, [BATCH, 28, 28, 1]).mul(2).sub(1));
    const labels = tf.tensor2d(Float32Array.from(train.labels), [BATCH, 1]);
    const random = uniform(3);
    const steps = 12;
    const told: number[] = [];
    let during = 0;
    for (let k = 0; k < steps; k++) {
      const noise = tf.tensor2d(gaussian(random, BATCH, LATENT).toArrays());
      const made = generator.predict([noise, labels]);
      const both = tf.tidy(() => ({
        x: tf.concat([images, ...(Array.isArray(made) ? made : [made])]),
        real: tf.concat([tf.ones([BATCH, 1]).mul(0.9), tf.zeros([BATCH, 1])]),
        which: tf.concat([labels, labels]),
      }));
      const ones = tf.ones([BATCH, 1]);
      discriminator.trainable = true;
      const losses = await discriminator.trainOnBatch(both.x, [both.real, both.which]);
      // Of both outputs together, of whether it is real, and of which digit it is.
      const ofDigit = Array.isArray(losses) ? losses[2] : Number.NaN;
      discriminator.trainable = false;
      await combined.trainOnBatch([noise, labels], [ones, labels]);
      told.push(ofDigit);
      tf.dispose([noise, made, both, ones]);
      if (k === 3) during = tf.memory().numTensors;
    }
    expect(tf.memory().numTensors).toBe(during);
    expect(mean(told.slice(-3))).toBeLessThan(0.9 * mean(told.slice(0, 3)));
    const bias = "it is no weight or bias that the kind 'conv2dTranspose' knows";
    const norm =
      'BatchNormalization scales and shifts each feature alone, and trains with the rest';
    const still = 'it is not trained';
    expect(kindsOf(ofGenerator, generator)).toEqual({
      digit: ['embedding'],
      seedling: ['dense', 'dense'],
      up7: ['conv2dTranspose', bias],
      up14: ['conv2dTranspose', bias],
      up28: ['conv2dTranspose', bias],
      norm7: [norm, norm, still, still],
      norm14: [norm, norm, still, still],
    });
    discriminator.trainable = true;
    expect(kindsOf(ofDiscriminator, discriminator)).toEqual({
      look14: ['conv2d', 'conv2d'],
      look7: ['conv2d', 'conv2d'],
      real: ['dense', 'dense'],
      which: ['dense', 'dense'],
    });
    tf.dispose([images, labels]);
    // The combined model disposes of those that it was made of.
    for (const part of [combined, ofDiscriminator, ofGenerator]) part.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
