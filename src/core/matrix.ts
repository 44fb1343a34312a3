// The dense row-major matrix that every kernel and factorisation works on.

import { checkChoice, checkInteger, checkShape, checkSquare, describe, isObject } from './check.js';
import {
  allocate,
  BYTES,
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

/** Every {@link Op}. */
export const OPS: readonly Op[] = ['N', 'T'];

/** The buffer that the elements of a matrix lie in. */
export let bufferOf: (A: Pick<DenseMatrix, 'data'>) => ArrayBufferLike;

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
  /** That of `data`, kept because a typed array is slow to tell: small products ask for it often. */
  readonly #buffer: ArrayBufferLike;

  static {
    Object.defineProperty(DenseMatrix.prototype, BRAND, { value: true });
    // Matrices of another copy of this module have no such field that this one could read.
    bufferOf = (A) => (#buffer in A ? A.#buffer : A.data.buffer);
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
    this.#buffer = data.buffer;
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
    checkMatrix('DenseMatrix.clone', 'the matrix', this);
    return convert(this, this.dtype);
  }

  /** The elements as nested arrays, for printing and small tests. */
  toArrays(): number[][] {
    checkMatrix('DenseMatrix.toArrays', 'the matrix', this);
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
  if (!isTypedArray(data, dtype)) {
    throw new TypeError(
      `${where}: ${name} has ${describe(data)} as data, expected a typed array of ${describe(dtype)}`,
    );
  }
  const needed = extent(rows, cols, offset, stride);
  // The buffer is asked too: optimised code has been seen to read an old length of a detached array.
  const bytes = bufferOf(A).byteLength;
  if (data.length >= needed && bytes >= needed * BYTES[dtype]) return;
  throw new TypeError(
    `${where}: ${name} has a buffer of ${bytes} bytes (transferred or shrunk?), expected room for ${needed} elements`,
  );
}

/** What the orthogonal factorisations compute with, whatever the dtype of their input. */
export type Matrix64 = DenseMatrix<'float64'>;

/**
 * A rows × cols matrix of zeros.
 *
 * @throws RangeError for an unknown dtype, unless rows and cols are integers ≥ 0, or if there is no
 *   memory for so many elements.
 */
export function zeros<D extends DType>(dtype: D, rows: number, cols: number): DenseMatrix<D> {
  checkChoice('zeros', 'dtype', dtype, DTYPES);
  checkInteger('zeros', 'rows', rows);
  checkInteger('zeros', 'cols', cols);
  return new DenseMatrix(dtype, rows, cols, elements(dtype, rows, cols));
}

function elements<D extends DType>(dtype: D, rows: number, cols: number): TypedArrayOf<D> {
  try {
    return allocate(dtype, rows * cols);
  } catch (cause) {
    throw new RangeError(`zeros: there is no memory for ${rows}×${cols} elements of ${dtype}`, {
      cause,
    });
  }
}

/**
 * The n × n identity.
 *
 * @throws RangeError for an unknown dtype, or unless n is an integer ≥ 0.
 */
export function identity<D extends DType>(dtype: D, n: number): DenseMatrix<D> {
  checkChoice('identity', 'dtype', dtype, DTYPES);
  checkInteger('identity', 'n', n);
  const I = zeros(dtype, n, n);
  for (let i = 0; i < n; i++) I.set(i, i, 1);
  return I;
}

/**
 * A ← I.
 *
 * @throws RangeError where A is not square.
 */
export function setIdentity(A: DenseMatrix): void {
  checkSquare('setIdentity', 'A', A);
  for (let i = 0; i < A.rows; i++) {
    const row = A.offset + i * A.stride;
    A.data.fill(0, row, row + A.cols);
    A.data[row + i] = 1;
  }
}

/**
 * A compact copy of `A` with elements of `dtype` (float64 → float32 rounds to nearest, beyond its range to
 * ±Infinity).
 *
 * @throws TypeError if A is no matrix or its elements are gone, RangeError for an unknown dtype.
 */
export function convert<D extends DType>(A: DenseMatrix, dtype: D): DenseMatrix<D> {
  checkMatrix('convert', 'A', A);
  checkChoice('convert', 'dtype', dtype, DTYPES);
  const B = zeros(dtype, A.rows, A.cols);
  copyInto(A, B);
  return B;
}

/** `A` itself if it has the dtype already, and else a copy that has. */
export function toDType<D extends DType>(A: DenseMatrix, dtype: D): DenseMatrix<D> {
  return hasDType(A, dtype) ? A : convert(A, dtype);
}

/**
 * {@link toDType}, for an argument `name` of the routine `where`.
 *
 * @throws RangeError where an element is finite and, as `dtype`, is not.
 */
export function fitDType<D extends DType>(
  where: string,
  name: string,
  A: DenseMatrix,
  dtype: D,
): DenseMatrix<D> {
  const B = toDType(A, dtype);
  if (dtype === A.dtype) return B;
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.cols; j++) {
      if (Number.isFinite(B.at(i, j)) || !Number.isFinite(A.at(i, j))) continue;
      throw new RangeError(
        `${where}: ${name} holds ${A.at(i, j)} at row ${i}, column ${j}, expected numbers within ${dtype}`,
      );
    }
  }
  return B;
}

function hasDType<D extends DType>(A: DenseMatrix, dtype: D): A is DenseMatrix<D> {
  return A.dtype === dtype;
}

/**
 * B ← A, element by element; the dtypes may differ.
 *
 * @throws TypeError if A or B is no matrix or its elements are gone, RangeError if the shapes differ.
 */
export function copyInto(A: DenseMatrix, B: DenseMatrix): void {
  checkMatrix('copyInto', 'A', A);
  checkMatrix('copyInto', 'B', B);
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

/** The largest |Aᵢⱼ|: 0 for an empty matrix, NaN if A holds one. Cost: one pass. */
export function largestMagnitude(A: DenseMatrix): number {
  const { data, offset, stride, rows, cols } = A;
  // Four maxima, because one alone would wait for each comparison. Math.max keeps NaN.
  let m0 = 0;
  let m1 = 0;
  let m2 = 0;
  let m3 = 0;
  for (let i = 0; i < rows; i++) {
    let k = offset + i * stride;
    const end = k + cols;
    for (; k + 3 < end; k += 4) {
      m0 = Math.max(m0, Math.abs(data[k]));
      m1 = Math.max(m1, Math.abs(data[k + 1]));
      m2 = Math.max(m2, Math.abs(data[k + 2]));
      m3 = Math.max(m3, Math.abs(data[k + 3]));
    }
    for (; k < end; k++) m0 = Math.max(m0, Math.abs(data[k]));
  }
  return Math.max(m0, m1, m2, m3);
}

/** `A` must hold no NaN and no Infinity; returns the largest |Aᵢⱼ|. Cost: one pass. */
export function checkFinite(where: string, name: string, A: DenseMatrix): number {
  const largest = largestMagnitude(A);
  if (Number.isFinite(largest)) return largest;
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.cols; j++) {
      if (Number.isFinite(A.at(i, j))) continue;
      throw new RangeError(
        `${where}: ${name} holds ${A.at(i, j)} at row ${i}, column ${j}, expected finite numbers`,
      );
    }
  }
  return largest;
}
