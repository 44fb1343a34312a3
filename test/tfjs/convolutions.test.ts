// Convolutions: the rows of every kind are those that make its gradient, element by element.

import type { Tensor } from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import type { Slot } from '../../src/backend/backend.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import { extractPatches, outputGradientRows } from '../../src/rows/images.js';
import type { Rows } from '../../src/rows/rows.js';
import { captureGradients } from '../../src/tfjs/capture.js';
import { disposeCaptured, rowsOf } from '../../src/tfjs/captured.js';
import { tfjsBackend } from '../../src/tfjs/index.js';
import { integerMatrix, integers } from '../rows/images.js';
import { build, distance, filled, type Matrix, product, withOnes } from '../support/matrices.js';
import { onBackends, tf } from './backends.js';
import { byChannel, channelPatchesOf } from './channels.js';
import { outputOf } from './models.js';

type Layer = InstanceType<typeof tf.layers.Layer>;

const EVERYTHING = { inputs: true, outputGradients: true };
const [BATCH, CHANNELS, FILTERS] = [2, 3, 4];

type Format = 'channelsFirst' | 'channelsLast';

/** One layer and its input, and the data formats of what enters and of what comes back. */
interface Case {
  readonly layer: Layer;
  readonly input: readonly number[];
  readonly formats: readonly [Format, Format];
  readonly relu: boolean;
}

/** How a kernel moves. */
interface Sweep {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: 'same' | 'valid';
}

/** A tensor of small integers, with which all sums are exact. */
function integerTensor(shape: readonly number[], seed: number): Tensor {
  const size = shape.reduce((product_, length) => product_ * length, 1);
  return tf.tensor(integers('float32', size, seed), [...shape]);
}

/** Builds a layer by its first use, and gives it weights of small integers. */
function fillWeights(layer: Layer, x: Tensor): void {
  outputOf(layer, x).dispose();
  const weights = layer.getWeights().map(({ shape }, i) => integerTensor(shape, 40 + i));
  layer.setWeights(weights);
  tf.dispose(weights);
}

/** Images [batch, height, width, channels] of a tensor in a data format, lines being images of one row. */
function images(tensor: Tensor, format: Format): Tensor {
  return tf.tidy(() => {
    const axes = tensor.shape.map((_, axis) => axis);
    const last = format === 'channelsLast' ? tensor : tensor.transpose([0, ...axes.slice(2), 1]);
    return last.rank === 3 ? last.expandDims(1) : last.clone();
  });
}

/** The patches that a kernel sees of images. */
function patchesOf(tensor: Tensor, sweep: Sweep): Matrix {
  const [batch, height, width, channels] = tensor.shape;
  const [patches] = extractPatches(tensor.dataSync<'float32'>(), {
    batch,
    height,
    width,
    channels,
    layout: 'channelsLast',
    ...sweep,
  });
  return convert(patches, 'float64');
}

/** The pixels of images as rows of channels. */
function pixelsOf(tensor: Tensor): Matrix {
  const [batch, height, width, channels] = tensor.shape;
  const [pixels] = outputGradientRows(tensor.dataSync<'float32'>(), {
    batch,
    height,
    width,
    channels,
    layout: 'channelsLast',
  });
  return convert(pixels, 'float64');
}

function gram(rows: Rows<'float32'>): DenseMatrix {
  const A: Slot<'float32'> = rows.backend.allocate(rows.cols, rows.cols);
  rows.secondMoment(1, 0, A);
  const value = rows.backend.readSync?.(A);
  rows.backend.free(A);
  if (value === undefined) throw new Error('expected a backend that is read at once');
  return value;
}

/** A gradient as a matrix of `rows` rows, its last axes being one. */
function matrixOf(tensor: Tensor, rows: number): Matrix {
  const data = tensor.dataSync();
  return build(rows, tensor.size / rows, (i, j) => data[(i * tensor.size) / rows + j]);
}

/** What a weight of a layer sees. */
interface Seen {
  readonly X: Matrix;
  readonly D: Matrix;
}

/**
 * With the loss Σ output∘R, what comes back to the pre-activations is R, and 0 where relu held it back: the
 * rows of X and D must be the host's, of each weight.
 */
function expectRows(one: Case, host: (x: Tensor, R: Tensor) => readonly Seen[]): void {
  const {
    layer,
    input,
    formats: [formatX, formatR],
  } = one;
  const x = integerTensor(input, 1);
  fillWeights(layer, x);
  const [R, back] = tf.tidy(() => {
    const output = outputOf(layer, x);
    const drawn = integerTensor(output.shape, 2);
    return [drawn, one.relu ? drawn.mul(output.greater(0).toFloat()) : drawn.clone()];
  });
  const before = tf.memory().numTensors;
  const backend = tfjsBackend(tf);
  const loss = () => outputOf(layer, x).mul(R).sum().asScalar();
  const { value, grads, blocks } = captureGradients(tf, loss, undefined, EVERYTHING);
  const seen = [images(x, formatX), images(back, formatR)] as const;
  const expected = host(...seen);
  expect(blocks).toHaveLength(expected.length);
  blocks.forEach((block, i) => {
    const { X, D } = expected[i];
    const made: { dispose(): void }[] = [];
    const rows = rowsOf({ tf, backend }, block, made);
    if (rows?.D === undefined) throw new Error('expected X and D');
    // The host's rows are those of the gradient, row by row…
    const G = block.layout === 'rows' ? product(D, 'T', X, 'N') : product(X, 'T', D, 'N');
    expect(distance(matrixOf(grads[block.weight], G.rows), G)).toBe(0);
    const sums = product(filled(D.rows, 1, 1), 'T', D, 'N');
    if (block.bias !== undefined) {
      expect(distance(matrixOf(grads[block.bias], 1), sums)).toBe(0);
    }
    // …and the moments of ours are theirs.
    const own = block.bias === undefined ? X : withOnes(X);
    expect(distance(gram(rows.X), product(own, 'T', own, 'N'))).toBe(0);
    expect(distance(gram(rows.D), product(D, 'T', D, 'N'))).toBe(0);
    for (const some of made) some.dispose();
  });
  disposeCaptured(blocks);
  backend.dispose();
  tf.dispose(grads);
  tf.dispose([value, ...seen]);
  expect(tf.memory().numTensors).toBe(before);
  tf.dispose([x, R, back]);
  layer.dispose();
}

/** [batch, height, width, channels] in a data format; lines have no height. */
function shapeIn(format: Format, ...pixels: readonly number[]): number[] {
  return format === 'channelsLast' ? [BATCH, ...pixels, CHANNELS] : [BATCH, CHANNELS, ...pixels];
}

const FORMATS: readonly Format[] = ['channelsLast', 'channelsFirst'];
const STRIDES = [
  [1, 1],
  [2, 1],
  [2, 3],
] as const;
const cases = FORMATS.flatMap((format) =>
  (['valid', 'same'] as const).flatMap((padding) =>
    STRIDES.flatMap((stride) =>
      [false, true].map((relu) => ({ format, padding, stride, relu, useBias: !relu })),
    ),
  ),
);

const KERNEL: [number, number] = [3, 2];

/** What a convolution in two dimensions is made with. */
function planar({ format, padding, stride, relu, useBias }: (typeof cases)[number]) {
  return {
    filters: FILTERS,
    kernelSize: KERNEL,
    strides: [...stride],
    dataFormat: format,
    activation: relu ? ('relu' as const) : ('linear' as const),
    padding,
    useBias,
  };
}

// The wasm backend has no gradient of a convolution.
onBackends(['cpu'], () => {
  test.each(cases)('conv2d: a row is a patch, %o', ({ format, padding, stride, relu, useBias }) => {
    const layer = tf.layers.conv2d(planar({ format, padding, stride, relu, useBias }));
    expectRows({ layer, input: shapeIn(format, 5, 6), formats: [format, format], relu }, (x, R) => [
      { X: patchesOf(x, { kernel: KERNEL, stride, padding }), D: pixelsOf(R) },
    ]);
  });

  test.each(cases)(
    'depthwiseConv2d: a row is a patch of one channel, %o',
    ({ format, padding, stride, relu, useBias }) => {
      const { filters: _, ...rest } = planar({ format, padding, stride, relu, useBias });
      const layer = tf.layers.depthwiseConv2d({
        // Which TensorFlow.js does not heed.
        dilationRate: Math.max(...stride) === 1 ? 2 : 1,
        depthMultiplier: 2,
        ...rest,
      });
      expectRows(
        { layer, input: shapeIn(format, 5, 6), formats: [format, format], relu },
        (x, R) => [
          {
            X: channelPatchesOf(x, { kernel: KERNEL, stride, padding }),
            D: byChannel(pixelsOf(R), BATCH, CHANNELS),
          },
        ],
      );
    },
  );

  test.each(cases)(
    'conv1d: a row is a piece of a line, %o',
    ({ format, padding, stride, relu, useBias }) => {
      const layer = tf.layers.conv1d({
        filters: FILTERS,
        kernelSize: 3,
        strides: stride[1],
        dataFormat: format,
        activation: relu ? 'relu' : 'linear',
        padding,
        useBias,
      });
      // Its output has channels last in any case.
      expectRows(
        { layer, input: shapeIn(format, 7), formats: [format, 'channelsLast'], relu },
        (x, R) => [
          { X: patchesOf(x, { kernel: [1, 3], stride: [1, stride[1]], padding }), D: pixelsOf(R) },
        ],
      );
    },
  );

  test.each(cases)(
    'conv2dTranspose: a row is a pixel, and its gradient a patch, %o',
    ({ format, padding, stride, relu, useBias }) => {
      const layer = tf.layers.conv2dTranspose({
        // Which TensorFlow.js does not heed.
        dilationRate: Math.max(...stride) === 1 ? 2 : 1,
        ...planar({ format, padding, stride, relu, useBias }),
      });
      expectRows(
        { layer, input: shapeIn(format, 3, 4), formats: [format, format], relu },
        (x, R) => [{ X: pixelsOf(x), D: patchesOf(R, { kernel: KERNEL, stride, padding }) }],
      );
    },
  );

  test.each(
    cases.filter(({ format, stride }) => format === 'channelsLast' && stride[0] === stride[1]),
  )(
    'separableConv2d: a row is a patch of one channel, or a pixel of its depthwise half, %o',
    ({ padding, stride, relu, useBias }) => {
      const layer = tf.layers.separableConv2d({
        filters: FILTERS,
        kernelSize: [...KERNEL],
        strides: [...stride],
        depthMultiplier: 2,
        activation: relu ? 'relu' : 'linear',
        padding,
        useBias,
      });
      expectRows(
        {
          layer,
          input: shapeIn('channelsLast', 5, 6),
          formats: ['channelsLast', 'channelsLast'],
          relu,
        },
        (x, R) => {
          const half = tf.tidy(() =>
            tf.depthwiseConv2d(
              x.as4D(BATCH, 5, 6, CHANNELS),
              depthwiseKernel(),
              [...stride],
              padding,
            ),
          );
          const pixels = pixelsOf(half);
          half.dispose();
          const D = pixelsOf(R);
          const back = product(D, 'N', pointwiseKernel(), 'T');
          return [
            {
              X: channelPatchesOf(x, { kernel: KERNEL, stride, padding }),
              D: byChannel(back, BATCH, CHANNELS),
            },
            { X: pixels, D },
          ];
        },
      );
    },
  );
});

/** The first weight of a separable layer, as {@link fillWeights} makes it. */
function depthwiseKernel(): ReturnType<typeof tf.tensor4d> {
  return integerTensor([3, 2, CHANNELS, 2], 40).as4D(3, 2, CHANNELS, 2);
}

/** The second one: a row an output of the depthwise half. */
function pointwiseKernel(): Matrix {
  return integerMatrix(2 * CHANNELS, FILTERS, 41);
}
