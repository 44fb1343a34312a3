// Random convolutions over images of small integers (so that every product is exact), and a direct
// convolution written from its definition.

import { fc } from '@fast-check/vitest';
import type { DType } from '../../src/core/dtype.js';
import { allocate, type TypedArrayOf } from '../../src/core/dtype.js';
import type { ConvolutionGeometry, ImageShape } from '../../src/rows/convolution.js';
import { build, type Matrix, uniform } from '../support/matrices.js';

/** Integers in [−4, 4]. */
export function integers<D extends DType>(dtype: D, length: number, seed: number): TypedArrayOf<D> {
  const random = uniform(seed);
  const data = allocate(dtype, length);
  for (let i = 0; i < length; i++) data[i] = Math.floor(9 * random()) - 4;
  return data;
}

/** A matrix of integers in [−4, 4]. */
export function integerMatrix(rows: number, cols: number, seed: number): Matrix {
  const data = integers('float64', rows * cols, seed);
  return build(rows, cols, (i, j) => data[i * cols + j]);
}

const pairOf = (min: number, max: number) =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

/** A geometry with every option given, both numbers of each pair spelled out. */
export interface FullGeometry extends ConvolutionGeometry {
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly padding:
    | 'valid'
    | 'same'
    | readonly [readonly [number, number], readonly [number, number]];
  readonly groups: number;
}

/** Every kind of convolution: strides, paddings, dilations, groups, both layouts, not square. */
export const geometries: fc.Arbitrary<FullGeometry> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    groups: fc.integer({ min: 1, max: 3 }),
    perGroup: fc.integer({ min: 1, max: 3 }),
    kernel: pairOf(1, 3),
    stride: pairOf(1, 3),
    dilation: pairOf(1, 3),
    padding: fc.oneof(
      fc.constant('valid' as const),
      fc.constant('same' as const),
      fc.tuple(pairOf(0, 4), pairOf(0, 4)),
    ),
    extra: pairOf(0, 5),
    layout: fc.constantFrom('channelsFirst' as const, 'channelsLast' as const),
  })
  .map(({ perGroup, extra, ...rest }) => {
    const { groups, kernel, dilation, padding } = rest;
    // The smallest input that the kernel fits on, and some more.
    const [height, width] = [0, 1].map((i) => {
      const span = (kernel[i] - 1) * dilation[i] + 1;
      const zeros = typeof padding === 'string' ? 0 : padding[i][0] + padding[i][1];
      return Math.max(1, padding === 'same' ? 1 : span - zeros) + extra[i];
    });
    return { ...rest, channels: groups * perGroup, height, width };
  });

/** How many elements a batch of images has. */
export function elements(shape: ImageShape): number {
  return shape.batch * shape.channels * shape.height * shape.width;
}

/** Where pixel (b, c, i, j) lies in memory. */
export function pixel(shape: ImageShape, b: number, c: number, i: number, j: number): number {
  const { channels, height, width, layout } = shape;
  return layout === 'channelsFirst'
    ? ((b * channels + c) * height + i) * width + j
    : ((b * height + i) * width + j) * channels + c;
}

/** Which column of a patch matrix belongs to kernel element (c, k, l) of a group. */
export function column(geometry: FullGeometry, c: number, k: number, l: number): number {
  const [kh, kw] = geometry.kernel;
  const count = geometry.channels / geometry.groups;
  return geometry.layout === 'channelsFirst' ? (c * kh + k) * kw + l : (k * kw + l) * count + c;
}

function axis(geometry: FullGeometry, i: 0 | 1): { before: number; count: number } {
  const { padding } = geometry;
  const size = i === 0 ? geometry.height : geometry.width;
  const stride = geometry.stride[i];
  const span = (geometry.kernel[i] - 1) * geometry.dilation[i] + 1;
  if (padding === 'same') {
    const count = Math.ceil(size / stride);
    return { before: Math.floor(Math.max(0, (count - 1) * stride + span - size) / 2), count };
  }
  const [before, after] = padding === 'valid' ? [0, 0] : padding[i];
  return { before, count: Math.floor((before + size + after - span) / stride) + 1 };
}

/** The image shape of a geometry. */
export function shapeOf({
  batch,
  channels,
  height,
  width,
  layout,
  groups,
}: FullGeometry): ImageShape {
  return { batch, channels, height, width, layout, groups };
}

/** Where in memory element `col` of row `row` of a group's patch matrix lies; undefined in the padding. */
export function patchPixel(
  geometry: FullGeometry,
  group: number,
  row: number,
  col: number,
): number | undefined {
  const { channels, groups, height, width, kernel, stride, dilation, layout } = geometry;
  const count = channels / groups;
  const [kh, kw] = kernel;
  const [c, k, l] =
    layout === 'channelsFirst'
      ? [Math.floor(col / (kh * kw)), Math.floor(col / kw) % kh, col % kw]
      : [col % count, Math.floor(col / (count * kw)), Math.floor(col / count) % kw];
  const [v, h] = [axis(geometry, 0), axis(geometry, 1)];
  const i = (Math.floor(row / h.count) % v.count) * stride[0] - v.before + k * dilation[0];
  const j = (row % h.count) * stride[1] - h.before + l * dilation[1];
  if (i < 0 || i >= height || j < 0 || j >= width) return undefined;
  const b = Math.floor(row / (v.count * h.count));
  return pixel(geometry, b, group * count + c, i, j);
}

/**
 * Group `group` of the convolution of `image` with the q×p weights W, as rows (example, row, column) × q,
 * from the definition.
 */
export function directConvolution(
  image: ArrayLike<number>,
  W: Matrix,
  group: number,
  geometry: FullGeometry,
): Matrix {
  const { batch, channels, groups, height, width, kernel, stride, dilation } = geometry;
  const count = channels / groups;
  const [v, h] = [axis(geometry, 0), axis(geometry, 1)];
  const positions = v.count * h.count;
  return build(batch * positions, W.rows, (row, q) => {
    const b = Math.floor(row / positions);
    const y = Math.floor((row % positions) / h.count);
    const x = row % h.count;
    let sum = 0;
    for (let c = 0; c < count; c++) {
      for (let k = 0; k < kernel[0]; k++) {
        for (let l = 0; l < kernel[1]; l++) {
          const i = y * stride[0] - v.before + k * dilation[0];
          const j = x * stride[1] - h.before + l * dilation[1];
          if (i < 0 || i >= height || j < 0 || j >= width) continue;
          const value = image[pixel(geometry, b, group * count + c, i, j)];
          sum += value * W.at(q, column(geometry, c, k, l));
        }
      }
    }
    return sum;
  });
}
