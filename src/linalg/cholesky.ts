// Cholesky factorisation of symmetric positive definite matrices, and what is solved with it.

import { checkDType, checkShape, checkSquare } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { NotPositiveDefiniteError } from '../core/errors.js';
import { type DenseMatrix, zeros } from '../core/matrix.js';
import { mirrorLower } from '../kernels/level1.js';
import { syrk } from '../kernels/syrk.js';
import { trsm } from '../kernels/trsm.js';

/** Rows and columns of a diagonal block; everything outside the blocks is syrk and trsm. */
const BLOCK = 64;

/**
 * A ← L with A = LLᵀ, L lower triangular with a positive diagonal.
 *
 * A is n×n; only its lower triangle is read, and the strict upper triangle is set to zero. Right-
 * looking in blocks. Cost: n³/3 flops; no workspace.
 *
 * Any NaN or Infinity in the lower triangle makes the pivot of its row fail. After a breakdown the
 * lower triangle of A holds a partial factorisation, of no further use; the upper one is untouched.
 *
 * @throws RangeError where A is not square; NotPositiveDefiniteError with the index of the first
 * pivot that is not positive and finite.
 */
export function choleskyInPlace(A: DenseMatrix): void {
  checkSquare('choleskyInPlace', 'A', A);
  const n = A.rows;
  for (let start = 0; start < n; start += BLOCK) {
    const end = Math.min(start + BLOCK, n);
    const L11 = A.view(start, start, end - start, end - start);
    factorBlock(L11, start);
    const L21 = A.view(end, start, n - end, end - start);
    trsm('right', 'T', 1, L11, L21);
    syrk(-1, L21, 'N', 1, A.view(end, end, n - end, n - end), 'lower');
  }
  for (let i = 0; i < n; i++) {
    const row = A.offset + i * A.stride;
    A.data.fill(0, row + i + 1, row + n);
  }
}

/** The factorisation of one diagonal block, whose first pivot is pivot number `first`. */
function factorBlock(A: DenseMatrix, first: number): void {
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
    if (!(pivot > 0 && pivot < Infinity)) throw new NotPositiveDefiniteError(first + i, pivot);
    data[rowI + i] = Math.sqrt(pivot);
  }
}

/**
 * The lower triangular L with A = LLᵀ, as {@link choleskyInPlace} makes it, in a copy.
 *
 * @throws RangeError where A is not square; NotPositiveDefiniteError with the pivot that failed.
 */
export function cholesky<D extends DType>(A: DenseMatrix<D>): DenseMatrix<D> {
  const L = A.clone();
  choleskyInPlace(L);
  return L;
}

/**
 * B ← A⁻¹B for A = LLᵀ.
 *
 * L is n×n, lower triangular; B is n×k and shares no memory with L. Cost: 2n²k flops; no workspace.
 *
 * @throws TypeError where the dtypes differ, RangeError where the shapes do not fit, where L and B
 * overlap or where the diagonal of L holds zero, NaN or Infinity; B is untouched then.
 */
export function solveCholesky<D extends DType>(L: DenseMatrix<D>, B: DenseMatrix<D>): void {
  checkSquare('solveCholesky', 'L', L);
  checkDType('solveCholesky', 'L', L, B.dtype);
  checkShape('solveCholesky', 'B', B, L.rows, B.cols);
  trsm('left', 'N', 1, L, B);
  trsm('left', 'T', 1, L, B);
}

/**
 * A⁻¹ for a symmetric positive definite A, exactly symmetric.
 *
 * A is n×n and is not changed; only its lower triangle is read. A = LLᵀ, then A⁻¹ = L⁻ᵀL⁻¹.
 * Cost: n³ flops (a third each for L, L⁻¹ and the product); workspace n² beside the result.
 *
 * @throws RangeError where A is not square; NotPositiveDefiniteError with the pivot that failed.
 */
export function spdInverse<D extends DType>(A: DenseMatrix<D>): DenseMatrix<D> {
  checkSquare('spdInverse', 'A', A);
  const M = cholesky(A);
  invertLower(M);
  const n = A.rows;
  const inverse = zeros(A.dtype, n, n);
  // MᵀM as a sum over blocks of rows: a block that ends at column `end` reaches no further.
  for (let start = 0; start < n; start += BLOCK) {
    const end = Math.min(start + BLOCK, n);
    syrk(1, M.view(start, 0, end - start, end), 'T', 1, inverse.view(0, 0, end, end), 'lower');
  }
  mirrorLower(inverse);
  return inverse;
}

/** L ← L⁻¹ for a lower triangular L, by halves: the block below the diagonal is −L₂₂⁻¹L₂₁L₁₁⁻¹. */
function invertLower<D extends DType>(L: DenseMatrix<D>): void {
  const n = L.rows;
  if (n <= BLOCK) {
    invertLowerBlock(L);
    return;
  }
  const half = n >> 1;
  const L11 = L.view(0, 0, half, half);
  const L21 = L.view(half, 0, n - half, half);
  const L22 = L.view(half, half, n - half, n - half);
  trsm('left', 'N', -1, L22, L21);
  trsm('right', 'N', 1, L11, L21);
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

/**
 * Aᵢᵢ ← Aᵢᵢ + value. A is n×n. Cost: n flops.
 *
 * @throws RangeError where A is not square or value is not finite; A is untouched then.
 */
export function addToDiagonal(A: DenseMatrix, value: number): void {
  checkSquare('addToDiagonal', 'A', A);
  if (!Number.isFinite(value)) {
    throw new RangeError(`addToDiagonal: value is ${value}, expected a finite number`);
  }
  for (let i = 0; i < A.rows; i++) A.data[A.offset + i * A.stride + i] += value;
}
