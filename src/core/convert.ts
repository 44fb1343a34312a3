// The edge: every form of matrix that a user may hand in becomes a DenseMatrix here.

import {
  checkAttached,
  checkChoice,
  checkElement,
  checkInteger,
  describe,
  isObject,
} from './check.js';
import { DTYPES, type DType, isFloatArray, isTypedArray } from './dtype.js';
import { checkMatrix, DenseMatrix, fitDType, isDenseMatrix, toDType, zeros } from './matrix.js';
import { isMlMatrix, type MlMatrixLike, readMlMatrix } from './mlmatrix.js';
import { choice, integer, optionList } from './options.js';
import { typedArrayName } from './typed-array.js';

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
  /** The element type of the matrix. */
  readonly dtype: D;
  /** Columns: needed for a flat typed array, checked otherwise. */
  readonly cols?: number | undefined;
}

const AS_MATRIX_OPTIONS = /* @__PURE__ */ optionList({
  dtype: /* @__PURE__ */ choice(...DTYPES),
  cols: /* @__PURE__ */ integer(),
});

/**
 * `input` as a matrix of `dtype`. A DenseMatrix, or a flat typed array, that already has the dtype
 * is wrapped without a copy; everything else is copied.
 *
 * @throws TypeError for anything that is not a matrix of numbers, RangeError for ragged rows, wrong
 *   columns, an unknown dtype or a finite element that the dtype cannot hold.
 */
export function asMatrix<D extends DType>(
  input: MatrixInput,
  options: AsMatrixOptions<D>,
): DenseMatrix<D> {
  AS_MATRIX_OPTIONS.read('asMatrix', options);
  const { dtype, cols } = options;
  checkChoice('asMatrix', 'dtype', dtype, DTYPES);
  // What has no dtype yet is read as float64: a number beyond float32 is then seen as it came.
  return fitDType('asMatrix', 'input', toDense('asMatrix', 'input', input, 'float64', cols), dtype);
}

/**
 * {@link asMatrix} for the routine `where`, whose argument `name` the input is. A number beyond the dtype
 * becomes ±Infinity here: `where` looks at the elements that count.
 *
 * @throws TypeError for anything that is not a matrix of numbers, RangeError for ragged rows, wrong
 *   columns or an unknown dtype.
 */
export function readMatrix<D extends DType>(
  where: string,
  name: string,
  input: MatrixInput,
  { dtype, cols }: AsMatrixOptions<D>,
): DenseMatrix<D> {
  checkChoice(where, 'dtype', dtype, DTYPES);
  if (cols !== undefined) checkInteger(where, 'cols', cols);
  return toDType(toDense(where, name, input, dtype, cols), dtype);
}

/** `input` as a matrix: of its own dtype, or of `dtype` where it has none. */
function toDense(
  where: string,
  name: string,
  input: MatrixInput,
  dtype: DType,
  cols: number | undefined,
): DenseMatrix {
  const A = readDense(where, name, input, dtype, cols);
  if (cols === undefined || A.cols === cols) return A;
  throw new RangeError(`${where}: ${name} has ${A.cols} columns, expected ${cols}`);
}

function readDense(
  where: string,
  name: string,
  input: MatrixInput,
  dtype: DType,
  cols: number | undefined,
): DenseMatrix {
  if (isDenseMatrix(input)) {
    checkMatrix(where, name, input);
    return input;
  }
  if (isFloatArray(input)) return fromFlat(where, name, input, cols);
  if (isMlMatrix(input)) return readMlMatrix(where, name, input, dtype);
  if (Array.isArray(input)) return fromRows(where, name, input, dtype, cols);
  throw new TypeError(
    `${where}: ${name} is ${kindOf(input)}, expected a DenseMatrix, rows of numbers, a Float32Array, a Float64Array or an ml-matrix Matrix`,
  );
}

function kindOf(value: unknown): string {
  const name = typedArrayName(value);
  if (name === undefined || !isObject(value) || !('length' in value)) return describe(value);
  return `a flat ${name} of ${String(value.length)} elements`;
}

function fromFlat(
  where: string,
  name: string,
  input: Float32Array | Float64Array,
  cols: number | undefined,
): DenseMatrix {
  checkAttached(where, name, input);
  if (cols === undefined || cols === 0 || input.length % cols !== 0) {
    throw new RangeError(
      `${where}: ${name} is a flat array of ${input.length} elements, expected a multiple of ${cols ?? 'a known number of'} columns`,
    );
  }
  const rows = input.length / cols;
  return isTypedArray(input, 'float32')
    ? new DenseMatrix('float32', rows, cols, input)
    : new DenseMatrix('float64', rows, cols, input);
}

function fromRows(
  where: string,
  name: string,
  input: readonly ArrayLike<number>[],
  dtype: DType,
  cols: number | undefined,
): DenseMatrix {
  for (const [i, row] of input.entries()) {
    if (!isObject(row) || !Number.isSafeInteger(row.length)) {
      throw new TypeError(
        `${where}: row ${i} of ${name} is ${describe(row)}, expected an array of numbers`,
      );
    }
    if (row.length !== input[0].length) {
      throw new RangeError(
        `${where}: row ${i} of ${name} has ${row.length} elements, row 0 has ${input[0].length}`,
      );
    }
  }
  const A = zeros(dtype, input.length, input.length === 0 ? (cols ?? 0) : input[0].length);
  for (const [i, row] of input.entries()) {
    for (let j = 0; j < A.cols; j++) {
      const value: unknown = row[j];
      checkElement(where, name, i, j, value);
      A.set(i, j, value);
    }
  }
  return A;
}
