// Cholesky factorisation and inversion in plain TypeScript, in blocks.

import type { DenseMatrix } from '../../core/matrix.js';
import type { FailedPivot } from '../kernels.js';
import { packedProduct } from './packed.js';
import { solveTriangular } from './solve.js';

/** Rows and columns of a diagonal block; everything outside the blocks is products and solves. */
const BLOCK = 64;

/** The lower triangle of L from that of A, right-looking; returns the pivot that failed. */
export function factorCholesky(A: DenseMatrix, L: DenseMatrix): FailedPivot | undefined {
  if (L !== A) copyLower(A, L);
  return factorInPlace(L);
}

function copyLower(A: DenseMatrix, L: DenseMatrix): void {
  for (let i = 0; i < A.rows; i++) {
    const from = A.offset + i * A.stride;
    L.data.set(A.data.subarray(from, from + i + 1), L.offset + i * L.stride);
  }
}

function factorInPlace(A: DenseMatrix): FailedPivot | undefined {
  const n = A.rows;
  for (let start = 0; start < n; start += BLOCK) {
    const end = Math.min(start + BLOCK, n);
    const L11 = A.view(start, start, end - start, end - start);
    const failed = factorBlock(L11);
    if (failed !== undefined) return { index: start + failed.index, value: failed.value };
    if (end === n) break;
    const L21 = A.view(end, start, n - end, end - start);
    solveTriangular('right', 'T', 1, L11, L21);
    packedProduct(-1, L21, 'N', L21, 'T', 1, A.view(end, end, n - end, n - end), true);
  }
  return undefined;
}

function factorBlock(A: DenseMatrix): FailedPivot | undefined {
  const { data, offset, stride, rows } = A;
  for (let i = 0; i < rows; i++) {
    const rowI = offset + i * stride;
    for (let j = 0; j < i; j++) {
      const rowJ = offset + j * stride;
      let sum = data[rowI + j];
      for (let k = 0; k < j; k++) sum -= data[rowI + k] * data[rowJ + k];
      data[rowI + j] = sum / data[rowJ + j];
    }
    let pivot = data[rowI + i];
    for (let k = 0; k < i; k++) pivot -= data[rowI + k] ** 2;
    if (!(pivot > 0 && pivot < Infinity)) return { index: i, value: pivot };
    data[rowI + i] = Math.sqrt(pivot);
  }
  return undefined;
}

/** The lower triangle of B ← MᵀM for M = L⁻¹; L is destroyed. */
export function invertFactored(L: DenseMatrix, B: DenseMatrix): void {
  const n = L.rows;
  invertLower(L);
  for (let i = 0; i < n; i++) {
    const row = B.offset + i * B.stride;
    B.data.fill(0, row, row + i + 1);
  }
  // As a sum over blocks of rows: a block that ends at column `end` reaches no further.
  for (let start = 0; start < n; start += BLOCK) {
    const end = Math.min(start + BLOCK, n);
    const M = L.view(start, 0, end - start, end);
    packedProduct(1, M, 'T', M, 'N', 1, B.view(0, 0, end, end), true);
  }
}

/** L ← L⁻¹ for a lower triangular L, by halves: the block below the diagonal is −L₂₂⁻¹L₂₁L₁₁⁻¹. */
function invertLower(L: DenseMatrix): void {
  const n = L.rows;
  if (n <= BLOCK) {
    invertLowerBlock(L);
    return;
  }
  const half = n >> 1;
  const L11 = L.view(0, 0, half, half);
  const L21 = L.view(half, 0, n - half, half);
  const L22 = L.view(half, half, n - half, n - half);
  solveTriangular('left', 'N', -1, L22, L21);
  solveTriangular('right', 'N', 1, L11, L21);
  invertLower(L11);
  invertLower(L22);
}

/** The same, row by row: row i of the inverse is −Lᵢᵢ⁻¹·Σ Lᵢₖ·(row k of the inverse). */
function invertLowerBlock(L: DenseMatrix): void {
  const { data, offset, stride, rows } = L;
  const sums = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const rowI = offset + i * stride;
    sums.fill(0, 0, i);
    for (let k = 0; k < i; k++) {
      const rowK = offset + k * stride;
      const factor = data[rowI + k];
      for (let j = 0; j <= k; j++) sums[j] -= factor * data[rowK + j];
    }
    const pivot = data[rowI + i];
    for (let j = 0; j < i; j++) data[rowI + j] = sums[j] / pivot;
    data[rowI + i] = 1 / pivot;
  }
}
