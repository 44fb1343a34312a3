// Thin QR factorisation by Householder reflections.

import type { DType } from '../core/dtype.js';
import { NonFiniteError } from '../core/errors.js';
import {
  checkFinite,
  checkMatrix,
  convert,
  copyInto,
  type DenseMatrix,
  largestMagnitude,
  type Matrix64,
} from '../core/matrix.js';
import { checkWorkspace, Workspace } from '../core/workspace.js';
import { dot, scale } from '../kernels/level1.js';
import { transpose } from '../kernels/movement.js';
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
 * to the dtype of A at the end; columns are scaled by powers of two where a square could overflow or
 * underflow.
 *
 * Cost: 4mn² − 4n³/3 flops; 3mn float64 numbers of workspace.
 *
 * @throws TypeError if A is no matrix, RangeError if m < n or A holds NaN or Infinity; NonFiniteError
 * if R exceeds the range of the dtype (its columns are as long as those of A).
 */
export function thinQr<D extends DType>(
  A: DenseMatrix<D>,
  workspace: Workspace = new Workspace(),
): ThinQr<D> {
  checkMatrix('thinQr', 'A', A);
  checkWorkspace('thinQr', workspace);
  if (A.rows < A.cols) {
    throw new RangeError(
      `thinQr: A is ${A.rows}×${A.cols}, expected at least as many rows as columns`,
    );
  }
  checkFinite('thinQr', 'A', A);
  const { rows: m, cols: n } = A;
  return workspace.scope(() => {
    const M = workspace.take('float64', m, n);
    copyInto(A, M);
    const At = workspace.take('float64', n, m);
    transpose(M, At);
    const Qt = workspace.take('float64', n, m);
    const Rt = workspace.take('float64', n, n);
    factorTransposed(At, Qt, Rt);
    for (let j = 0; j < n; j++) {
      if (Rt.at(j, j) < 0) {
        scale(-1, Rt.view(j, j, n - j, 1));
        scale(-1, Qt.view(j, 0, 1, m));
      }
    }
    transpose(Qt, M);
    const R = workspace.take('float64', n, n);
    transpose(Rt, R);
    const rounded = { Q: convert(M, A.dtype), R: convert(R, A.dtype) };
    if (!Number.isFinite(largestMagnitude(rounded.R))) throw new NonFiniteError('thinQr: R');
    return rounded;
  });
}

/**
 * Factors A = QR on transposed matrices, as rows are what is contiguous: Qt ← Qᵀ, Rt ← Rᵀ, with
 * diagonal elements of either sign. At (n×m, n ≤ m) is destroyed; Qt is n×m, Rt is n×n. Scaled as
 * {@link thinQr} does; what is not finite in A makes R so.
 *
 * Cost: 4mn² − 4n³/3 flops.
 */
export function factorTransposed(At: Matrix64, Qt: Matrix64, Rt: Matrix64): void {
  scale(0, Rt);
  const units = scaleRows(At);
  activeKernels().factorColumns(At, Qt, Rt);
  for (let j = 0; j < Rt.rows; j++) scale(units[j], Rt.view(j, 0, 1, j + 1));
}

/** Sums of squares between these need no scaling. */
const [SMALL, LARGE] = [2 ** -800, 2 ** 800];

/** Divides rows by powers of two near their largest element, where they need it; returns these powers. */
function scaleRows(At: Matrix64): number[] {
  return Array.from({ length: At.rows }, (_, j) => {
    const row = At.view(j, 0, 1, At.cols);
    const sum = dot(row, row);
    if (sum > SMALL && sum < LARGE) return 1;
    const unit = nearbyPowerOfTwo(largestMagnitude(row));
    scale(1 / unit, row);
    return unit;
  });
}
