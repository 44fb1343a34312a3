// Symmetric to tridiagonal form: A = Q·T·Qᵀ by Householder reflections, in blocks.

import { copyInto, type Matrix64, zeros } from '../../core/matrix.js';
import { axpby, dot, scale } from '../level1.js';
import { mirrorLower } from '../movement.js';
import { BLOCK, reflect, reflectionScale } from './householder.js';
import { multiply } from './multiply.js';

/** Columns of the strips in which the lower triangle is updated. */
const STRIP = 128;

/**
 * Reduces A = QTQᵀ, and replaces row j of A by the vector v of the reflection that cleared column
 * j: zeros up to element j, then v. Their product is Q.
 *
 * A is n×n with both triangles filled. Each block of columns is reduced against
 * A − Σ(vwᵀ + wvᵀ), so that half of the work is one matrix product per block (Dongarra, Hammarling,
 * Sorensen, J. Comput. Appl. Math. 27, 1989).
 * Cost: 4n³/3 flops; workspace 4·BLOCK·n.
 */
export function tridiagonalise(
  A: Matrix64,
  diagonal: Float64Array,
  offDiagonal: Float64Array,
): void {
  const n = A.rows;
  // Rows of P are v₀, w₀, v₁, w₁, … and those of S w₀, v₀, w₁, v₁, …: PᵀS = Σ(vwᵀ + wvᵀ).
  const P = zeros('float64', 2 * BLOCK, n);
  const S = zeros('float64', 2 * BLOCK, n);
  const work = zeros('float64', 1, 2 * BLOCK);

  for (let start = 0; start < n - 2; start += BLOCK) {
    const end = Math.min(start + BLOCK, n - 2);
    for (let j = start; j < end; j++) {
      const pairs = 2 * (j - start);
      const row = A.view(j, j, 1, n - j);
      const column = work.view(0, 0, 1, pairs);
      for (let i = 0; i < pairs; i++) column.set(0, i, S.at(i, j));
      multiply(-1, column, 'N', P.view(0, j, pairs, n - j), 'N', 1, row);
      diagonal[j] = A.at(j, j);

      const length = n - j - 1;
      const v = A.view(j, j + 1, 1, length);
      offDiagonal[j] = reflect(v);
      scale(0, A.view(j, 0, 1, j + 1));

      // w = τ(Av − ½τ(vᵀAv)v), with A as the block has left it so far.
      const w = P.view(pairs + 1, j + 1, 1, length);
      const coefficients = work.view(0, 0, 1, pairs);
      multiply(1, v, 'N', A.view(j + 1, j + 1, length, length), 'T', 0, w);
      multiply(1, v, 'N', S.view(0, j + 1, pairs, length), 'T', 0, coefficients);
      multiply(-1, coefficients, 'N', P.view(0, j + 1, pairs, length), 'N', 1, w);
      const tau = reflectionScale(v);
      scale(tau, w);
      axpby((-tau / 2) * dot(v, w), v, 1, w);
      copyInto(v, P.view(pairs, j + 1, 1, length));
      copyInto(w, S.view(pairs, j + 1, 1, length));
      copyInto(v, S.view(pairs + 1, j + 1, 1, length));
    }
    const pairs = 2 * (end - start);
    const rest = n - end;
    subtractSymmetric(
      P.view(0, end, pairs, rest),
      S.view(0, end, pairs, rest),
      A.view(end, end, rest, rest),
    );
  }
  for (let j = Math.max(0, n - 2); j < n; j++) {
    diagonal[j] = A.at(j, j);
    if (j + 1 < n) offDiagonal[j] = A.at(j + 1, j);
  }
}

/** A ← A − PᵀS where PᵀS is symmetric: the lower triangle in strips, then its mirror image. */
function subtractSymmetric(P: Matrix64, S: Matrix64, A: Matrix64): void {
  const n = A.rows;
  for (let start = 0; start < n; start += STRIP) {
    const width = Math.min(STRIP, n - start);
    const strip = A.view(start, start, n - start, width);
    const left = P.view(0, start, P.rows, n - start);
    multiply(-1, left, 'T', S.view(0, start, S.rows, width), 'N', 1, strip);
  }
  mirrorLower(A);
}
