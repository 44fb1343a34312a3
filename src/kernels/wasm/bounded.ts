// What keeps the memory of the WebAssembly kernels bounded: wide products go in strips, and whole matrices
// that are too large to be inside are left to plain TypeScript.

import type { DenseMatrix, Op } from '../../core/matrix.js';
import type { Kernels } from '../kernels.js';
import { scalarKernels } from '../scalar/index.js';

/** Rows of X that are sketched while they are in the second-level cache. */
export const SKETCH_ROWS = 128;

/** What may be inside at a time. */
export interface Bounds {
  /** Columns of a product, and of one whose lower triangle alone is computed. */
  readonly width: number;
  readonly triangle: number;
  /** Elements of an operand that is needed as a whole. */
  readonly elements: number;
}

const BOUNDS: Bounds = { width: 8192, triangle: 4096, elements: 2 ** 26 };

/** The same kernels, `inside` being called within the bounds only. Where a product is cut changes no bit. */
export function boundedKernels(inside: Kernels, bounds: Bounds = BOUNDS): Kernels {
  const within = (rows: number, cols: number): Kernels =>
    rows * cols <= bounds.elements ? inside : scalarKernels;

  return {
    product(alpha, A, opA, B, opB, beta, C, lowerOnly) {
      const { rows: m, cols: n } = C;
      const width = lowerOnly ? bounds.triangle : bounds.width;
      if (n <= width) {
        inside.product(alpha, A, opA, B, opB, beta, C, lowerOnly);
        return;
      }
      for (let j0 = 0; j0 < n; j0 += width) {
        const cols = Math.min(width, n - j0);
        const right = columnsOf(B, opB, j0, cols);
        if (!lowerOnly) {
          inside.product(alpha, A, opA, right, opB, beta, C.view(0, j0, m, cols), false);
          continue;
        }
        // A triangle on the diagonal, and all that is below it.
        const left = A === B && opA !== opB ? right : rowsOf(A, opA, j0, cols);
        inside.product(alpha, left, opA, right, opB, beta, C.view(j0, j0, cols, cols), true);
        const i0 = j0 + cols;
        if (i0 === m) return;
        const below = rowsOf(A, opA, i0, m - i0);
        inside.product(alpha, below, opA, right, opB, beta, C.view(i0, j0, m - i0, cols), false);
      }
    },
    sketchMoment(alpha, X, sketch, beta, C) {
      const rows = Math.max(SKETCH_ROWS, C.cols);
      within(rows, X.cols).sketchMoment(alpha, X, sketch, beta, C);
    },
    fillNormal: (key, scale, S) => within(S.rows, S.cols).fillNormal(key, scale, S),
    solve: (side, op, alpha, L, B) => within(L.rows, L.rows).solve(side, op, alpha, L, B),
    cholesky: (A, L) => within(A.rows, A.rows).cholesky(A, L),
    invertFactored: (L, B) => within(L.rows, L.rows).invertFactored(L, B),
    reduceColumns: (At, Rt) => within(At.rows, At.cols).reduceColumns(At, Rt),
    accumulate: (Vt, Qt) => within(Qt.rows, Qt.cols).accumulate(Vt, Qt),
    tridiagonalise: (A, diagonal, offDiagonal) =>
      within(A.rows, A.rows).tridiagonalise(A, diagonal, offDiagonal),
    rotate: (Z, rotations) => within(Z.rows, Z.cols).rotate(Z, rotations),
  };
}

/** Rows [from, from + count) of op(A). */
function rowsOf(A: DenseMatrix, op: Op, from: number, count: number): DenseMatrix {
  return op === 'N' ? A.view(from, 0, count, A.cols) : A.view(0, from, A.rows, count);
}

/** Columns [from, from + count) of op(A). */
function columnsOf(A: DenseMatrix, op: Op, from: number, count: number): DenseMatrix {
  return rowsOf(A, op === 'N' ? 'T' : 'N', from, count);
}
