// Eigenvalues and eigenvectors of a small symmetric matrix by cyclic Jacobi rotations.

import { EPSILON } from '../core/dtype.js';
import { NotConvergedError } from '../core/errors.js';
import type { Matrix64 } from '../core/matrix.js';

/** Numbers below this count as zero beside ‖A‖ = 1: their squares would underflow. */
const NEGLIGIBLE = 2 ** -480;

/**
 * A ← diag(eigenvalues), in no particular order; Vt ← the eigenvectors as rows, where Vt came in as
 * the identity.
 *
 * A and Vt are n×n, A with both triangles filled and ‖A‖ about 1. An element is annihilated until it
 * is below ε·√(|aᵢᵢaⱼⱼ|) (Demmel, Veselić, SIAM J. Matrix Anal. Appl. 13, 1992), so that small eigenvalues
 * of a graded positive definite matrix keep their leading digits. At most `maxSweeps` sweeps; 5 to 10 are usual.
 * Cost: about 6n³ flops a sweep; no workspace.
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
  let rotations = 0;
  for (let i = 0; i < A.rows; i++) {
    for (let j = i + 1; j < A.rows; j++) {
      const aii = A.at(i, i);
      const ajj = A.at(j, j);
      const aij = A.at(i, j);
      const size = EPSILON.float64 * Math.sqrt(Math.abs(aii)) * Math.sqrt(Math.abs(ajj));
      if (Math.abs(aij) <= Math.max(size, NEGLIGIBLE)) continue;
      const theta = (ajj - aii) / (2 * aij);
      const root = Math.sqrt(theta * theta + 1);
      const t = 1 / (theta + (theta < 0 ? -root : root));
      const c = 1 / Math.sqrt(t * t + 1);
      const s = t * c;
      rotateRows(A, i, j, c, s);
      rotateRows(Vt, i, j, c, s);
      for (let k = 0; k < A.rows; k++) {
        A.set(k, i, A.at(i, k));
        A.set(k, j, A.at(j, k));
      }
      A.set(i, i, aii - t * aij);
      A.set(j, j, ajj + t * aij);
      A.set(i, j, 0);
      A.set(j, i, 0);
      rotations++;
    }
  }
  return rotations;
}

/** Rows i and j ← c·zᵢ − s·zⱼ and s·zᵢ + c·zⱼ. */
function rotateRows(Z: Matrix64, i: number, j: number, c: number, s: number): void {
  const { data, offset, stride, cols } = Z;
  const r0 = offset + i * stride;
  const r1 = offset + j * stride;
  for (let k = 0; k < cols; k++) {
    const x = data[r0 + k];
    const y = data[r1 + k];
    data[r0 + k] = c * x - s * y;
    data[r1 + k] = s * x + c * y;
  }
}
