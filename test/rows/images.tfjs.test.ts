import { fc, test } from '@fast-check/vitest';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect } from 'vitest';
import { convert } from '../../src/core/matrix.js';
import { convolutionOutput } from '../../src/rows/convolution.js';
import { extractPatches, outputGradientRows } from '../../src/rows/images.js';
import { build, distance, type Matrix, product } from '../support/matrices.js';
import { elements, type FullGeometry, geometries, integers } from './images.js';

const seeds = fc.integer({ min: 0, max: 2 ** 31 });

/** Convolutions that TensorFlow.js has too: channels last, no stride together with dilation. */
const shared = geometries.map((drawn): FullGeometry & { padding: 'valid' | 'same' } => {
  const padding = typeof drawn.padding === 'string' ? drawn.padding : 'valid';
  const strided = drawn.stride[0] > 1 || drawn.stride[1] > 1;
  const dilation: readonly [number, number] = strided ? [1, 1] : drawn.dilation;
  const [height, width] = [drawn.height, drawn.width].map(
    (size, i) => size + (drawn.kernel[i] - 1) * dilation[i],
  );
  return { ...drawn, padding, dilation, height, width, layout: 'channelsLast' };
});

describe('TensorFlow.js agrees', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.prop([shared, seeds], { numRuns: 60 })('conv2d and its filter gradient', (drawn, seed) => {
    const geometry = { ...drawn, groups: 1 };
    const { batch, height, width, channels, kernel, stride, dilation, padding } = geometry;
    const outputs = 2;
    const image = integers('float32', elements(geometry), seed);
    const { inputs, rows, ...size } = convolutionOutput(geometry);
    const filter = integers('float32', inputs * outputs, seed + 1);
    const gradient = integers('float32', rows * outputs, seed + 2);
    const convolve = (f: tf.Tensor): tf.Tensor4D =>
      tf.conv2d(
        tf.tensor4d(image, [batch, height, width, channels]),
        f.as4D(kernel[0], kernel[1], channels, outputs),
        [stride[0], stride[1]],
        padding,
        'NHWC',
        [dilation[0], dilation[1]],
      );
    const [X] = extractPatches(image, geometry).map((part) => convert(part, 'float64'));
    const W = flat(filter, inputs, outputs);
    expect(distance(product(X, 'N', W, 'N'), evaluate(convolve, filter, rows))).toBe(0);
    // TensorFlow.js has no gradient of a dilated convolution.
    if (dilation[0] > 1 || dilation[1] > 1) return;
    const [D] = outputGradientRows(gradient, {
      batch,
      channels: outputs,
      ...size,
      layout: 'channelsLast',
    }).map((part) => convert(part, 'float64'));
    expect(
      distance(product(X, 'T', D, 'N'), filterGradient(convolve, filter, gradient, inputs)),
    ).toBe(0);
  });

  test.prop([shared, seeds], { numRuns: 60 })(
    'depthwiseConv2d and its filter gradient',
    (drawn, seed) => {
      const geometry = { ...drawn, groups: drawn.channels };
      const { batch, height, width, channels, kernel, stride, dilation, padding } = geometry;
      const multiplier = 2;
      const outputs = channels * multiplier;
      const image = integers('float32', elements(geometry), seed);
      const { inputs, rows, ...size } = convolutionOutput(geometry);
      const filter = integers('float32', inputs * outputs, seed + 1);
      const gradient = integers('float32', rows * outputs, seed + 2);
      const convolve = (f: tf.Tensor): tf.Tensor4D =>
        tf.depthwiseConv2d(
          tf.tensor4d(image, [batch, height, width, channels]),
          f.as4D(kernel[0], kernel[1], channels, multiplier),
          [stride[0], stride[1]],
          padding,
          'NHWC',
          [dilation[0], dilation[1]],
        );
      const X = extractPatches(image, geometry).map((part) => convert(part, 'float64'));
      const W = flat(filter, inputs, outputs);
      const expected = evaluate(convolve, filter, rows);
      const dilated = dilation[0] > 1 || dilation[1] > 1;
      const dW = dilated ? undefined : filterGradient(convolve, filter, gradient, inputs);
      const D = outputGradientRows(gradient, {
        batch,
        channels: outputs,
        ...size,
        layout: 'channelsLast',
        groups: channels,
      }).map((part) => convert(part, 'float64'));
      X.forEach((patches, group) => {
        const own = (M: Matrix) => M.view(0, group * multiplier, M.rows, multiplier);
        expect(distance(product(patches, 'N', own(W), 'N'), own(expected))).toBe(0);
        if (dW === undefined) return;
        expect(distance(product(patches, 'T', D[group], 'N'), own(dW))).toBe(0);
      });
    },
  );
});

function flat(data: ArrayLike<number>, rows: number, cols: number): Matrix {
  return build(rows, cols, (i, j) => data[i * cols + j]);
}

type Convolve = (filter: tf.Tensor) => tf.Tensor4D;

/** The output of a convolution as rows. */
function evaluate(convolve: Convolve, filter: Float32Array, rows: number): Matrix {
  const data = tf.tidy(() => convolve(tf.tensor1d(filter)).dataSync());
  return flat(data, rows, data.length / rows);
}

/** The gradient of ⟨output, gradient⟩ with respect to the filter, one column an output channel. */
function filterGradient(
  convolve: Convolve,
  filter: Float32Array,
  gradient: Float32Array,
  inputs: number,
): Matrix {
  const loss = (f: tf.Tensor) => convolve(f).flatten().mul(tf.tensor1d(gradient)).sum();
  const data = tf.tidy(() => tf.grad(loss)(tf.tensor1d(filter)).dataSync());
  return flat(data, inputs, data.length / inputs);
}
