// The dense row-major matrix that every kernel and factorisation works on.

import { checkChoice, checkInteger, checkShape, describe, isObject } from './check.js';
import {
  allocate,
  DTYPES,
  type DType,
  isTypedArray,
  ownArray,
  type TypedArrayOf,
} from './dtype.js';

/** What every DenseMatrix bears, of any realm and any copy of this module. */
const BRAND = Symbol.for('nysact.DenseMatrix');

/** Whether a matrix is used as it is (N) or transposed (T). */
export type Op = 'N' | 'T';

/**
 * A dense row-major matrix, or a rectangular view of one: element (i, j) is
 * `data[offset + i·stride + j]`. Views share memory with the matrix they were taken from.
 */
export class DenseMatrix<D extends DType = DType> {
  readonly dtype: D;
  readonly rows: number;
  readonly cols: number;
  readonly data: TypedArrayOf<D>;
  readonly offset: number;
  /** Distance in elements between the starts of two rows. */
  readonly stride: number;

  static {
    Object.defineProperty(DenseMatrix.prototype, BRAND, { value: true });
  }

  /**
   * Wraps `data` without copying it. Use {@link zeros} for a new matrix.
   *
   * @throws RangeError where the dtype is unknown, the shape is not of non-negative integers or
   *   `data` is too short; TypeError where `data` is not the typed array of the dtype.
   */
  constructor(
    dtype: D,
    rows: number,
    cols: number,
    data: TypedArrayOf<D>,
    offset = 0,
    stride: number = cols,
  ) {
    checkChoice('DenseMatrix', 'dtype', dtype, DTYPES);
    checkInteger('DenseMatrix', 'rows', rows);
    checkInteger('DenseMatrix', 'cols', cols);
    checkInteger('DenseMatrix', 'offset', offset);
    checkInteger('DenseMatrix', 'stride', stride, cols);
    if (!isTypedArray(data, dtype)) {
      throw new TypeError(
        `DenseMatrix: data is ${describe(data)}, expected a typed array of ${dtype}`,
      );
    }
    const needed = extent(rows, cols, offset, stride);
    if (data.length < needed) {
      throw new RangeError(
        `DenseMatrix: data has ${data.length} elements, ${rows}×${cols} needs ${needed}`,
      );
    }
    this.dtype = dtype;
    this.rows = rows;
    this.cols = cols;
    // Of this realm, so that kernels may tell arrays by their class.
    this.data = ownArray(data, dtype);
    this.offset = offset;
    this.stride = stride;
  }

  /** Element (i, j). Not bounds-checked. */
  at(i: number, j: number): number {
    return this.data[this.offset + i * this.stride + j];
  }

  /** Sets element (i, j). Not bounds-checked. */
  set(i: number, j: number, value: number): void {
    this.data[this.offset + i * this.stride + j] = value;
  }

  /** The view of rows [row, row + rows) and columns [col, col + cols); shares memory. */
  view(row: number, col: number, rows: number, cols: number): DenseMatrix<D> {
    checkInteger('DenseMatrix.view', 'row', row, 0, this.rows);
    checkInteger('DenseMatrix.view', 'col', col, 0, this.cols);
    checkInteger('DenseMatrix.view', 'rows', rows, 0, this.rows - row);
    checkInteger('DenseMatrix.view', 'cols', cols, 0, this.cols - col);
    const offset = this.offset + row * this.stride + col;
    return new DenseMatrix(this.dtype, rows, cols, this.data, offset, this.stride);
  }

  /** A compact copy. */
  clone(): DenseMatrix<D> {
    return convert(this, this.dtype);
  }

  /** The elements as nested arrays, for printing and small tests. */
  toArrays(): number[][] {
    return Array.from({ length: this.rows }, (_row, i) =>
      Array.from({ length: this.cols }, (_col, j) => this.at(i, j)),
    );
  }
}

/** The elements that an array must have for a matrix to lie in it. */
function extent(rows: number, cols: number, offset: number, stride: number): number {
  return rows === 0 || cols === 0 ? 0 : offset + (rows - 1) * stride + cols;
}

/** Whether `value` is a DenseMatrix, of this copy of the library or another. */
export function isDenseMatrix(value: unknown): value is DenseMatrix {
  return isObject(value) && BRAND in value;
}

/**
 * `A` must be a DenseMatrix whose elements are there: a buffer may have been transferred or have
 * shrunk since the matrix was made.
 *
 * @throws TypeError if it is not.
 */
export function checkMatrix(where: string, name: string, A: unknown): asserts A is DenseMatrix {
  if (!isDenseMatrix(A)) {
    throw new TypeError(`${where}: ${name} is ${describe(A)}, expected a DenseMatrix`);
  }
  const { dtype, rows, cols, data, offset, stride } = A;
  if (!DTYPES.includes(dtype) || !isTypedArray(data, dtype)) {
    throw new TypeError(
      `${where}: ${name} has ${describe(data)} as data, expected a typed array of ${describe(dtype)}`,
    );
  }
  const needed = extent(rows, cols, offset, stride);
  if (data.length >= needed) return;
  throw new TypeError(
    `${where}: ${name} has a buffer of ${data.length} elements (transferred or shrunk?), expected at least ${needed}`,
  );
}

/** What the orthogonal factorisations compute with, whatever the dtype of their input. */
export type Matrix64 = DenseMatrix<'float64'>;

/**
 * A rows × cols matrix of zeros.
 *
 * @throws RangeError for an unknown dtype, or unless rows and cols are integers ≥ 0.
 */
export function zeros<D extends DType>(dtype: D, rows: number, cols: number): DenseMatrix<D> {
  checkChoice('zeros', 'dtype', dtype, DTYPES);
  checkInteger('zeros', 'rows', rows);
  checkInteger('zeros', 'cols', cols);
  return new DenseMatrix(dtype, rows, cols, allocate(dtype, rows * cols));
}

/**
 * The n × n identity.
 *
 * @throws RangeError for an unknown dtype, or unless n is an integer ≥ 0.
 */
export function identity<D extends DType>(dtype: D, n: number): DenseMatrix<D> {
  const I = zeros(dtype, n, n);
  for (let i = 0; i < n; i++) I.set(i, i, 1);
  return I;
}

/**
 * A compact copy of `A` with elements of `dtype` (float64 → float32 rounds to nearest).
 *
 * @throws RangeError for an unknown dtype.
 */
export function convert<D extends DType>(A: DenseMatrix, dtype: D): DenseMatrix<D> {
  const B = zeros(dtype, A.rows, A.cols);
  copyInto(A, B);
  return B;
}

/**
 * B ← A, element by element; the dtypes may differ.
 *
 * @throws RangeError where the shapes differ.
 */
export function copyInto(A: DenseMatrix, B: DenseMatrix): void {
  checkShape('copyInto', 'B', B, A.rows, A.cols);
  if (A.stride === A.cols && B.stride === B.cols) {
    B.data.set(A.data.subarray(A.offset, A.offset + A.rows * A.cols), B.offset);
    return;
  }
  for (let i = 0; i < A.rows; i++) {
    const from = A.offset + i * A.stride;
    B.data.set(A.data.subarray(from, from + A.cols), B.offset + i * B.stride);
  }
}
