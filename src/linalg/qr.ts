// Thin QR factorisation by Householder reflections.

import { checkFinite } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { NonFiniteError } from '../core/errors.js';
import {
  checkMatrix,
  type DenseMatrix,
  largestMagnitude,
  type Matrix64,
  toDType,
  zeros,
} from '../core/matrix.js';
import { scale, transpose } from '../kernels/level1.js';
import { activeKernels } from '../kernels/selection.js';
import { nearbyPowerOfTwo } from './scaling.js';

/** A = Q·R. */
export interface ThinQr<D extends DType> {
  /** m×n with orthonormal columns. */
  readonly Q: DenseMatrix<D>;
  /** n×n, upper triangular, with a diagonal ≥ 0. */
  readonly R: DenseMatrix<D>;
}

/**
 * Factors A = QR.
 *
 * A is m×n with m ≥ n and is not changed. Q has orthonormal columns whatever the rank of A; R has a
 * diagonal ≥ 0, which makes both factors unique where A has full rank. Computed in float64, rounded
 * to the dtype of A at the end; columns are scaled by powers of two, so that no square overflows or
 * underflows.
 *
 * Cost: 4mn² − 4n³/3 flops; workspace 2mn float64 numbers beside the result.
 *
 * @throws TypeError if A is no matrix, RangeError if m < n or A holds NaN or Infinity; NonFiniteError
 * if R exceeds the range of the dtype (its columns are as long as those of A).
 */
export function thinQr<D extends DType>(A: DenseMatrix<D>): ThinQr<D> {
  checkMatrix('thinQr', 'A', A);
  if (A.rows < A.cols) {
    throw new RangeError(
      `thinQr: A is ${A.rows}×${A.cols}, expected at least as many rows as columns`,
    );
  }
  checkFinite('thinQr', 'A', A);
  const n = A.cols;
  const Vt = zeros('float64', n, A.rows);
  transpose(toDType(A, 'float64'), Vt);
  const units = scaleRows(Vt);
  const Rt = zeros('float64', n, n);
  const Qt = zeros('float64', n, A.rows);
  if (n > 0) {
    activeKernels().reduceColumns(Vt, Rt);
    activeKernels().accumulate(Vt, Qt);
  }
  for (let j = 0; j < n; j++) {
    if (Rt.at(j, j) < 0) {
      scale(-1, Rt.view(j, j, n - j, 1));
      scale(-1, Qt.view(j, 0, 1, Qt.cols));
    }
  }
  for (let j = 0; j < n; j++) scale(units[j], Rt.view(j, 0, 1, j + 1));
  const R = transposedAs(Rt, A.dtype);
  if (!Number.isFinite(largestMagnitude(R))) throw new NonFiniteError('thinQr: R');
  return { Q: transposedAs(Qt, A.dtype), R };
}

/** Divides every row by a power of two near its largest element; returns these powers. */
function scaleRows(Vt: Matrix64): number[] {
  return Array.from({ length: Vt.rows }, (_, j) => {
    const row = Vt.view(j, 0, 1, Vt.cols);
    const unit = nearbyPowerOfTwo(largestMagnitude(row));
    scale(1 / unit, row);
    return unit;
  });
}

function transposedAs<D extends DType>(At: Matrix64, dtype: D): DenseMatrix<D> {
  const A = zeros('float64', At.cols, At.rows);
  transpose(At, A);
  return toDType(A, dtype);
}
