// Convolution as a matrix product: images as patch matrices, output gradients as rows beside them.

import type { DType, TypedArrayOf } from '../core/dtype.js';
import { type DenseMatrix, zeros } from '../core/matrix.js';
import {
  type ConvolutionGeometry,
  checkImage,
  type ImageShape,
  type Plan,
  plan,
} from './convolution.js';
import { reshape } from './reshape.js';

/**
 * The patches that a convolution's kernel sees, as one m×p matrix a group: the outputs of group g
 * are patches[g]·Wgᵀ, where Wg has one row an output channel.
 *
 * Rows run over (example, output row, output column). Columns run over the group's (channel, kernel
 * row, kernel column) where channels come first, PyTorch's order of weights, and over (kernel row,
 * kernel column, channel) where they come last, TensorFlow's; a bias column is last. Zeros stand
 * for padding. Cost: writes each of the groups·m·p elements once.
 *
 * @throws RangeError where the geometry is not one of a convolution or the input has another
 * number of elements; TypeError where the geometry or its kernel is missing, or the input is no matrix
 * and no typed array of floats.
 */
export function extractPatches<D extends DType>(
  input: DenseMatrix<D> | TypedArrayOf<D>,
  geometry: ConvolutionGeometry,
): DenseMatrix<D>[] {
  const where = 'extractPatches';
  const layer = plan(where, geometry);
  const { batch, channels, height, width, layout, bias } = geometry;
  const { groups, output } = layer;
  const image = reshape(where, 'input', input, batch, channels * height * width);
  const copy = layout === 'channelsFirst' ? copyChannelsFirst : copyChannelsLast;
  return Array.from({ length: groups }, (_, group) => {
    const X = zeros(image.dtype, output.rows, output.inputs);
    copy(image, layer, group, X);
    if (bias) for (let i = 0; i < X.rows; i++) X.set(i, X.cols - 1, 1);
    return X;
  });
}

/**
 * The gradients with respect to a convolution's output as rows (example, row, column), one
 * matrix m×(channels/groups) a group, so that they match the patch matrices row by row and
 * DᵀX is the gradient of the group's weights. Cost: none where channels come last (the matrices are
 * views of the input), one copy where they come first.
 *
 * @throws RangeError where the shape is wrong or the input has another number of elements;
 * TypeError where the input is no matrix and no typed array of floats.
 */
export function outputGradientRows<D extends DType>(
  input: DenseMatrix<D> | TypedArrayOf<D>,
  shape: ImageShape,
): DenseMatrix<D>[] {
  const where = 'outputGradientRows';
  const groups = checkImage(where, shape);
  const { batch, channels, height, width, layout } = shape;
  const pixels = height * width;
  const rows =
    layout === 'channelsLast'
      ? reshape(where, 'input', input, batch * pixels, channels)
      : channelsToColumns(reshape(where, 'input', input, batch * channels, pixels), channels);
  const count = channels / groups;
  return Array.from({ length: groups }, (_, group) =>
    rows.view(0, group * count, rows.rows, count),
  );
}

/** (batch·channels)×pixels → (batch·pixels)×channels. */
function channelsToColumns<D extends DType>(
  image: DenseMatrix<D>,
  channels: number,
): DenseMatrix<D> {
  const pixels = image.cols;
  const rows = zeros(image.dtype, (image.rows / channels) * pixels, channels);
  for (let i = 0; i < image.rows; i++) {
    const channel = i % channels;
    const from = image.offset + i * pixels;
    const to = (i - channel) * pixels + channel;
    for (let k = 0; k < pixels; k++) rows.data[to + k * channels] = image.data[from + k];
  }
  return rows;
}

function copyChannelsFirst(image: DenseMatrix, layer: Plan, group: number, X: DenseMatrix): void {
  const { batch, channels, groups, vertical, horizontal } = layer;
  const [from, to] = [image.data, X.data];
  const count = channels / groups;
  const { kernel, dilation, size } = horizontal;
  let row = 0;
  for (let b = 0; b < batch; b++) {
    const first = b * channels + group * count;
    for (const v of vertical.windows) {
      for (const h of horizontal.windows) {
        for (let c = 0; c < count; c++) {
          const plane = image.offset + (first + c) * vertical.size * size + h.origin;
          for (let k = v.first; k < v.last; k++) {
            const source = plane + (v.origin + k * vertical.dilation) * size;
            const target = row + (c * vertical.kernel + k) * kernel;
            for (let l = h.first; l < h.last; l++) to[target + l] = from[source + l * dilation];
          }
        }
        row += X.stride;
      }
    }
  }
}

function copyChannelsLast(image: DenseMatrix, layer: Plan, group: number, X: DenseMatrix): void {
  const { batch, channels, groups, vertical, horizontal } = layer;
  const count = channels / groups;
  const { kernel, dilation, size } = horizontal;
  // Neighbouring pixels make one run where neither dilation nor groups lie between them.
  const whole = dilation === 1 && groups === 1;
  let row = 0;
  for (let b = 0; b < batch; b++) {
    for (const v of vertical.windows) {
      for (const h of horizontal.windows) {
        for (let k = v.first; k < v.last; k++) {
          const line = (b * vertical.size + v.origin + k * vertical.dilation) * size + h.origin;
          const source = image.offset + line * channels + group * count;
          const target = row + k * kernel * count;
          if (whole) {
            const run = (h.last - h.first) * count;
            copyRun(image, source + h.first * count, X, target + h.first * count, run);
            continue;
          }
          for (let l = h.first; l < h.last; l++) {
            copyRun(image, source + l * dilation * channels, X, target + l * count, count);
          }
        }
        row += X.stride;
      }
    }
  }
}

/** Above this many elements a block copy costs less than a loop. */
const LONG_RUN = 96;

function copyRun(
  from: DenseMatrix,
  source: number,
  to: DenseMatrix,
  target: number,
  n: number,
): void {
  const [a, b] = [from.data, to.data];
  if (n > LONG_RUN) b.set(a.subarray(source, source + n), target);
  else for (let i = 0; i < n; i++) b[target + i] = a[source + i];
}
