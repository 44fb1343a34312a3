// Images as matrices: the patches that a kernel sees at each position, and the pixels of a gradient.

import type { DType, TypedArrayOf } from '../core/dtype.js';
import { type DenseMatrix, zeros } from '../core/matrix.js';
import {
  type ConvolutionGeometry,
  checkImage,
  type Image,
  type ImageShape,
  type Plan,
  plan,
  type Window,
  windowAt,
} from './convolution.js';
import { reshape } from './reshape.js';

/**
 * The patches that a convolution's kernel sees, as one m×p matrix a group: the outputs of group g
 * are patches[g]·Wgᵀ, where Wg has one row an output channel.
 *
 * Rows run over (example, output row, output column). Columns run over the group's (channel, kernel
 * row, kernel column) where channels come first, PyTorch's order of weights, and over (kernel row,
 * kernel column, channel) where they come last, TensorFlow's. Zeros stand for
 * padding. Cost: writes each of the groups·m·p elements once.
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
  const images = imageMatrix(where, 'input', input, layer.image);
  return Array.from({ length: layer.image.groups }, (_, group) =>
    patchMatrix(images, layer, group, 0, layer.output.rows),
  );
}

/** A batch of images, one a row, with no gaps between them. */
export function imageMatrix<D extends DType>(
  where: string,
  name: string,
  input: DenseMatrix<D> | TypedArrayOf<D>,
  { batch, channels, height, width }: Image,
): DenseMatrix<D> {
  return reshape(where, name, input, batch, channels * height * width);
}

/** The patches of one group, `rows` of them from number `from` on. */
export function patchMatrix<D extends DType>(
  images: DenseMatrix<D>,
  layer: Plan,
  group: number,
  from: number,
  rows: number,
): DenseMatrix<D> {
  const X = zeros(images.dtype, rows, layer.output.inputs);
  const copy = layer.image.layout === 'channelsFirst' ? copyChannelsFirst : copyChannelsLast;
  forEachWindow(layer, from, rows, (example, v, h, i) => {
    copy(images, layer, { example, group, v, h }, X, i * X.stride);
  });
  return X;
}

/** Where the kernel stands at each of the `rows` positions from number `from` on, counted by i. */
function forEachWindow(
  { vertical, horizontal }: Plan,
  from: number,
  rows: number,
  visit: (example: number, v: Window, h: Window, i: number) => void,
): void {
  let x = from % horizontal.count;
  const line = (from - x) / horizontal.count;
  let y = line % vertical.count;
  let example = (line - y) / vertical.count;
  let v = windowAt(vertical, y);
  const across = Array.from({ length: horizontal.count }, (_, k) => windowAt(horizontal, k));
  for (let i = 0; i < rows; i++) {
    visit(example, v, across[x], i);
    if (++x < horizontal.count) continue;
    x = 0;
    if (++y === vertical.count) {
      y = 0;
      example++;
    }
    v = windowAt(vertical, y);
  }
}

/** One patch: what lies under the kernel at one position. */
interface Patch {
  readonly example: number;
  readonly group: number;
  readonly v: Window;
  readonly h: Window;
}

/** X[row…] ← one patch of one group. */
function copyChannelsFirst(
  images: DenseMatrix,
  { image, vertical, horizontal }: Plan,
  { example, group, v, h }: Patch,
  X: DenseMatrix,
  row: number,
): void {
  const [from, to] = [images.data, X.data];
  const count = image.channels / image.groups;
  const { kernel, dilation, size } = horizontal;
  const first = example * image.channels + group * count;
  for (let c = 0; c < count; c++) {
    const plane = images.offset + (first + c) * vertical.size * size + h.origin;
    for (let k = v.first; k < v.last; k++) {
      const source = plane + (v.origin + k * vertical.dilation) * size;
      const target = row + (c * vertical.kernel + k) * kernel;
      for (let l = h.first; l < h.last; l++) to[target + l] = from[source + l * dilation];
    }
  }
}

/** X[row…] ← one patch of one group. */
function copyChannelsLast(
  images: DenseMatrix,
  { image, vertical, horizontal }: Plan,
  { example, group, v, h }: Patch,
  X: DenseMatrix,
  row: number,
): void {
  const { channels, groups } = image;
  const count = channels / groups;
  const { kernel, dilation, size } = horizontal;
  // Neighbouring pixels make one run where neither dilation nor groups lie between them.
  const whole = dilation === 1 && groups === 1;
  for (let k = v.first; k < v.last; k++) {
    const line = (example * vertical.size + v.origin + k * vertical.dilation) * size + h.origin;
    const source = images.offset + line * channels + group * count;
    const target = row + k * kernel * count;
    if (whole) {
      const run = (h.last - h.first) * count;
      copyRun(images, source + h.first * count, X, target + h.first * count, run);
      continue;
    }
    for (let l = h.first; l < h.last; l++) {
      copyRun(images, source + l * dilation * channels, X, target + l * count, count);
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

/**
 * Σ wᵢ‖xᵢ‖² over the patches of each group, without making them: each pixel counts as often as patches
 * hold it, and one that no patch of weight > 0 holds is not looked at.
 *
 * Cost: one pass over the images and, where there are weights, over the kernel at each position.
 */
export function patchNorms(
  images: DenseMatrix,
  layer: Plan,
  weights: Float64Array | undefined,
): Float64Array {
  const { batch, channels, height, width, layout, groups } = layer.image;
  const norms = new Float64Array(groups);
  const cover = new Float64Array(height * width);
  const positions = layer.output.rows / batch;
  const [perChannel, perPixel] = layout === 'channelsFirst' ? [cover.length, 1] : [1, channels];
  for (let example = 0; example < batch; example++) {
    const from = example * positions;
    const own = weights?.subarray(from, from + positions);
    if (example === 0 || own !== undefined) coverPixels(layer, own, cover);
    for (let c = 0; c < channels; c++) {
      let k = images.offset + example * images.stride + c * perChannel;
      let norm = 0;
      for (const weight of cover) {
        if (weight > 0) norm += weight * images.data[k] * images.data[k];
        k += perPixel;
      }
      norms[Math.floor((c * groups) / channels)] += norm;
    }
  }
  return norms;
}

/** cover ← Σw over the patches of one example that hold each pixel. */
function coverPixels(layer: Plan, weights: Float64Array | undefined, cover: Float64Array): void {
  const { vertical, horizontal } = layer;
  cover.fill(0);
  forEachWindow(layer, 0, vertical.count * horizontal.count, (_, v, h, i) => {
    const weight = weights?.[i] ?? 1;
    for (let k = v.first; k < v.last; k++) {
      const line = (v.origin + k * vertical.dilation) * horizontal.size + h.origin;
      for (let l = h.first; l < h.last; l++) cover[line + l * horizontal.dilation] += weight;
    }
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
  return pixelMatrices('outputGradientRows', 'input', input, shape);
}

/**
 * {@link outputGradientRows} under the name of the routine that calls it.
 *
 * @throws as {@link outputGradientRows}.
 */
export function pixelMatrices<D extends DType>(
  where: string,
  name: string,
  input: DenseMatrix<D> | TypedArrayOf<D>,
  shape: ImageShape,
): DenseMatrix<D>[] {
  const { batch, channels, height, width, layout, groups } = checkImage(where, shape);
  const pixels = height * width;
  const rows =
    layout === 'channelsLast'
      ? reshape(where, name, input, batch * pixels, channels)
      : channelsToColumns(reshape(where, name, input, batch * channels, pixels), channels);
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
