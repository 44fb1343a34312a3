// Triangular solves with many right-hand sides: B ← α·op(L)⁻¹·B or B ← α·B·op(L)⁻¹.

import { checkChoice, checkDType, checkScalar, checkShape, checkSquare } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { checkMatrix, convert, copyInto, type DenseMatrix, OPS, type Op } from '../core/matrix.js';
import type { Side } from './kernels.js';
import { rescale } from './level1.js';
import { checkDisjoint } from './overlap.js';
import { activeKernels } from './selection.js';

const SIDES: readonly Side[] = ['left', 'right'];

/**
 * B ← α·op(L)⁻¹·B (side 'left') or B ← α·B·op(L)⁻¹ (side 'right'), in place, where op(L) is L ('N')
 * or Lᵀ ('T').
 *
 * L is n×n lower triangular with a non-zero diagonal; what lies above its diagonal is not read. B
 * is n×m on the left and m×n on the right. With α = 0 the old content of B is not read. The
 * triangle is halved until it is small, so that most of the work is products.
 *
 * Cost: n²m flops. In float32 an α other than ±1 is solved in float64 on copies, because αB may leave
 * the range of float32 where the solution does not.
 *
 * @throws TypeError if an operand is no DenseMatrix, has lost its memory, or has another dtype;
 * RangeError if side or op is unknown, α is no number of the dtype, the shapes do not fit, L and B
 * overlap, or a diagonal element of L is 0, NaN or infinite. B is untouched then.
 */
export function trsm<D extends DType>(
  side: Side,
  op: Op,
  alpha: number,
  L: DenseMatrix<D>,
  B: DenseMatrix<D>,
): void {
  checkChoice('trsm', 'side', side, SIDES);
  checkChoice('trsm', 'op', op, OPS);
  checkMatrix('trsm', 'L', L);
  checkMatrix('trsm', 'B', B);
  checkScalar('trsm', 'alpha', alpha, B.dtype);
  checkDType('trsm', 'L', L, B.dtype);
  checkSquare('trsm', 'L', L);
  if (side === 'left') checkShape('trsm', 'B', B, L.rows, B.cols);
  else checkShape('trsm', 'B', B, B.rows, L.rows);
  checkDisjoint('trsm', 'L', L, 'B', B);
  checkDiagonal(L);
  if (alpha === 0) rescale(0, B);
  else if (L.rows === 0 || B.rows * B.cols === 0) return;
  else if (B.dtype === 'float64' || Math.abs(alpha) === 1) {
    activeKernels().solve(side, op, alpha, L, B);
  } else {
    const X = convert(B, 'float64');
    activeKernels().solve(side, op, alpha, convert(L, 'float64'), X);
    copyInto(X, B);
  }
}

function checkDiagonal(L: DenseMatrix): void {
  for (let i = 0; i < L.rows; i++) {
    const value = L.at(i, i);
    if (value !== 0 && Number.isFinite(value)) continue;
    throw new RangeError(
      `trsm: L holds ${value} at index ${i} of its diagonal, expected a finite number other than 0`,
    );
  }
}
