// The edge: every form of matrix that a user may hand in becomes a DenseMatrix here.

import { checkChoice, describe } from './check.js';
import { DTYPES, type DType } from './dtype.js';
import { convert, DenseMatrix, zeros } from './matrix.js';
import { fromMlMatrix, isMlMatrix, type MlMatrixLike } from './mlmatrix.js';

/**
 * What the library takes as a matrix: its own {@link DenseMatrix}, rows of numbers, a flat
 * row-major typed array (where the number of columns is known), or an ml-matrix `Matrix`.
 */
export type MatrixInput =
  | DenseMatrix
  | MlMatrixLike
  | Float32Array
  | Float64Array
  | readonly ArrayLike<number>[];

/** How {@link asMatrix} reads its input. */
export interface AsMatrixOptions<D extends DType> {
  readonly dtype: D;
  /** Name of the calling routine and of the argument, for messages. */
  readonly where: string;
  readonly name: string;
  /** Columns: needed for a flat typed array, checked otherwise. */
  readonly cols?: number;
}

/**
 * `input` as a matrix of `dtype`. A DenseMatrix, or a flat typed array, that already has the dtype
 * is wrapped without a copy; everything else is copied.
 *
 * @throws TypeError for anything that is not a matrix of numbers, RangeError for ragged rows, wrong
 *   columns or an unknown dtype.
 */
export function asMatrix<D extends DType>(
  input: MatrixInput,
  options: AsMatrixOptions<D>,
): DenseMatrix<D> {
  const { dtype, where, name, cols } = options;
  checkChoice(where, 'dtype', dtype, DTYPES);
  const A = toDense(input, options);
  if (cols !== undefined && A.cols !== cols) {
    throw new RangeError(`${where}: ${name} has ${A.cols} columns, expected ${cols}`);
  }
  return holds(A, dtype) ? A : convert(A, dtype);
}

function holds<D extends DType>(A: DenseMatrix, dtype: D): A is DenseMatrix<D> {
  return A.dtype === dtype;
}

function toDense(input: MatrixInput, options: AsMatrixOptions<DType>): DenseMatrix {
  const { where, name, dtype, cols } = options;
  if (input instanceof DenseMatrix) return input;
  if (input instanceof Float32Array || input instanceof Float64Array) {
    if (cols === undefined || cols === 0 || input.length % cols !== 0) {
      throw new RangeError(
        `${where}: ${name} is a flat array of ${input.length} elements, expected a multiple of ${cols ?? 'a known number of'} columns`,
      );
    }
    const rows = input.length / cols;
    return input instanceof Float32Array
      ? new DenseMatrix('float32', rows, cols, input)
      : new DenseMatrix('float64', rows, cols, input);
  }
  if (isMlMatrix(input)) return fromMlMatrix(input, dtype);
  if (Array.isArray(input)) return fromRows(input, options);
  throw new TypeError(
    `${where}: ${name} is ${kindOf(input)}, expected a DenseMatrix, rows of numbers, a typed array or an ml-matrix Matrix`,
  );
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}

function fromRows(
  input: readonly ArrayLike<number>[],
  { where, name, dtype, cols }: AsMatrixOptions<DType>,
): DenseMatrix {
  for (const [i, row] of input.entries()) {
    if (typeof row !== 'object' || row === null) {
      throw new TypeError(
        `${where}: row ${i} of ${name} is ${kindOf(row)}, expected an array of numbers`,
      );
    }
    if (row.length !== input[0].length) {
      throw new RangeError(
        `${where}: row ${i} of ${name} has ${row.length} elements, row 0 has ${input[0].length}`,
      );
    }
  }
  const A = zeros(dtype, input.length, input.length === 0 ? (cols ?? 0) : input[0].length);
  input.forEach((row, i) => {
    for (let j = 0; j < A.cols; j++) {
      const value = row[j];
      // A typed array would take null for 0 and true or '1' for 1.
      if (typeof value !== 'number') {
        throw new TypeError(
          `${where}: ${name} holds ${describe(value)} at row ${i}, column ${j}, expected numbers`,
        );
      }
      A.set(i, j, value);
    }
  });
  return A;
}
