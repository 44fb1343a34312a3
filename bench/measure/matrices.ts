// The matrices that benchmarks compute with.

import type { DType } from '../../src/core/dtype.js';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { fillNormal, type RandomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import { syrk } from '../../src/kernels/syrk.js';
import type { Eigenpairs } from '../../src/nystrom/factor.js';

/** Independent standard normal numbers. */
export function normalMatrix<D extends DType>(
  dtype: D,
  rows: number,
  cols: number,
  key: RandomKey,
): DenseMatrix<D> {
  const A = zeros(dtype, rows, cols);
  fillNormal(key, A.data);
  return A;
}

/** XᵀX/m. */
export function secondMoment<D extends DType>(X: DenseMatrix<D>): DenseMatrix<D> {
  const A = zeros(X.dtype, X.cols, X.cols);
  syrk(1 / X.rows, X, 'T', 0, A, 'both');
  return A;
}

/** AB. */
export function product<D extends DType>(A: DenseMatrix<D>, B: DenseMatrix<D>): DenseMatrix<D> {
  const C = zeros(A.dtype, A.rows, B.cols);
  gemm(1, A, 'N', B, 'N', 0, C);
  return C;
}

/** Â = U·diag(λ̂)·Uᵀ. */
export function lowRankMatrix({
  U,
  eigenvalues,
}: Pick<Eigenpairs, 'U' | 'eigenvalues'>): DenseMatrix<'float64'> {
  const scaled = zeros('float64', U.rows, U.cols);
  for (let i = 0; i < U.rows; i++) {
    for (let j = 0; j < U.cols; j++) scaled.set(i, j, eigenvalues[j] * U.at(i, j));
  }
  const A = zeros('float64', U.rows, U.rows);
  gemm(1, scaled, 'N', U, 'T', 0, A);
  return A;
}
