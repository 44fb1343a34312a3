// Cholesky factorisation of symmetric positive definite matrices, and what is solved with it.

import { checkDType, checkScalar, checkShape, checkSquare } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { NonFiniteError, NotPositiveDefiniteError } from '../core/errors.js';
import { checkMatrix, type DenseMatrix, largestMagnitude, zeros } from '../core/matrix.js';
import { checkWorkspace, Workspace } from '../core/workspace.js';
import { mirrorLower } from '../kernels/movement.js';
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
 * @throws TypeError if A is no matrix, RangeError if it is not square; NotPositiveDefiniteError with
 * the index of the first pivot that is not positive and finite.
 */
export function choleskyInPlace(A: DenseMatrix): void {
  checkMatrix('choleskyInPlace', 'A', A);
  checkSquare('choleskyInPlace', 'A', A);
  if (A.rows === 0) return;
  factor(A, A);
  clearUpper(A);
}

/**
 * The lower triangular L with A = LLᵀ, as {@link choleskyInPlace} makes it, in a copy.
 *
 * @throws TypeError if A is no matrix, RangeError if it is not square; NotPositiveDefiniteError with
 * the pivot that failed.
 */
export function cholesky<D extends DType>(A: DenseMatrix<D>): DenseMatrix<D> {
  checkMatrix('cholesky', 'A', A);
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
 * @throws TypeError if L or B is no matrix or the dtypes differ, RangeError if the shapes do not fit,
 * L and B overlap or the diagonal of L holds zero, NaN or Infinity; B is untouched then.
 * NonFiniteError if the solution exceeds the range of the dtype; B holds no solution then.
 */
export function solveCholesky<D extends DType>(L: DenseMatrix<D>, B: DenseMatrix<D>): void {
  checkMatrix('solveCholesky', 'L', L);
  checkMatrix('solveCholesky', 'B', B);
  checkSquare('solveCholesky', 'L', L);
  checkDType('solveCholesky', 'L', L, B.dtype);
  checkShape('solveCholesky', 'B', B, L.rows, B.cols);
  trsm('left', 'N', 1, L, B);
  trsm('left', 'T', 1, L, B);
  checkResult('solveCholesky: B', B);
}

/**
 * A⁻¹ for a symmetric positive definite A, exactly symmetric.
 *
 * A is n×n and is not changed; only its lower triangle is read. A = LLᵀ, then A⁻¹ = L⁻ᵀL⁻¹.
 * Cost: n³ flops (a third each for L, L⁻¹ and the product); n² numbers of workspace.
 *
 * @throws TypeError if A is no matrix, RangeError if it is not square; NotPositiveDefiniteError with
 * the pivot that failed; NonFiniteError if the inverse exceeds the range of the dtype.
 */
export function spdInverse<D extends DType>(
  A: DenseMatrix<D>,
  workspace: Workspace = new Workspace(),
): DenseMatrix<D> {
  checkMatrix('spdInverse', 'A', A);
  checkWorkspace('spdInverse', workspace);
  checkSquare('spdInverse', 'A', A);
  const inverse = zeros(A.dtype, A.rows, A.rows);
  invert('spdInverse', A, inverse, workspace);
  return inverse;
}

function checkResult(quantity: string, A: DenseMatrix): void {
  if (!Number.isFinite(largestMagnitude(A))) throw new NonFiniteError(quantity);
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
  checkMatrix('invertSpd', 'A', A);
  checkMatrix('invertSpd', 'B', B);
  checkSquare('invertSpd', 'A', A);
  checkDType('invertSpd', 'A', A, B.dtype);
  checkShape('invertSpd', 'B', B, A.rows, A.rows);
  checkDisjoint('invertSpd', 'A', A, 'B', B);
  invert('invertSpd', A, B, workspace);
}

function invert<D extends DType>(
  where: string,
  A: DenseMatrix<D>,
  B: DenseMatrix<D>,
  workspace: Workspace,
): void {
  if (A.rows === 0) return;
  workspace.scope(() => {
    const L = workspace.take(A.dtype, A.rows, A.rows);
    factor(A, L);
    clearUpper(L);
    activeKernels().invertFactored(L, B);
  });
  // |Bᵢⱼ|² ≤ BᵢᵢBⱼⱼ: where the diagonal is finite, all of B is.
  for (let i = 0; i < B.rows; i++) {
    if (!Number.isFinite(B.at(i, i))) throw new NonFiniteError(`${where}: the inverse`);
  }
  mirrorLower(B);
}

/**
 * Aᵢᵢ ← Aᵢᵢ + value. A is n×n. Cost: n flops.
 *
 * @throws TypeError if A is no matrix, RangeError if it is not square or value is not finite in its
 * dtype; A is untouched then.
 */
export function addToDiagonal(A: DenseMatrix, value: number): void {
  checkMatrix('addToDiagonal', 'A', A);
  checkSquare('addToDiagonal', 'A', A);
  checkScalar('addToDiagonal', 'value', value, A.dtype);
  for (let i = 0; i < A.rows; i++) A.data[A.offset + i * A.stride + i] += value;
}
