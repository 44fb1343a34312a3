// Cholesky factorisation of symmetric positive definite matrices, and what is solved with it.

import { checkDType, checkShape, checkSquare } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { NotPositiveDefiniteError } from '../core/errors.js';
import { type DenseMatrix, zeros } from '../core/matrix.js';
import { Workspace } from '../core/workspace.js';
import { mirrorLower } from '../kernels/level1.js';
import { checkDisjoint } from '../kernels/overlap.js';
import { activeKernels } from '../kernels/selection.js';
import { trsm } from '../kernels/trsm.js';

/**
 * A ← L with A = LLᵀ, L lower triangular with a positive diagonal.
 *
 * A is n×n; only its lower triangle is read, and the strict upper triangle is set to zero. In
 * blocks. Cost: n³/3 flops; no memory is allocated once the workspace of the kernels has its size.
 *
 * Any NaN or Infinity in the lower triangle makes the pivot of its row fail. After a breakdown the
 * lower triangle of A is of no further use; the upper one is untouched.
 *
 * @throws RangeError where A is not square; NotPositiveDefiniteError with the index of the first
 * pivot that is not positive and finite.
 */
export function choleskyInPlace(A: DenseMatrix): void {
  checkSquare('choleskyInPlace', 'A', A);
  if (A.rows === 0) return;
  factor(A, A);
  clearUpper(A);
}

/**
 * The lower triangular L with A = LLᵀ, as {@link choleskyInPlace} makes it, in a copy.
 *
 * @throws RangeError where A is not square; NotPositiveDefiniteError with the pivot that failed.
 */
export function cholesky<D extends DType>(A: DenseMatrix<D>): DenseMatrix<D> {
  checkSquare('cholesky', 'A', A);
  const L = zeros(A.dtype, A.rows, A.rows);
  if (A.rows > 0) factor(A, L);
  return L;
}

function factor(A: DenseMatrix, L: DenseMatrix): void {
  const failed = activeKernels().cholesky(A, L);
  if (failed !== undefined) throw new NotPositiveDefiniteError(failed.index, failed.value);
}

/** Zeros above the diagonal. */
function clearUpper(L: DenseMatrix): void {
  for (let i = 0; i < L.rows; i++) {
    const row = L.offset + i * L.stride;
    L.data.fill(0, row + i + 1, row + L.rows);
  }
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
 * Cost: n³ flops (a third each for L, L⁻¹ and the product); n² numbers of workspace.
 *
 * @throws RangeError where A is not square; NotPositiveDefiniteError with the pivot that failed.
 */
export function spdInverse<D extends DType>(
  A: DenseMatrix<D>,
  workspace: Workspace = new Workspace(),
): DenseMatrix<D> {
  checkSquare('spdInverse', 'A', A);
  const inverse = zeros(A.dtype, A.rows, A.rows);
  invertSpd(A, inverse, workspace);
  return inverse;
}

/**
 * B ← A⁻¹, as {@link spdInverse}. B is n×n, shares no memory with A, and is untouched after a breakdown.
 *
 * @throws as it does, and TypeError or RangeError where the dtype, the shape or the memory of B does not
 * fit.
 */
export function invertSpd<D extends DType>(
  A: DenseMatrix<D>,
  B: DenseMatrix<D>,
  workspace: Workspace = new Workspace(),
): void {
  checkSquare('invertSpd', 'A', A);
  checkDType('invertSpd', 'A', A, B.dtype);
  checkShape('invertSpd', 'B', B, A.rows, A.rows);
  checkDisjoint('invertSpd', 'A', A, 'B', B);
  if (A.rows === 0) return;
  workspace.scope(() => {
    const L = workspace.take(A.dtype, A.rows, A.rows);
    factor(A, L);
    clearUpper(L);
    activeKernels().invertFactored(L, B);
  });
  mirrorLower(B);
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
