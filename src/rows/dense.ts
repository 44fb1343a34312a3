// Rows that are a matrix: weights, masks and the bias column are written here and nowhere else.

import { type Backend, place, type Slot } from '../backend/backend.js';
import { checkFinite, checkInteger, checkNonNegative, checkType, isObject } from '../core/check.js';
import { asMatrix, type MatrixInput } from '../core/convert.js';
import { type DType, LARGEST, type TypedArrayOf } from '../core/dtype.js';
import { type DenseMatrix, zeros } from '../core/matrix.js';
import type { SketchOf } from '../kernels/kernels.js';
import { reshape } from './reshape.js';
import type { Rows } from './rows.js';

/** How {@link denseRows} reads its input. */
export interface DenseRowsOptions {
  /** Columns of the input, without the bias: needed for a flat typed array, else checked. */
  readonly cols?: number | undefined;
  /** Append the column of ones that a bias multiplies (default false). */
  readonly bias?: boolean | undefined;
  /** One weight ≥ 0 a row; a mask of zeros and ones leaves rows out. */
  readonly weights?: ArrayLike<number> | undefined;
}

/**
 * The rows of a matrix: what entered a layer, or the gradients of the mean loss with respect to what
 * left it (then without a bias, and with the same weights).
 *
 * X = diag(√w)·[input 1]. A row of weight 0 becomes zeros and what it held is not looked at, so padding
 * may hold anything. Weights say how much a row counts in the moments; weights inside the loss are in
 * the gradients already. Cost: one pass, and a copy where there are weights, a bias or another dtype;
 * else X is the input itself.
 *
 * @throws RangeError where a row that counts holds NaN or Infinity, the batch is empty, a weight is
 *   negative or not finite, the weights are too few, too many or all 0, or the rows are so large that
 *   XᵀX could overflow; nothing is changed then. TypeError where the input is no matrix or the weights
 *   are no array.
 */
export function denseRows<D extends DType>(
  backend: Backend<D>,
  input: MatrixInput,
  options: DenseRowsOptions = {},
): Rows<D> {
  return readRows('denseRows', backend, input, options);
}

/** {@link denseRows} under the name of the routine that calls it. */
export function readRows<D extends DType>(
  where: string,
  backend: Backend<D>,
  input: MatrixInput,
  { cols, bias = false, weights }: DenseRowsOptions,
): Rows<D> {
  const { dtype } = backend;
  const reading = { dtype, where, name: 'X' };
  const A = asMatrix(input, cols === undefined ? reading : { ...reading, cols });
  checkInteger(where, 'the number of rows of X', A.rows, 1);
  checkInteger(where, 'the number of columns of X', A.cols, 1);
  const w = copyOfWeights(where, A, weights);
  const count = w === undefined ? A.rows : sumOf(w);
  const W = w === undefined ? A : weighted(A, w);
  const size = sumOfSquares(W) + (bias ? count : 0);
  checkMagnitude(where, W, size, count, bias ? W.cols + 1 : W.cols);
  return new DenseRows(backend, place(backend, W), { bias, weights: w, count, size });
}

/** The rows of a matrix that was checked, for rows that come in strips. */
export function checkedRows<D extends DType>(
  backend: Backend<D>,
  A: DenseMatrix<D>,
  bias: boolean,
  weights: Float64Array | undefined,
): Rows<D> {
  const W = weights === undefined ? A : weighted(A, weights);
  const count = weights === undefined ? A.rows : sumOf(weights);
  return new DenseRows(backend, place(backend, W), { bias, weights, count, size: undefined });
}

/** How {@link slotRows} reads its slot. */
export interface SlotRowsOptions {
  /** Append the column of ones that a bias multiplies (default false). */
  readonly bias?: boolean | undefined;
}

/**
 * The rows of a matrix that is on the backend already. The slot belongs to the rows from now on: it is
 * freed with them.
 *
 * @throws RangeError where it is empty; TypeError where it is not the backend's.
 */
export function slotRows<D extends DType>(
  backend: Backend<D>,
  X: Slot<D>,
  { bias = false }: SlotRowsOptions = {},
): Rows<D> {
  checkInteger('slotRows', 'the number of rows of X', X.rows, 1);
  checkInteger('slotRows', 'the number of columns of X', X.cols, 1);
  return new DenseRows(backend, X, { bias, weights: undefined, count: X.rows, size: undefined });
}

interface DenseRowsParts {
  /** Whether X lacks a column of √w yet. */
  readonly bias: boolean;
  readonly weights: Float64Array | undefined;
  readonly count: number;
  /** ‖X‖²F with the bias column, where it is known. */
  readonly size: number | undefined;
}

class DenseRows<D extends DType> implements Rows<D> {
  readonly backend: Backend<D>;
  readonly rows: number;
  readonly cols: number;
  readonly count: number;
  readonly weights: Float64Array | undefined;
  readonly #X: Slot<D>;
  readonly #size: number | undefined;
  /** √w as a column, once it was needed. */
  #column: Slot<D> | undefined;

  constructor(backend: Backend<D>, X: Slot<D>, { bias, weights, count, size }: DenseRowsParts) {
    this.backend = backend;
    this.rows = X.rows;
    this.count = count;
    this.weights = weights;
    this.#size = size;
    if (bias) {
      this.#X = backend.allocate(X.rows, X.cols + 1);
      backend.joinColumns(X, this.#rootWeights(), this.#X);
      backend.free(X);
    } else this.#X = X;
    this.cols = this.#X.cols;
  }

  bound(): number | undefined {
    if (this.#size !== undefined) return this.#size;
    const largest = this.backend.bound?.(this.#X);
    return largest === undefined ? undefined : this.rows * this.cols * largest ** 2;
  }

  secondMoment(weight: number, decay: number, A: Slot<D>): void {
    this.backend.syrk(weight, this.#X, decay, A);
  }

  sketchMoment(S: SketchOf<Slot<D>>, weight: number, decay: number, C: Slot<D>): void {
    this.backend.sketchMoment(this.#X, S, weight, decay, C);
  }

  sum(weight: number, decay: number, a: Slot<D>, first: number = this.rows): void {
    if (first === this.rows) {
      this.backend.gemm(weight, this.#rootWeights(), 'T', this.#X, 'N', decay, a);
      return;
    }
    this.backend.borrow((take) => {
      const roots = take(this.rows, 1);
      this.backend.write(
        roots,
        this.#roots((i) => i < first),
      );
      this.backend.gemm(weight, roots, 'T', this.#X, 'N', decay, a);
    });
  }

  diagonal(weight: number, decay: number, a: Slot<D>): void {
    this.backend.borrow((take) => {
      const [squares, ones] = [take(this.rows, this.cols), take(this.rows, 1)];
      this.backend.multiply(1, this.#X, this.#X, 0, squares);
      this.backend.write(
        ones,
        filled(this.backend.dtype, this.rows, () => 1),
      );
      this.backend.gemm(weight, ones, 'T', squares, 'N', decay, a);
    });
  }

  squaredNorm(weight: number, decay: number, s: Slot<D>): void {
    if (this.#size === undefined) this.backend.dot(weight, this.#X, this.#X, decay, s);
    else addNumber(this.backend, weight * this.#size, decay, s);
  }

  dispose(): void {
    this.backend.free(this.#X);
    if (this.#column !== undefined) this.backend.free(this.#column);
    this.#column = undefined;
  }

  #rootWeights(): Slot<D> {
    this.#column ??= place(
      this.backend,
      this.#roots(() => true),
    );
    return this.#column;
  }

  /** √w where `counts`, and 0 elsewhere. */
  #roots(counts: (i: number) => boolean): DenseMatrix<D> {
    const { weights } = this;
    return filled(this.backend.dtype, this.rows, (i) => {
      if (!counts(i)) return 0;
      return weights === undefined ? 1 : Math.sqrt(weights[i]);
    });
  }
}

/** s ← decay·s + value, for a number that the host knows. */
export function addNumber<D extends DType>(
  backend: Backend<D>,
  value: number,
  decay: number,
  s: Slot<D>,
): void {
  backend.borrow((take) => {
    const t = take(1, 1);
    backend.write(
      t,
      filled(backend.dtype, 1, () => value),
    );
    backend.axpby(1, t, decay, s);
  });
}

/** A column of numbers. */
export function filled<D extends DType>(
  dtype: D,
  rows: number,
  value: (i: number) => number,
): DenseMatrix<D> {
  const a = zeros(dtype, rows, 1);
  for (let i = 0; i < rows; i++) a.set(i, 0, value(i));
  return a;
}

/** The shape of a batch of sequences, features varying fastest. */
export interface SequenceShape {
  readonly batch: number;
  readonly time: number;
  readonly features: number;
}

/**
 * A batch of sequences [batch, time, features] as (batch·time)×features rows, one a token: a view.
 * The mask [batch, time], flat and of zeros and ones, then serves as `weights` as it is.
 *
 * @throws RangeError where the number of elements is not batch·time·features.
 */
export function flattenSequences<D extends DType>(
  input: DenseMatrix<D> | TypedArrayOf<D>,
  shape: SequenceShape,
): DenseMatrix<D> {
  const where = 'flattenSequences';
  checkInteger(where, 'batch', shape.batch, 1);
  checkInteger(where, 'time', shape.time, 1);
  checkInteger(where, 'features', shape.features, 1);
  return reshape(where, 'input', input, shape.batch * shape.time, shape.features);
}

/** diag(√w)·A, with zeros where w is 0, whatever A holds there. */
function weighted<D extends DType>(A: DenseMatrix<D>, weights: ArrayLike<number>): DenseMatrix<D> {
  const W = zeros(A.dtype, A.rows, A.cols);
  for (let i = 0; i < A.rows; i++) {
    const root = Math.sqrt(weights[i]);
    if (root === 0) continue;
    const from = A.offset + i * A.stride;
    const to = i * W.stride;
    if (root === 1) W.data.set(A.data.subarray(from, from + A.cols), to);
    else for (let j = 0; j < A.cols; j++) W.data[to + j] = root * A.data[from + j];
  }
  return W;
}

/** A list of one weight for each row of A, copied: the caller's may change. */
export function copyOfWeights(
  where: string,
  A: { readonly dtype: DType; readonly rows: number },
  weights: ArrayLike<number> | undefined,
): Float64Array | undefined {
  if (weights === undefined) return undefined;
  const listed = isObject(weights) && 'length' in weights;
  checkType(where, 'weights', weights, listed, 'an array of numbers');
  if (weights.length !== A.rows) {
    throw new RangeError(
      `${where}: weights has ${weights.length} elements, expected one for each of ${A.rows} rows`,
    );
  }
  for (let i = 0; i < A.rows; i++) {
    const weight = weights[i];
    // Looked at here already, because a name for each weight would cost more than the sum.
    if (!(Number.isFinite(weight) && weight >= 0)) checkNonNegative(where, `weights[${i}]`, weight);
  }
  const copy = Float64Array.from(weights);
  const sum = sumOf(copy);
  // 1/Σw must be representable too: it is what the moments are multiplied by.
  if (sum >= 1 / LARGEST[A.dtype] && sum <= LARGEST[A.dtype]) return copy;
  throw new RangeError(
    `${where}: the weights sum to ${sum}, expected a sum > 0 within the range of ${A.dtype}`,
  );
}

/** Σw. */
export function sumOf(weights: Float64Array): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}

/**
 * No entry of XᵀX, Xᵀ(XS) or their means may overflow. Entries of XᵀX are at most ‖X‖²F; a column of
 * XᵀXS at most ‖X‖²F·‖s‖, and ‖s‖ ≤ p covers columns of I and, with room, Gaussian ones. One sum finds
 * NaN and Infinity as well, so that finite input is read once only.
 */
export function checkMagnitude(
  where: string,
  W: DenseMatrix,
  size: number,
  count: number,
  cols: number,
): void {
  const limit = LARGEST[W.dtype] / cols;
  if (size * Math.max(1, 1 / count) <= limit) return;
  checkFinite(where, 'X', W);
  throw new RangeError(
    `${where}: rows too large for ${W.dtype}: the squared norm of X is ${size}, expected <= ${limit} so that XᵀX and its sketch stay finite`,
  );
}

/** ‖W‖²F in double precision. */
export function sumOfSquares(W: DenseMatrix): number {
  const { data, offset, stride, rows, cols } = W;
  // Four sums, because one alone would wait for each addition.
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let i = 0; i < rows; i++) {
    let k = offset + i * stride;
    const end = k + cols;
    for (; k + 3 < end; k += 4) {
      s0 += data[k] * data[k];
      s1 += data[k + 1] * data[k + 1];
      s2 += data[k + 2] * data[k + 2];
      s3 += data[k + 3] * data[k + 3];
    }
    for (; k < end; k++) s0 += data[k] * data[k];
  }
  return s0 + s1 + s2 + s3;
}
