// Triangular solves in plain TypeScript: halves until the triangle is small.

import type { DenseMatrix, Op } from '../../core/matrix.js';
import type { Side } from '../kernels.js';
import { multiply } from './multiply.js';

/** Largest triangle solved directly, and the right-hand sides it takes at a time. */
const BLOCK = 48;
const WIDTH = 64;

// The workspace of every direct solve, float64 for both dtypes so that its loop sees one array kind.
const triangle = new Float64Array(BLOCK * BLOCK);
const unknowns = new Float64Array(BLOCK * WIDTH);

/** L and Lᵀ are solved from the first unknown on or from the last, according to side and op. */
function isForward(side: Side, op: Op): boolean {
  return (side === 'left') === (op === 'N');
}

/**
 * B ← α·op(L)⁻¹·B or α·B·op(L)⁻¹. Halves L = [L₁ 0; M L₂], with B split alike: one half is solved,
 * its contribution through M is taken off the other half, and that is solved.
 */
export function solveTriangular(
  side: Side,
  op: Op,
  alpha: number,
  L: DenseMatrix,
  B: DenseMatrix,
): void {
  const n = L.rows;
  if (n <= BLOCK) {
    solveDirectly(side, op, alpha, L, B);
    return;
  }
  const n1 = n >> 1;
  const n2 = n - n1;
  const L1 = L.view(0, 0, n1, n1);
  const M = L.view(n1, 0, n2, n1);
  const L2 = L.view(n1, n1, n2, n2);
  const left = side === 'left';
  const B1 = left ? B.view(0, 0, n1, B.cols) : B.view(0, 0, B.rows, n1);
  const B2 = left ? B.view(n1, 0, n2, B.cols) : B.view(0, n1, B.rows, n2);
  if (isForward(side, op)) {
    solveTriangular(side, op, alpha, L1, B1);
    if (left) multiply(-1, M, 'N', B1, 'N', alpha, B2);
    else multiply(-1, B1, 'N', M, 'T', alpha, B2);
    solveTriangular(side, op, 1, L2, B2);
  } else {
    solveTriangular(side, op, alpha, L2, B2);
    if (left) multiply(-1, M, 'T', B2, 'N', alpha, B1);
    else multiply(-1, B2, 'N', M, 'N', alpha, B1);
    solveTriangular(side, op, 1, L1, B1);
  }
}

/**
 * All four cases are one forward substitution T·X = αB once T and X are loaded in the order in
 * which the unknowns are solved, with the right-hand sides as columns of X.
 */
function solveDirectly(side: Side, op: Op, alpha: number, L: DenseMatrix, B: DenseMatrix): void {
  const n = L.rows;
  const forward = isForward(side, op);
  const first = forward ? 0 : n - 1;
  const direction = forward ? 1 : -1;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      triangle[i * n + j] = forward ? L.at(i, j) : L.at(n - 1 - j, n - 1 - i);
    }
  }
  const left = side === 'left';
  const b = B.data;
  const alongUnknowns = direction * (left ? B.stride : 1);
  const alongSides = left ? 1 : B.stride;
  const start = B.offset + first * (left ? B.stride : 1);
  const sides = left ? B.cols : B.rows;
  for (let c0 = 0; c0 < sides; c0 += WIDTH) {
    const width = Math.min(WIDTH, sides - c0);
    const corner = start + c0 * alongSides;
    for (let i = 0; i < n; i++) {
      const from = corner + i * alongUnknowns;
      for (let c = 0; c < width; c++) unknowns[i * WIDTH + c] = alpha * b[from + c * alongSides];
    }
    substitute(n, width);
    for (let i = 0; i < n; i++) {
      const to = corner + i * alongUnknowns;
      for (let c = 0; c < width; c++) b[to + c * alongSides] = unknowns[i * WIDTH + c];
    }
  }
}

/** unknowns ← triangle⁻¹·unknowns, four columns at a time; columns past `width` hold leftovers. */
function substitute(n: number, width: number): void {
  for (let c = 0; c < width; c += 4) {
    for (let i = 0; i < n; i++) {
      const row = i * n;
      const to = i * WIDTH + c;
      let x0 = unknowns[to];
      let x1 = unknowns[to + 1];
      let x2 = unknowns[to + 2];
      let x3 = unknowns[to + 3];
      let from = c;
      for (let j = 0; j < i; j++, from += WIDTH) {
        const t = triangle[row + j];
        x0 -= t * unknowns[from];
        x1 -= t * unknowns[from + 1];
        x2 -= t * unknowns[from + 2];
        x3 -= t * unknowns[from + 3];
      }
      const pivot = triangle[row + i];
      unknowns[to] = x0 / pivot;
      unknowns[to + 1] = x1 / pivot;
      unknowns[to + 2] = x2 / pivot;
      unknowns[to + 3] = x3 / pivot;
    }
  }
}
