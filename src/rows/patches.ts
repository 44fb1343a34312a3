// Rows of a convolution: what its kernel sees at each position, and the gradients beside them.

import type { Backend, Slot } from '../backend/backend.js';
import type { DType, TypedArrayOf } from '../core/dtype.js';
import { type DenseMatrix, zeros } from '../core/matrix.js';
import type { SketchOf } from '../kernels/kernels.js';
import {
  type ConvolutionGeometry,
  checkImage,
  type ImageShape,
  type Plan,
  plan,
} from './convolution.js';
import {
  checkedRows,
  checkMagnitude,
  copyOfWeights,
  readRows,
  sumOf,
  sumOfSquares,
} from './dense.js';
import { reshape } from './reshape.js';
import type { Rows } from './rows.js';

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
  const image = imagesOf(where, input, geometry);
  return Array.from({ length: layer.groups }, (_, group) =>
    patchesOf(image, layer, group, geometry.layout),
  );
}

/** How {@link patchRows} reads its images. */
export interface PatchRowsOptions {
  /** Append the column of ones that a bias multiplies (default false). */
  readonly bias?: boolean | undefined;
  /** One weight ≥ 0 a row: an example and an output position. */
  readonly weights?: ArrayLike<number> | undefined;
}

/**
 * The patches of {@link extractPatches} as rows, one {@link Rows} a group. They are made strip by strip,
 * some examples at a time, so that memory is that of a strip whatever the batch is. The images must stay
 * as they are until the moments are taken.
 *
 * @throws as {@link extractPatches}; RangeError where the images hold NaN or Infinity or are so large
 *   that XᵀX could overflow, or the weights do not fit.
 */
export function patchRows<D extends DType>(
  backend: Backend<D>,
  images: DenseMatrix<D> | TypedArrayOf<D>,
  geometry: ConvolutionGeometry,
  { bias = false, weights }: PatchRowsOptions = {},
): Rows<D>[] {
  const where = 'patchRows';
  const layer = plan(where, geometry);
  const image = imagesOf(where, images, geometry);
  const { rows, inputs } = layer.output;
  const w = copyOfWeights(where, { dtype: backend.dtype, rows }, weights);
  const count = w === undefined ? rows : sumOf(w);
  // Each pixel lies in as many patches as the kernel has elements, at the most.
  const heaviest =
    w === undefined ? 1 : w.reduce((largest, weight) => Math.max(largest, weight), 0);
  const copies = geometry.kernel[0] * geometry.kernel[1] * heaviest;
  const size = copies * sumOfSquares(image) + (bias ? count : 0);
  const cols = bias ? inputs + 1 : inputs;
  checkMagnitude(where, image, size, count, cols);
  return Array.from(
    { length: layer.groups },
    (_, group) =>
      new PatchRows(backend, image, layer, {
        group,
        geometry,
        bias,
        weights: w,
        count,
        cols,
        size,
      }),
  );
}

/**
 * The gradients of {@link outputGradientRows} as rows, one {@link Rows} a group, to stand beside
 * {@link patchRows}.
 *
 * @throws as {@link outputGradientRows} and `denseRows`.
 */
export function imageRows<D extends DType>(
  backend: Backend<D>,
  input: DenseMatrix<D> | TypedArrayOf<D>,
  shape: ImageShape,
  { weights }: Pick<PatchRowsOptions, 'weights'> = {},
): Rows<D>[] {
  return outputGradientRows(input, shape).map((D) =>
    readRows('imageRows', backend, D, { weights }),
  );
}

/** Elements of a strip of patches. */
const STRIP = 2 ** 22;

interface PatchRowsParts {
  readonly group: number;
  readonly geometry: ConvolutionGeometry;
  readonly bias: boolean;
  readonly weights: Float64Array | undefined;
  readonly count: number;
  readonly cols: number;
  /** A bound of ‖X‖²F. */
  readonly size: number;
}

class PatchRows<D extends DType> implements Rows<D> {
  readonly backend: Backend<D>;
  readonly rows: number;
  readonly cols: number;
  readonly count: number;
  readonly weights: Float64Array | undefined;
  readonly #images: DenseMatrix<D>;
  readonly #layer: Plan;
  readonly #parts: PatchRowsParts;

  constructor(backend: Backend<D>, images: DenseMatrix<D>, layer: Plan, parts: PatchRowsParts) {
    this.backend = backend;
    this.rows = layer.output.rows;
    this.cols = parts.cols;
    this.count = parts.count;
    this.weights = parts.weights;
    this.#images = images;
    this.#layer = layer;
    this.#parts = parts;
  }

  bound(): number {
    return this.#parts.size;
  }

  secondMoment(weight: number, decay: number, A: Slot<D>): void {
    this.#accumulate(decay, (strip, keep) => strip.secondMoment(weight, keep, A));
  }

  sketchMoment(S: SketchOf<Slot<D>>, weight: number, decay: number, C: Slot<D>): void {
    this.#accumulate(decay, (strip, keep) => strip.sketchMoment(S, weight, keep, C));
  }

  sum(weight: number, decay: number, a: Slot<D>, first: number = this.rows): void {
    let left = first;
    this.#accumulate(decay, (strip, keep) => {
      strip.sum(weight, keep, a, Math.min(left, strip.rows));
      left = Math.max(0, left - strip.rows);
    });
  }

  diagonal(weight: number, decay: number, a: Slot<D>): void {
    this.#accumulate(decay, (strip, keep) => strip.diagonal(weight, keep, a));
  }

  squaredNorm(weight: number, decay: number, s: Slot<D>): void {
    this.#accumulate(decay, (strip, keep) => strip.squaredNorm(weight, keep, s));
  }

  dispose(): void {
    // Strips are freed as soon as they are summed.
  }

  /** `add` for one strip after another: the first decays what is there, the others add to it. */
  #accumulate(decay: number, add: (strip: Rows<D>, decay: number) => void): void {
    const { batch } = this.#layer;
    const positions = this.rows / batch;
    const step = Math.max(1, Math.floor(STRIP / (positions * this.cols)));
    for (let from = 0; from < batch; from += step) {
      const strip = this.#strip(from, Math.min(step, batch - from), positions);
      add(strip, from === 0 ? decay : 1);
      strip.dispose();
    }
  }

  #strip(from: number, examples: number, positions: number): Rows<D> {
    const { group, geometry, bias, weights } = this.#parts;
    const images = this.#images.view(from, 0, examples, this.#images.cols);
    const output = { ...this.#layer.output, rows: examples * positions };
    const layer = { ...this.#layer, batch: examples, output };
    const X = patchesOf(images, layer, group, geometry.layout);
    const w = weights?.subarray(from * positions, (from + examples) * positions);
    return checkedRows(this.backend, X, bias, w);
  }
}

/** A batch of images, one a row. */
function imagesOf<D extends DType>(
  where: string,
  input: DenseMatrix<D> | TypedArrayOf<D>,
  { batch, channels, height, width }: ImageShape,
): DenseMatrix<D> {
  return reshape(where, 'input', input, batch, channels * height * width);
}

/** The patches of one group. */
function patchesOf<D extends DType>(
  image: DenseMatrix<D>,
  layer: Plan,
  group: number,
  layout: ImageShape['layout'],
): DenseMatrix<D> {
  const X = zeros(image.dtype, layer.output.rows, layer.output.inputs);
  if (layout === 'channelsFirst') copyChannelsFirst(image, layer, group, X);
  else copyChannelsLast(image, layer, group, X);
  return X;
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
