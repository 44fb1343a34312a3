// Householder reflections, one at a time and in blocks, on matrices that are stored transposed.

import { copyInto, type Matrix64, zeros } from '../../core/matrix.js';
import { dot, frobeniusNorm, scale } from '../level1.js';
import { multiply } from './multiply.js';
import { packedProduct } from './packed.js';
import { solveTriangular } from './solve.js';

// A reflection is H = I − τvvᵀ with v₀ = 1 and τ = 2/vᵀv: τ follows from v, so that H is orthogonal
// to rounding whatever happened while v was computed. Vectors are rows, because rows are
// contiguous: the reflections of one block are the rows of Vt.

/** Reflections that are gathered before they are applied as one block. */
export const BLOCK = 32;

/**
 * Replaces the 1×n vector x by the v of the reflection with Hx = βe₀, and returns β = ∓‖x‖ (the
 * sign that x₀ has not, so that nothing cancels). For x = 0, v = e₀ and β = 0.
 *
 * Safe where squares of x would overflow or underflow, as long as ‖x‖ is finite. Cost: 3n flops.
 */
export function reflect(x: Matrix64): number {
  const first = x.at(0, 0);
  const norm = frobeniusNorm(x);
  const beta = first > 0 ? -norm : norm;
  if (norm > 0) {
    const divisor = first - beta;
    const end = x.offset + x.cols;
    for (let i = x.offset + 1; i < end; i++) x.data[i] /= divisor;
  }
  x.set(0, 0, 1);
  return beta;
}

/** The τ of the reflection with vector v. Cost: 2n flops. */
export function reflectionScale(v: Matrix64): number {
  return 2 / dot(v, v);
}

/**
 * C ← C·H, H the reflection with vector v. C is m×n, v is 1×n; `work` is 1×k with k ≥ m.
 * Cost: 4mn flops.
 */
function applyReflection(C: Matrix64, v: Matrix64, work: Matrix64): void {
  const y = work.view(0, 0, 1, C.rows);
  multiply(reflectionScale(v), v, 'N', C, 'T', 0, y);
  multiply(-1, y, 'T', v, 'N', 1, C);
}

/**
 * C ← C·H₀H₁⋯H_{b−1} (order 'forward') or C·H_{b−1}⋯H₁H₀ (order 'backward') for the reflections
 * whose vectors are the rows of Vt. C is m×n, Vt is b×n.
 *
 * H₀⋯H_{b−1} = I − VTVᵀ, and T⁻¹ is the upper triangle of VᵀV with its diagonal halved (the UT
 * transform: Puglisi, SIAM J. Sci. Stat. Comput. 13, 1992), so T is never formed: it is applied by a
 * triangular solve. Cost: 4mnb + nb² + mb² flops; workspace b(m + b).
 */
function applyReflections(C: Matrix64, Vt: Matrix64, order: 'forward' | 'backward'): void {
  if (C.rows === 0) return;
  const b = Vt.rows;
  const L = zeros('float64', b, b);
  packedProduct(1, Vt, 'N', Vt, 'T', 0, L, true);
  for (let i = 0; i < b; i++) L.set(i, i, L.at(i, i) / 2);
  const M = zeros('float64', C.rows, b);
  multiply(1, C, 'N', Vt, 'T', 0, M);
  solveTriangular('right', order === 'forward' ? 'T' : 'N', 1, L, M);
  multiply(-1, M, 'N', Vt, 'N', 1, C);
}

/**
 * Qt ← the first n columns of Q = H₀H₁⋯H_{k−1}, as rows.
 *
 * Vt is k×m, Qt is n×m, with k ≤ n ≤ m; row j of Vt is the vector of Hⱼ, with zeros before element j.
 * Cost: 4mnk − 2(m + n)k² + 4k³/3 flops; workspace BLOCK·n.
 */
export function accumulate(Vt: Matrix64, Qt: Matrix64): void {
  const { rows: n, cols: m } = Qt;
  scale(0, Qt);
  for (let i = 0; i < n; i++) Qt.set(i, i, 1);
  for (let end = Vt.rows; end > 0; ) {
    // Blocks end where the factorisation ended them, so that the last one is the short one.
    const start = end - 1 - ((end - 1) % BLOCK);
    // What lies before row and column `start` is still the identity, and stays it.
    applyReflections(
      Qt.view(start, start, n - start, m - start),
      Vt.view(start, start, end - start, m - start),
      'backward',
    );
    end = start;
  }
}

/** A = QR from At: Qt ← Qᵀ and Rt (zeros) ← Rᵀ. At is destroyed. Cost: 4mn² − 4n³/3 flops. */
export function factorColumns(At: Matrix64, Qt: Matrix64, Rt: Matrix64): void {
  reduceColumns(At, Rt);
  accumulate(At, Qt);
}

/** Replaces the rows of At (columns of A) by the vectors of the reflections, and Rt (zeros) by Rᵀ. */
function reduceColumns(At: Matrix64, Rt: Matrix64): void {
  const { rows: n, cols: m } = At;
  const work = zeros('float64', 1, BLOCK);
  for (let start = 0; start < n; start += BLOCK) {
    const end = Math.min(start + BLOCK, n);
    for (let j = start; j < end; j++) {
      // Column j of R is complete down to the diagonal: take it out and leave v with its zeros.
      const above = At.view(j, 0, 1, j);
      copyInto(above, Rt.view(j, 0, 1, j));
      scale(0, above);
      const v = At.view(j, j, 1, m - j);
      Rt.set(j, j, reflect(v));
      applyReflection(At.view(j + 1, j, end - j - 1, m - j), v, work);
    }
    const Vt = At.view(start, start, end - start, m - start);
    applyReflections(At.view(end, start, n - end, m - start), Vt, 'forward');
  }
}
