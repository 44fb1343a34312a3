// Eigenvalues and eigenvectors of a symmetric tridiagonal matrix by implicit-shift QL.

import { EPSILON } from '../core/dtype.js';
import { NotConvergedError } from '../core/errors.js';
import type { Rotations } from './rotations.js';
import { NEGLIGIBLE } from './scaling.js';
import type { Tridiagonal } from './tridiagonal.js';

/** Brings numbers whose squares could underflow to where they do not. */
const LARGE = 2 ** 960;

/**
 * diagonal ← the eigenvalues of T, in no particular order; offDiagonal is destroyed. The rotations
 * that do it go into the queue: applied to Qᵀ they turn its rows into the eigenvectors of QTQᵀ.
 *
 * T is n×n with ‖T‖ about 1. Implicit Wilkinson shifts, as in EISPACK's imtql2 (Dubrulle, Martin,
 * Wilkinson, Numer. Math. 12, 1968). At most `maxSweeps`·n sweeps; about 2.2·n are usual.
 * Cost: about 20n² flops and 1.1n² rotations.
 *
 * @throws NotConvergedError where the sweeps are used up; T is of no use then.
 */
export function diagonaliseTridiagonal(
  where: string,
  { diagonal: d, offDiagonal: e }: Tridiagonal,
  rotations: Rotations | undefined,
  maxSweeps: number,
): void {
  const n = d.length;
  let sweeps = 0;
  for (let first = 0; first < n; first++) {
    let last = blockEnd(d, e, first);
    while (last > first) {
      if (sweeps >= maxSweeps * n) throw new NotConvergedError(where, sweeps);
      sweep(d, e, first, last, rotations);
      sweeps++;
      last = blockEnd(d, e, first);
    }
  }
  rotations?.flush();
}

/** The last index of the unreduced block that begins at `first`. */
function blockEnd(d: Float64Array, e: Float64Array, first: number): number {
  const end = d.length - 1;
  let last = first;
  while (last < end) {
    const size = EPSILON.float64 * (Math.abs(d[last]) + Math.abs(d[last + 1]));
    if (Math.abs(e[last]) <= Math.max(size, NEGLIGIBLE)) break;
    last++;
  }
  return last;
}

/** One QL step on the unreduced block [first, last]: a bulge is chased from its end to its start. */
function sweep(
  d: Float64Array,
  e: Float64Array,
  first: number,
  last: number,
  rotations: Rotations | undefined,
): void {
  // The shift is the eigenvalue of the leading 2×2 block that is closer to d[first].
  const half = (d[first + 1] - d[first]) / (2 * e[first]);
  const root = Math.sqrt(half * half + 1);
  let g = d[last] - d[first] + e[first] / (half + (half < 0 ? -root : root));
  let s = 1;
  let c = 1;
  let p = 0;
  for (let i = last - 1; i >= first; i--) {
    const f = s * e[i];
    const b = c * e[i];
    // Never 0: no element of the block is negligible, and no product of two of them underflows.
    const r = length(f, g);
    e[i + 1] = r;
    s = f / r;
    c = g / r;
    const gap = d[i + 1] - p;
    const t = (d[i] - gap) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = gap + p;
    g = c * t - b;
    rotations?.add(i, c, s);
  }
  d[first] -= p;
  e[first] = g;
  e[last] = 0;
}

/** √(f² + g²) for |f|, |g| that do not overflow when squared; the bits of Math.hypot are the engine's. */
function length(f: number, g: number): number {
  const square = f * f + g * g;
  if (square > 2 ** -960) return Math.sqrt(square);
  const [F, G] = [f * LARGE, g * LARGE];
  return Math.sqrt(F * F + G * G) / LARGE;
}
