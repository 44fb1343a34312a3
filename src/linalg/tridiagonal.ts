// Symmetric to tridiagonal form, A = Q·T·Qᵀ, and Q itself.

import { type Matrix64, setIdentity } from '../core/matrix.js';
import { activeKernels } from '../kernels/selection.js';

/** A symmetric tridiagonal matrix T. */
export interface Tridiagonal {
  /** Tᵢᵢ: n numbers. */
  readonly diagonal: Float64Array;
  /** Tᵢ₊₁ᵢ: n numbers, of which the last is unused. */
  readonly offDiagonal: Float64Array;
}

/**
 * Reduces A = QTQᵀ by Householder reflections, and replaces row j of A by the vector v of the one that
 * cleared column j: zeros up to element j, then v. Their product is Q; see {@link orthogonalFactor}.
 *
 * A is n×n with both triangles filled. Cost: 4n³/3 flops, half of them in products of blocks.
 */
export function tridiagonalise(A: Matrix64): Tridiagonal {
  const n = A.rows;
  const T = { diagonal: new Float64Array(n), offDiagonal: new Float64Array(n) };
  if (n > 0) activeKernels().tridiagonalise(A, T.diagonal, T.offDiagonal);
  return T;
}

/**
 * Qt ← Qᵀ of A = QTQᵀ, from what {@link tridiagonalise} left in A. Qt is n×n. Cost: 4n³/3 flops;
 * workspace BLOCK·n.
 */
export function orthogonalFactor(A: Matrix64, Qt: Matrix64): void {
  const n = A.rows;
  setIdentity(Qt);
  if (n > 2) {
    // The reflections leave the first coordinate alone.
    activeKernels().accumulate(A.view(0, 1, n - 2, n - 1), Qt.view(1, 1, n - 1, n - 1));
  }
}
