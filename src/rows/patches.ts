// Rows of a convolution: what its kernel sees at each position, and the gradients beside them.

import { type Backend, checkBackend, type Slot } from '../backend/backend.js';
import { checkDType } from '../core/check.js';
import type { DType, TypedArrayOf } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import { flag, integer, type OptionsOf, optionList } from '../core/options.js';
import { type ConvolutionGeometry, type ImageShape, type Plan, plan } from './convolution.js';
import { addNumber, readRows, stripRows } from './dense.js';
import { inSuccession } from './examples.js';
import { imageMatrix, patchMatrix, patchNorms, pixelMatrices } from './images.js';
import { checkMagnitude } from './magnitude.js';
import { RowsInParts } from './parts.js';
import type { Rows } from './rows.js';
import { copyOfWeights, countOf, weightList } from './weights.js';

/** The options of {@link patchRows}. */
const PATCH_OPTIONS = /* @__PURE__ */ optionList({
  /** Append the column of ones that a bias multiplies (default false). */
  bias: /* @__PURE__ */ flag.default(false),
  /** One weight ≥ 0 a row: an example and an output position. */
  weights: weightList,
  /** Elements of patches that exist at a time, at least those of one row (default 2²²). */
  strip: /* @__PURE__ */ integer(1).default(2 ** 22),
});

/** How {@link patchRows} reads its images. @interface */
export type PatchRowsOptions = OptionsOf<typeof PATCH_OPTIONS>;

/**
 * The patches that a convolution's kernel sees as rows, one {@link Rows} a group: of each example, output
 * row and output column. Columns run over the group's (channel, kernel row, kernel column) where channels
 * come first, PyTorch's order of weights, and over (kernel row, kernel column, channel) where they come
 * last, TensorFlow's; zeros stand for padding. Rows are of the example that their image is.
 *
 * Patches are made strip by strip, so that memory is that of a strip whatever the batch is. The images
 * must stay as they are until the moments are taken. What no row of weight > 0 holds is not looked at.
 *
 * @throws RangeError where the geometry is not one of a convolution, the images have another number of
 *   elements, hold NaN or Infinity or are so large that XᵀX could overflow, the weights do not fit, or an
 *   option is unknown; TypeError where geometry, images or backend are none.
 */
export function patchRows<D extends DType>(
  backend: Backend<D>,
  images: DenseMatrix<D> | TypedArrayOf<D>,
  geometry: ConvolutionGeometry,
  options: PatchRowsOptions = {},
): Rows<D>[] {
  const where = 'patchRows';
  checkBackend(where, backend);
  const { bias, weights, strip } = PATCH_OPTIONS.read(where, options);
  const layer = plan(where, geometry);
  const { dtype } = backend;
  const A = imageMatrix(where, 'images', images, layer.image);
  checkDType(where, 'images', A, dtype);
  const { rows, inputs } = layer.output;
  const w = copyOfWeights(where, dtype, rows, weights);
  const count = countOf(rows, w);
  const cols = bias ? inputs + 1 : inputs;
  return Array.from(patchNorms(A, layer, w), (norm, group) => {
    const size = bias ? norm + count : norm;
    checkMagnitude(where, 'images', A, { size, count, cols });
    return new PatchRows(backend, A, layer, { group, bias, weights: w, count, cols, size, strip });
  });
}

/** The options of {@link imageRows}. */
const IMAGE_OPTIONS = /* @__PURE__ */ optionList({
  /** One weight ≥ 0 a row, those of the patches. */
  weights: weightList,
});

/** How {@link imageRows} reads its images. @interface */
export type ImageRowsOptions = OptionsOf<typeof IMAGE_OPTIONS>;

/**
 * The gradients with respect to a convolution's output as rows, one {@link Rows} a group: of each example,
 * row and column, to stand beside {@link patchRows}. The shape is that of the output.
 *
 * @throws RangeError where the shape is wrong, the gradients have another number of elements, hold NaN or
 *   Infinity or are so large that XᵀX could overflow, the weights do not fit, or an option is unknown;
 *   TypeError where shape, gradients or backend are none.
 */
export function imageRows<D extends DType>(
  backend: Backend<D>,
  gradients: DenseMatrix<D> | TypedArrayOf<D>,
  shape: ImageShape,
  options: ImageRowsOptions = {},
): Rows<D>[] {
  const where = 'imageRows';
  checkBackend(where, backend);
  const { weights } = IMAGE_OPTIONS.read(where, options);
  return pixelMatrices(where, 'gradients', gradients, shape).map((D) =>
    readRows(where, backend, D, { weights }),
  );
}

interface PatchRowsParts {
  readonly group: number;
  readonly bias: boolean;
  readonly weights: Float64Array | undefined;
  readonly count: number;
  readonly cols: number;
  /** ‖X‖²F. */
  readonly size: number;
  readonly strip: number;
}

class PatchRows<D extends DType> extends RowsInParts<D> {
  readonly backend: Backend<D>;
  readonly rows: number;
  readonly cols: number;
  readonly count: number;
  readonly weights: Float64Array | undefined;
  readonly #images: DenseMatrix<D>;
  readonly #layer: Plan;
  readonly #parts: PatchRowsParts;

  constructor(backend: Backend<D>, images: DenseMatrix<D>, layer: Plan, parts: PatchRowsParts) {
    super((visit, first) => this.#visitStrips(visit, first));
    this.backend = backend;
    this.rows = layer.output.rows;
    this.cols = parts.cols;
    this.count = parts.count;
    this.weights = parts.weights;
    this.#images = images;
    this.#layer = layer;
    this.#parts = parts;
  }

  /** Those of an image. */
  get exampleOf(): Int32Array {
    return inSuccession(this.rows, this.#layer.image.batch);
  }

  bound(): number {
    return this.#parts.size;
  }

  override squaredNorm(weight: number, decay: number, s: Slot<D>): void {
    addNumber(this.backend, this.#parts.size, weight, decay, s);
  }

  dispose(): void {
    // Strips are freed as soon as they are summed.
  }

  #visitStrips(visit: (strip: Rows<D>) => void, first: number): void {
    const step = Math.max(1, Math.floor(this.#parts.strip / this.cols));
    for (let from = 0; from < first; from += step) {
      const strip = this.#strip(from, Math.min(step, first - from));
      try {
        visit(strip);
      } finally {
        strip.dispose();
      }
    }
  }

  #strip(from: number, rows: number): Rows<D> {
    const { group, bias, weights } = this.#parts;
    const X = patchMatrix(this.#images, this.#layer, group, from, rows);
    return stripRows(this.backend, X, bias, weights?.subarray(from, from + rows));
  }
}
