// Rows that are a matrix: weights, masks and the bias column are written here and nowhere else.

import { type Backend, checkBackend, place, type Slot } from '../backend/backend.js';
import { checkFunction, checkInteger } from '../core/check.js';
import { type MatrixInput, readMatrix } from '../core/convert.js';
import type { DType } from '../core/dtype.js';
import { type DenseMatrix, zeros } from '../core/matrix.js';
import { flag, integer, type OptionsOf, optionList } from '../core/options.js';
import type { SketchOf } from '../kernels/kernels.js';
import { copyOfExamples, exampleList } from './examples.js';
import { checkMagnitude, sumOfSquares } from './magnitude.js';
import { checkFirst, checkOwned, checkSides, type Rows } from './rows.js';
import { copyOfWeights, countOf, weightList } from './weights.js';

/** The options of {@link denseRows}. */
const DENSE_OPTIONS = /* @__PURE__ */ optionList({
  /** Columns of the input, without the bias: needed for a flat typed array, else checked. */
  cols: /* @__PURE__ */ integer(1),
  /** Append the column of ones that a bias multiplies (default false). */
  bias: /* @__PURE__ */ flag.default(false),
  /** One weight ≥ 0 a row; a mask of zeros and ones leaves rows out. */
  weights: weightList,
  /** The example that each row is of: a number, the same for all rows of an example. */
  exampleOf: exampleList,
});

/** How {@link denseRows} reads its input. @interface */
export type DenseRowsOptions = OptionsOf<typeof DENSE_OPTIONS>;

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
 *   negative or not finite, the weights are too few, too many or all 0, the numbers of examples do not fit,
 *   the rows are so large that XᵀX could overflow, or an option is unknown. TypeError where the input is no
 *   matrix, the weights or the numbers of examples are no array, or the backend is none.
 */
export function denseRows<D extends DType>(
  backend: Backend<D>,
  input: MatrixInput,
  options: DenseRowsOptions = {},
): Rows<D> {
  const where = 'denseRows';
  checkBackend(where, backend);
  return readRows(where, backend, input, DENSE_OPTIONS.read(where, options));
}

/**
 * {@link denseRows} under the name of the routine that calls it, with options that were checked.
 *
 * @throws as {@link denseRows}.
 */
export function readRows<D extends DType>(
  where: string,
  backend: Backend<D>,
  input: MatrixInput,
  { cols, bias = false, weights, exampleOf }: DenseRowsOptions,
): Rows<D> {
  const { dtype } = backend;
  const A = readMatrix(where, 'X', input, { dtype, cols });
  checkInteger(where, 'the number of rows of X', A.rows, 1);
  checkInteger(where, 'the number of columns of X', A.cols, 1);
  const w = copyOfWeights(where, dtype, A.rows, weights);
  const examples = copyOfExamples(where, A.rows, exampleOf);
  const count = countOf(A.rows, w);
  const W = w === undefined ? A : weighted(A, w);
  const size = sumOfSquares(W) + (bias ? count : 0);
  checkMagnitude(where, 'X', W, { size, count, cols: bias ? W.cols + 1 : W.cols });
  return new DenseRows(backend, place(backend, W), {
    bias,
    weights: w,
    exampleOf: examples && (() => examples),
    count,
    size,
  });
}

/** The rows of a matrix and weights that were checked, for rows that come in strips. */
export function stripRows<D extends DType>(
  backend: Backend<D>,
  A: DenseMatrix<D>,
  bias: boolean,
  weights: Float64Array | undefined,
): Rows<D> {
  const W = weights === undefined ? A : weighted(A, weights);
  const count = countOf(A.rows, weights);
  return new DenseRows(backend, place(backend, W), { bias, weights, count, size: undefined });
}

/** The options of {@link slotRows}. */
const SLOT_OPTIONS = /* @__PURE__ */ optionList({
  /** Append the column of ones that a bias multiplies (default false). */
  bias: /* @__PURE__ */ flag.default(false),
  /** The example that each row is of: a number, the same for all rows of an example. */
  exampleOf: exampleList,
});

/** How {@link slotRows} reads its slot. @interface */
export type SlotRowsOptions = OptionsOf<typeof SLOT_OPTIONS>;

/**
 * The rows of a matrix that is on the backend already. The slot belongs to the rows from now on: it is
 * freed with them.
 *
 * @throws RangeError where it is empty, the numbers of examples do not fit or an option is unknown; TypeError
 *   where it is not a slot in use of the backend, or these numbers are no array. The slot remains the caller's
 *   then.
 */
export function slotRows<D extends DType>(
  backend: Backend<D>,
  X: Slot<D>,
  options: SlotRowsOptions = {},
): Rows<D> {
  const where = 'slotRows';
  checkBackend(where, backend);
  const { bias, exampleOf } = SLOT_OPTIONS.read(where, options);
  checkOwned(where, 'X', backend, X);
  const examples = copyOfExamples(where, X.rows, exampleOf);
  return heldRows(backend, X, bias, examples && (() => examples));
}

/**
 * {@link slotRows} of a slot of the backend and options that were checked. Examples are told when somebody asks:
 * few do.
 *
 * @throws RangeError where the slot is empty. It remains the caller's then.
 */
export function heldRows<D extends DType>(
  backend: Backend<D>,
  X: Slot<D>,
  bias: boolean,
  exampleOf: (() => Int32Array) | undefined,
): Rows<D> {
  const where = 'slotRows';
  checkInteger(where, 'the number of rows of X', X.rows, 1);
  checkInteger(where, 'the number of columns of X', X.cols, 1);
  const { rows: count } = X;
  return new DenseRows(backend, X, { bias, weights: undefined, exampleOf, count, size: undefined });
}

interface DenseRowsParts {
  /** Whether X lacks a column of √w yet. */
  readonly bias: boolean;
  readonly weights: Float64Array | undefined;
  readonly exampleOf?: (() => Int32Array) | undefined;
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
  readonly #exampleOf: (() => Int32Array) | undefined;
  readonly #size: number | undefined;
  /** √w as a column, once it was needed. */
  #column: Slot<D> | undefined;

  constructor(backend: Backend<D>, X: Slot<D>, parts: DenseRowsParts) {
    const { bias, weights, exampleOf, count, size } = parts;
    this.backend = backend;
    this.rows = X.rows;
    this.count = count;
    this.weights = weights;
    this.#exampleOf = exampleOf;
    this.#size = size;
    if (bias) {
      this.#X = backend.allocate(X.rows, X.cols + 1);
      backend.joinColumns(X, this.#rootWeights(), this.#X);
      backend.free(X);
    } else this.#X = X;
    this.cols = this.#X.cols;
  }

  get exampleOf(): Int32Array | undefined {
    return this.#exampleOf?.();
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
    checkFirst('sum', first, this.rows);
    if (first === this.rows) {
      this.backend.gemm(weight, this.#rootWeights(), 'T', this.#X, 'N', decay, a);
      return;
    }
    this.backend.borrow((take) => {
      const roots = take(this.rows, 1);
      this.backend.write(roots, this.#roots(first));
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
    else addNumber(this.backend, this.#size, weight, decay, s);
  }

  squares(T: Slot<D>, weight: number, decay: number, Y: Slot<D>): void {
    checkSides(this, T);
    this.backend.borrow((take) => {
      const squares = take(this.rows, this.cols);
      this.backend.multiply(1, this.#X, this.#X, 0, squares);
      this.backend.gemm(weight, T, 'N', squares, 'N', decay, Y);
    });
  }

  visit(see: (strip: Slot<D>) => void): void {
    checkFunction('visit', 'see', see);
    see(this.#X);
  }

  dispose(): void {
    this.backend.free(this.#X);
    if (this.#column !== undefined) this.backend.free(this.#column);
    this.#column = undefined;
  }

  #rootWeights(): Slot<D> {
    this.#column ??= place(this.backend, this.#roots(this.rows));
    return this.#column;
  }

  /** √w of the `first` rows, and 0 of the others. */
  #roots(first: number): DenseMatrix<D> {
    const { weights } = this;
    return filled(this.backend.dtype, this.rows, (i) => {
      if (i >= first) return 0;
      return weights === undefined ? 1 : Math.sqrt(weights[i]);
    });
  }
}

/** s ← decay·s + weight·value, for a number that the host knows. */
export function addNumber<D extends DType>(
  backend: Backend<D>,
  value: number,
  weight: number,
  decay: number,
  s: Slot<D>,
): void {
  backend.borrow((take) => {
    const t = take(1, 1);
    backend.write(
      t,
      filled(backend.dtype, 1, () => value),
    );
    backend.axpby(weight, t, decay, s);
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
