// C ← α·op(A)·op(B) + β·C.

import { checkChoice, checkDType, checkScalar, checkShape } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { checkMatrix, type DenseMatrix, OPS, type Op } from '../core/matrix.js';
import { rescale } from './level1.js';
import { checkDisjoint } from './overlap.js';
import { activeKernels } from './selection.js';
import { matrixVector, outerProduct } from './vector.js';

/**
 * C ← α·op(A)·op(B) + β·C, where op(X) is X ('N') or Xᵀ ('T').
 *
 * op(A) is m×k, op(B) is k×n, C is m×n; all three may be views. With β = 0 the old content of C is
 * not read; with α = 0 or k = 0 neither A nor B is read. NaN and Infinity travel as IEEE arithmetic
 * has it.
 *
 * |error| ≤ (k + 2)·ε·|α||op(A)||op(B)| + 2ε·|βC| + k·u element by element, if no sum of these
 * magnitudes exceeds the largest number of the dtype. ε is that of the dtype. u is what underflow may
 * take: 2⁻¹²⁵ in float32, whatever α and the sizes of A and B are; in float64 |α|·2⁻¹⁰⁷⁴, and there
 * op(A)·op(B) must be in range before α is applied.
 *
 * Cost: 2mnk flops; no memory is allocated once the workspace has its size.
 *
 * Source: the loop order and the packing are those of Goto and van de Geijn, "Anatomy of
 * High-Performance Matrix Multiplication" (2008), around a register tile of 5 rows and two
 * vectors, or of 3×2 numbers in scalar code.
 *
 * @throws TypeError if an operand is no DenseMatrix, has lost its memory, or has another dtype;
 * RangeError if an op is unknown, α or β is no number of the dtype, the shapes do not fit, or C
 * overlaps A or B. C is untouched then.
 */
export function gemm<D extends DType>(
  alpha: number,
  A: DenseMatrix<D>,
  opA: Op,
  B: DenseMatrix<D>,
  opB: Op,
  beta: number,
  C: DenseMatrix<D>,
): void {
  checkChoice('gemm', 'opA', opA, OPS);
  checkChoice('gemm', 'opB', opB, OPS);
  checkMatrix('gemm', 'A', A);
  checkMatrix('gemm', 'B', B);
  checkMatrix('gemm', 'C', C);
  checkScalar('gemm', 'alpha', alpha, C.dtype);
  checkScalar('gemm', 'beta', beta, C.dtype);
  checkDType('gemm', 'A', A, C.dtype);
  checkDType('gemm', 'B', B, C.dtype);
  const k = opA === 'N' ? A.cols : A.rows;
  if (opA === 'N') checkShape('gemm', 'A', A, C.rows, k);
  else checkShape('gemm', 'A', A, k, C.rows);
  if (opB === 'N') checkShape('gemm', 'B', B, k, C.cols);
  else checkShape('gemm', 'B', B, C.cols, k);
  checkDisjoint('gemm', 'A', A, 'C', C);
  checkDisjoint('gemm', 'B', B, 'C', C);

  // Products with a vector wait for memory, whatever computes them: they have a path of their own.
  if (k === 0 || alpha === 0) rescale(beta, C);
  else if (C.cols === 1) matrixVector(alpha, A, opA, B, beta, C);
  else if (C.rows === 1) matrixVector(alpha, B, opB === 'N' ? 'T' : 'N', A, beta, C);
  else if (k === 1) outerProduct(alpha, A, B, beta, C);
  else activeKernels().product(alpha, A, opA, B, opB, beta, C, false);
}
