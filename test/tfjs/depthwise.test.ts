// Depthwise convolutions: their rows over generated shapes, and networks that are made of them.

import { fc, test as property } from '@fast-check/vitest';
import type { Rank, Tensor } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { captureGradients } from '../../src/tfjs/capture.js';
import { disposeCaptured, rowsOf } from '../../src/tfjs/captured.js';
import {
  ekfac,
  eva,
  foof,
  kfac,
  nysact,
  skfac,
  type TfjsOptimizer,
  tfjsBackend,
} from '../../src/tfjs/index.js';
import { channelPatchesOf as rowsOfChannels } from '../../src/tfjs/layers/depthwise.js';
import { OptimizerTaps } from '../../src/tfjs/taps.js';
import { integers } from '../rows/images.js';
import { type Draft, describeRowsAt } from '../rows/rows.contract.js';
import { build, distance, type Matrix, product, withOnes } from '../support/matrices.js';
import { onBackends, tf } from './backends.js';
import { byChannel, channelPatchesOf } from './channels.js';
import { EVERYTHING } from './products.js';
import { expectSameBitsAfterRestore } from './resume.js';
import { stripes } from './stripes.js';
import { expectTraining } from './trains.js';

type F32 = 'float32';

const upTo = (max: number) => fc.integer({ min: 1, max });
const pairUpTo = (max: number) => fc.tuple(upTo(max), upTo(max));

/** A depthwise convolution of small images, of any stride, padding and dilation. */
const convolutions = fc
  .record({
    batch: upTo(2),
    channels: upTo(3),
    multiplier: upTo(2),
    kernel: pairUpTo(3),
    stride: pairUpTo(3),
    dilation: pairUpTo(2),
    padding: fc.constantFrom('valid' as const, 'same' as const),
    extra: pairUpTo(4),
    bias: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ extra, ...rest }) => {
    // The kernel fits, and there is room for it to move.
    const [height, width] = [0, 1].map((i) => (rest.kernel[i] - 1) * rest.dilation[i] + extra[i]);
    return { ...rest, height, width };
  });

/** A tensor of small integers, with which all sums are exact. */
function integerTensor(shape: readonly number[], seed: number): Tensor {
  const size = shape.reduce((all, length) => all * length, 1);
  return tf.tensor(integers('float32', size, seed), [...shape]);
}

/** Rows of a layer in either data format, and the patches of one channel that they stand for. */
function drafts(backend: ReturnType<typeof tfjsBackend>): fc.Arbitrary<Draft<F32>> {
  const formats = fc.constantFrom('channelsLast', 'channelsFirst');
  return fc.tuple(convolutions, formats).map(([one, dataFormat]) => {
    const { batch, height, width, channels, kernel, stride, dilation, padding, bias, seed } = one;
    const images = integerTensor([batch, height, width, channels], seed);
    const X = channelPatchesOf(images, { kernel, stride, dilation, padding });
    images.dispose();
    return {
      make() {
        const input = tf.tidy(() => {
          const last = integerTensor([batch, height, width, channels], seed);
          return dataFormat === 'channelsLast' ? last : tf.transpose(last, [0, 3, 1, 2]);
        });
        const sweep = {
          name: 'test',
          kernelSize: kernel,
          strides: stride,
          dilationRate: dilation,
          padding,
          dataFormat,
        };
        const rows = rowsOfChannels({ tf, backend }, sweep, input, bias);
        // The rows have a handle of their own.
        input.dispose();
        return rows;
      },
      X: bias ? withOnes(X) : X,
      weights: undefined,
    };
  });
}

for (const name of ['cpu', 'wasm'] as const) {
  await tf.setBackend(name);
  const backend = tfjsBackend(tf);
  describe(`patches of one channel on the ${name} backend of TensorFlow.js`, () => {
    beforeAll(() => tf.setBackend(name));

    describeRowsAt(
      { dtype: 'float32', backend, live: () => tf.memory().numTensors },
      drafts(backend),
    );
  });
}

/** The kernel of height × width inputs, or its gradient, as inputs × outputs. */
function kernelMatrix(tensor: Tensor): Matrix {
  const [height, width, channels, multiplier] = tensor.shape;
  const outputs = channels * multiplier;
  const data = tensor.dataSync();
  return build(height * width, outputs, (i, j) => data[i * outputs + j]);
}

const initializer = (seed: number) => tf.initializers.glorotNormal({ seed });

/** A convolution, and two inverted residuals of the kind that MobileNetV2 is made of, without shortcuts. */
function network(): ReturnType<typeof tf.sequential> {
  const pointwise = (filters: number, seed: number) =>
    tf.layers.conv2d({
      filters,
      kernelSize: 1,
      useBias: false,
      kernelInitializer: initializer(seed),
    });
  const block = (strides: number, depthMultiplier: number, seed: number) => [
    pointwise(6, seed),
    tf.layers.batchNormalization(),
    tf.layers.reLU({ maxValue: 6 }),
    tf.layers.depthwiseConv2d({
      kernelSize: 3,
      strides,
      depthMultiplier,
      padding: 'same',
      depthwiseInitializer: initializer(seed + 1),
    }),
    tf.layers.batchNormalization(),
    tf.layers.reLU({ maxValue: 6 }),
    pointwise(4, seed + 2),
  ];
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [8, 8, 1],
        filters: 4,
        kernelSize: 3,
        strides: 2,
        padding: 'same',
        kernelInitializer: initializer(1),
      }),
      ...block(1, 2, 2),
      ...block(2, 2, 5),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({ units: 3, kernelInitializer: initializer(8) }),
    ],
  });
}

const CADENCE = { observeEvery: 1, refreshEvery: 2, momentum: 0.9 } as const;

const optimizers: readonly (readonly [string, () => TfjsOptimizer])[] = [
  ['nysact', () => nysact(tf, { ...CADENCE, learningRate: 0.1, rank: 4 })],
  [
    'nysact of sub-columns',
    () => nysact(tf, { ...CADENCE, learningRate: 0.1, rank: 3, sketch: 'subcolumn' }),
  ],
  ['foof', () => foof(tf, { ...CADENCE, learningRate: 0.1 })],
  ['kfac', () => kfac(tf, { ...CADENCE, learningRate: 0.01 })],
  ['ekfac', () => ekfac(tf, { ...CADENCE, learningRate: 0.01 })],
  ['skfac', () => skfac(tf, { ...CADENCE, learningRate: 0.01 })],
  ['eva', () => eva(tf, { ...CADENCE, learningRate: 0.01 })],
];

// The wasm backend has no gradient of a depthwise convolution.
onBackends(['cpu'], () => {
  property.prop([convolutions], { numRuns: 40 })(
    'XᵀD is the gradient of the kernel, 1ᵀD that of the bias, and D meets no other channel',
    (one) => {
      const { batch, height, width, channels, multiplier, kernel, stride, padding, seed } = one;
      const before = tf.memory().numTensors;
      const taps = new OptimizerTaps(tf);
      const x = integerTensor([batch, height, width, channels], seed);
      const outputs = channels * multiplier;
      const filter = tf.tidy(() =>
        tf.variable(integerTensor([...kernel, channels, multiplier], seed + 1)),
      );
      const bias = one.bias
        ? tf.tidy(() => tf.variable<Rank.R1>(integerTensor([outputs], seed + 2).as1D()))
        : undefined;
      const output = () => taps.depthwiseConv2d(x, filter, { strides: stride, pad: padding, bias });
      const R = tf.tidy(() => integerTensor(output().shape, seed + 3));
      const backend = tfjsBackend(tf);
      const { value, grads, blocks } = captureGradients(
        tf,
        () => output().mul(R).sum().asScalar(),
        undefined,
        EVERYTHING,
        taps,
      );
      const [block] = blocks;
      const made: { dispose(): void }[] = [];
      const rows = rowsOf({ tf, backend }, block, made);
      if (rows?.D === undefined) throw new Error('expected X and D');
      const [, oh, ow] = R.shape;
      const numbers = R.dataSync();
      const pixels = build(batch * oh * ow, outputs, (i, j) => numbers[i * outputs + j]);
      const patches = channelPatchesOf(x, { kernel, stride, padding });
      const X = one.bias ? withOnes(patches) : patches;
      const D = byChannel(pixels, batch, channels);
      // All numbers are small integers: nothing is rounded.
      expect(distance(kernelMatrix(grads[filter.name]), product(patches, 'T', D, 'N'))).toBe(0);
      const joint = product(X, 'T', D, 'N');
      if (bias !== undefined) {
        const last = Array.from(grads[bias.name].dataSync());
        expect(last).toEqual(Array.from({ length: outputs }, (_, j) => joint.at(X.cols - 1, j)));
      }
      for (const [own, host] of [
        [rows.X, X],
        [rows.D, D],
      ] as const) {
        expect([own.rows, own.cols]).toEqual([host.rows, host.cols]);
        const A = backend.allocate(own.cols, own.cols);
        own.secondMoment(1, 0, A);
        const seen = backend.readSync?.(A);
        if (seen === undefined) throw new Error('expected a backend that is read at once');
        expect(distance(seen, product(host, 'T', host, 'N'))).toBe(0);
      }
      for (const some of made) some.dispose();
      disposeCaptured(blocks);
      backend.dispose();
      tf.dispose(grads);
      tf.dispose([value, x, R, filter, ...(bias === undefined ? [] : [bias])]);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  describe.each(optimizers)('blocks of MobileNet with %s', (_, make) => {
    test('train, leak nothing, and report p and q', () => {
      expectTraining({ network, make, batch: () => stripes(12) }, (model, optimizer) => {
        const depthwise = optimizer.report(model).filter(({ kind }) => kind === 'depthwiseConv2d');
        // Kernel and bias of both.
        expect(depthwise).toMatchObject([
          { shape: [3, 3, 6, 2], inputs: 10, outputs: 12 },
          { shape: [12], reason: undefined },
          { shape: [3, 3, 6, 2], inputs: 10, outputs: 12 },
          { shape: [12], reason: undefined },
        ]);
      });
    });

    test('go on from a saved state bit for bit', async () => {
      const batch = stripes(6);
      await expectSameBitsAfterRestore({ network, make, batch });
      tf.dispose([batch.x, batch.y]);
    });
  });

  test('a kernel steps as the convolution of images with one channel does', () => {
    // One channel: the depthwise convolution is the ordinary one, with an output a multiple.
    const [own, plain] = [
      tf.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 4, inputShape: [6, 5, 1] }),
      tf.layers.conv2d({ kernelSize: 3, filters: 4, inputShape: [6, 5, 1] }),
    ].map((layer) => {
      const model = tf.sequential({ layers: [layer] });
      model.setWeights([integerTensor([3, 3, 1, 4], 3).div(8), integerTensor([4], 4).div(8)]);
      return model;
    });
    const x = tf.randomNormal([4, 6, 5, 1], 0, 1, 'float32', 5);
    const [ofOwn, ofPlain] = [own, plain].map((model) => {
      const optimizer = kfac(tf, { ...CADENCE, learningRate: 0.02 });
      for (let k = 0; k < 4; k++) {
        optimizer.minimize(() => {
          const output = model.apply(x, { training: true });
          if (!(output instanceof tf.Tensor)) throw new Error('expected one output');
          return output.square().mean().asScalar();
        });
      }
      const weights = model.getWeights().map((weight) => Array.from(weight.dataSync()));
      for (const one of [model, optimizer]) one.dispose();
      return weights.flat();
    });
    x.dispose();
    ofOwn.forEach((weight, i) => {
      // Four steps of sums of 4·12 products, the inverse no larger than 1/ρ = 33.
      expect(Math.abs(weight - ofPlain[i])).toBeLessThanOrEqual(4 * 48 * 33 * 2 ** -23);
    });
  });
});
