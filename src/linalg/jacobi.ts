// Eigenvalues and eigenvectors of a small symmetric matrix by cyclic Jacobi rotations.

import { EPSILON } from '../core/dtype.js';
import { NotConvergedError } from '../core/errors.js';
import type { Matrix64 } from '../core/matrix.js';
import { NEGLIGIBLE } from './scaling.js';

/**
 * A ← diag(eigenvalues), in no particular order; Vt ← the eigenvectors as rows, where Vt came in as
 * the identity.
 *
 * A and Vt are n×n, ‖A‖ about 1; what lies below the diagonal of A is neither read nor written. An
 * element is annihilated until it is below ε·√(|aᵢᵢaⱼⱼ|) (Demmel, Veselić, SIAM J. Matrix Anal. Appl. 13,
 * 1992), so that small eigenvalues of a graded positive definite matrix keep their leading digits. At
 * most `maxSweeps` sweeps; 5 to 10 are usual. Cost: about 6n³ flops a sweep; no workspace.
 *
 * @throws NotConvergedError where the sweeps are used up; A and Vt are of no use then.
 */
export function diagonaliseByRotations(A: Matrix64, Vt: Matrix64, maxSweeps: number): void {
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    if (annihilateAll(A, Vt) === 0) return;
  }
  throw new NotConvergedError('eigh', maxSweeps);
}

/** One sweep over the pairs i < j; returns the number of rotations that were needed. */
function annihilateAll(A: Matrix64, Vt: Matrix64): number {
  const { data: a, offset, stride, rows: n } = A;
  let rotations = 0;
  for (let i = 0; i < n; i++) {
    const ii = offset + i * stride + i;
    for (let j = i + 1; j < n; j++) {
      const ij = ii + j - i;
      const jj = offset + j * stride + j;
      const aij = a[ij];
      // Where the product underflows, its root is below what is negligible.
      const size = EPSILON.float64 * Math.sqrt(Math.abs(a[ii] * a[jj]));
      if (Math.abs(aij) <= Math.max(size, NEGLIGIBLE)) continue;
      const gap = a[jj] - a[ii];
      const root = Math.sqrt(gap * gap + 4 * aij * aij);
      const t = (2 * aij) / (gap + (gap < 0 ? -root : root));
      const c = 1 / Math.sqrt(t * t + 1);
      const s = t * c;
      // Row and column i with row and column j, along the paths that stay above the diagonal.
      rotate(i, a, offset + i, stride, offset + j, stride, c, s);
      rotate(j - i - 1, a, ii + 1, 1, ij + stride, stride, c, s);
      rotate(n - j - 1, a, ij + 1, 1, jj + 1, 1, c, s);
      rotate(n, Vt.data, Vt.offset + i * Vt.stride, 1, Vt.offset + j * Vt.stride, 1, c, s);
      a[ii] -= t * aij;
      a[jj] += t * aij;
      a[ij] = 0;
      rotations++;
    }
  }
  return rotations;
}

/** Elements xₖ and yₖ ← c·xₖ − s·yₖ and s·xₖ + c·yₖ, for n of each, at x and y and every step after. */
function rotate(
  n: number,
  data: Float64Array,
  x: number,
  stepX: number,
  y: number,
  stepY: number,
  c: number,
  s: number,
): void {
  for (let k = 0; k < n; k++, x += stepX, y += stepY) {
    const xk = data[x];
    const yk = data[y];
    data[x] = c * xk - s * yk;
    data[y] = s * xk + c * yk;
  }
}
