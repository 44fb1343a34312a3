// The entry nysact/ml-matrix: matrices to and from ml-matrix, which no other file imports.

import { Matrix } from 'ml-matrix';
import { checkMatrix, type DenseMatrix } from './core/matrix.js';

export { fromMlMatrix, type MlMatrixLike } from './core/mlmatrix.js';

/**
 * A copy of `A` as an ml-matrix `Matrix` (always float64).
 *
 * @throws TypeError if A is no matrix or its elements are gone.
 */
export function toMlMatrix(A: DenseMatrix): Matrix {
  checkMatrix('toMlMatrix', 'A', A);
  const M = new Matrix(A.rows, A.cols);
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.cols; j++) M.set(i, j, A.at(i, j));
  }
  return M;
}
