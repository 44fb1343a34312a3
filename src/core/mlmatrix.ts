// Matrices of ml-matrix, known by their shape: any copy of the package will do, and none is imported.

import { checkChoice, checkElement, checkInteger, checkType, isObject } from './check.js';
import { DTYPES, type DType } from './dtype.js';
import { type DenseMatrix, fitDType, zeros } from './matrix.js';

/** The part of an ml-matrix matrix that is read. */
export interface MlMatrixLike {
  readonly rows: number;
  readonly columns: number;
  get(row: number, column: number): number;
}

/** Whether a value looks like an ml-matrix matrix. */
export function isMlMatrix(value: unknown): value is MlMatrixLike {
  return (
    isObject(value) &&
    'rows' in value &&
    'columns' in value &&
    'get' in value &&
    typeof value.get === 'function'
  );
}

/**
 * A copy of an ml-matrix matrix (float64 unless `dtype` says otherwise).
 *
 * @throws TypeError if M is no such matrix or holds what is no number, RangeError for an unknown
 *   dtype, a shape that is not of integers ≥ 0, or a finite element that the dtype cannot hold.
 */
export function fromMlMatrix(M: MlMatrixLike): DenseMatrix<'float64'>;
export function fromMlMatrix<D extends DType>(M: MlMatrixLike, dtype: D): DenseMatrix<D>;
export function fromMlMatrix(M: MlMatrixLike, dtype: DType = 'float64'): DenseMatrix {
  checkType('fromMlMatrix', 'M', M, isMlMatrix(M), 'an ml-matrix Matrix');
  checkChoice('fromMlMatrix', 'dtype', dtype, DTYPES);
  return fitDType('fromMlMatrix', 'M', readMlMatrix('fromMlMatrix', 'M', M, 'float64'), dtype);
}

/**
 * {@link fromMlMatrix} for the routine `where`, whose argument `name` M is.
 *
 * @throws TypeError if M holds what is no number, RangeError unless its shape is of integers ≥ 0.
 */
export function readMlMatrix<D extends DType>(
  where: string,
  name: string,
  M: MlMatrixLike,
  dtype: D,
): DenseMatrix<D> {
  checkInteger(where, `${name}.rows`, M.rows);
  checkInteger(where, `${name}.columns`, M.columns);
  const A = zeros(dtype, M.rows, M.columns);
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.cols; j++) {
      const value: unknown = M.get(i, j);
      checkElement(where, name, i, j, value);
      A.set(i, j, value);
    }
  }
  return A;
}
