// Products and Cholesky factorisations on operands that are inside, cut into parts for a team.

import { BYTES, type DType } from '../../core/dtype.js';
import type { Exports } from './instance.js';
import { evenRanges, parts, triangularRanges } from './split.js';
import type { Call, Team } from './team.js';

/** Who works, and on what. */
export interface Hands {
  readonly exports: Exports;
  readonly team: Team;
  /** Bytes of one thread's workspace: that of thread k begins at work + k·stride. */
  readonly stride: number;
}

/** C ← α·A·B + β·C on operands that are inside: addresses, strides in elements, sizes. */
export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly alpha: number;
  readonly a: number;
  readonly rsA: number;
  readonly csA: number;
  readonly b: number;
  readonly rsB: number;
  readonly csB: number;
  readonly beta: number;
  readonly c: number;
  readonly ldc: number;
  readonly lowerOnly: boolean;
}

/** Up to this size a triangle is factored by one thread: the recursion's leaves. */
const LEAF = 256;

/** The halves of a Cholesky factorisation are whole blocks of this size, as in ../assembly. */
const HALF = 16;

/** A product of operands that are inside, in parts of its rows. */
export function multiplyInParts(
  { team, stride }: Hands,
  dtype: DType,
  product: Product,
  work: number,
): void {
  const { m, n, k, alpha, a, rsA, csA, b, rsB, csB, beta, c, ldc, lowerOnly } = product;
  const count = parts((lowerOnly ? 1 : 2) * m * n * k, team.size);
  const bytes = BYTES[dtype];
  const ranges = lowerOnly ? triangularRanges(m, count) : evenRanges(m, count);
  const kernel = dtype === 'float32' ? 'product32' : 'product64';
  const calls = ranges.map(({ from, to }): Call => {
    const [rowsA, rowsC] = [a + from * rsA * bytes, c + from * ldc * bytes];
    // Rows of the lower triangle reach no further than their diagonal.
    const [cols, reach] = lowerOnly ? [to, from + 1] : [n, n];
    return {
      kernel,
      // Rows, columns and depth; then each matrix with its factor and strides.
      operands: [to - from, cols, k].concat(
        [alpha, rowsA, rsA, csA, b, rsB, csB],
        [beta, rowsC, ldc, reach],
      ),
    };
  });
  team.run(calls, work, stride);
}

/** X·Lᵀ ← X for m rows of X, in parts of them. L is n×n; rows of both are ld apart. */
function solveRows(
  { team, stride }: Hands,
  dtype: DType,
  n: number,
  m: number,
  L: number,
  X: number,
  ld: number,
  work: number,
): void {
  const kernel = dtype === 'float32' ? 'solve32' : 'solve64';
  const calls = evenRanges(m, parts(n * n * m, team.size)).map(({ from, to }): Call => {
    const rows = X + from * ld * BYTES[dtype];
    return { kernel, operands: [0, n, to - from, L, ld, 1, rows, 1, ld] };
  });
  team.run(calls, work, stride);
}

/**
 * A ← L on and below the diagonal, by the recursion of ../assembly/triangular.ts, whose large products and
 * solves go to the team. Returns the index of the pivot that failed, or −1.
 */
export function factorInParts(
  hands: Hands,
  dtype: DType,
  n: number,
  A: number,
  ld: number,
  work: number,
): number {
  const { team, exports } = hands;
  if (team.size === 1 || n <= LEAF) {
    const cholesky = dtype === 'float32' ? exports.cholesky32 : exports.cholesky64;
    return cholesky(n, A, ld, work);
  }
  const bytes = BYTES[dtype];
  const n1 = HALF * Math.ceil((n >> 1) / HALF);
  const n2 = n - n1;
  const failed = factorInParts(hands, dtype, n1, A, ld, work);
  if (failed >= 0) return failed;
  const A21 = A + n1 * ld * bytes;
  const A22 = A21 + n1 * bytes;
  solveRows(hands, dtype, n1, n2, A, A21, ld, work);
  const operands = { m: n2, n: n2, k: n1, a: A21, rsA: ld, csA: 1, b: A21, rsB: 1, csB: ld };
  const product = { ...operands, alpha: -1, beta: 1, c: A22, ldc: ld, lowerOnly: true };
  multiplyInParts(hands, dtype, product, work);
  const later = factorInParts(hands, dtype, n2, A22, ld, work);
  return later >= 0 ? n1 + later : -1;
}
