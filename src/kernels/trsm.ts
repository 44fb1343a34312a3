// Triangular solves with many right-hand sides: B ← α·op(L)⁻¹·B or B ← α·B·op(L)⁻¹.

import { checkChoice, checkDType, checkShape, checkSquare } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { DenseMatrix, Op } from '../core/matrix.js';
import type { Side } from './kernels.js';
import { scale } from './level1.js';
import { checkDisjoint } from './overlap.js';
import { activeKernels } from './selection.js';

const SIDES: readonly Side[] = ['left', 'right'];
const OPS: readonly Op[] = ['N', 'T'];

/**
 * B ← α·op(L)⁻¹·B (side 'left') or B ← α·B·op(L)⁻¹ (side 'right'), in place, where op(L) is L ('N')
 * or Lᵀ ('T').
 *
 * L is n×n lower triangular with a non-zero diagonal; what lies above its diagonal is not read. B
 * is n×m on the left and m×n on the right. With α = 0 the old content of B is not read. The
 * triangle is halved until it is small, so that most of the work is products.
 *
 * Cost: n²m flops.
 *
 * @throws TypeError where the dtypes differ; RangeError where side or op is unknown, the shapes do
 * not fit, L and B overlap, or a diagonal element of L is 0, NaN or infinite. B is untouched then.
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
  checkDType('trsm', 'L', L, B.dtype);
  checkSquare('trsm', 'L', L);
  if (side === 'left') checkShape('trsm', 'B', B, L.rows, B.cols);
  else checkShape('trsm', 'B', B, B.rows, L.rows);
  checkDisjoint('trsm', 'L', L, 'B', B);
  checkDiagonal(L);
  if (alpha === 0) scale(0, B);
  else if (L.rows > 0 && B.rows * B.cols > 0) activeKernels().solve(side, op, alpha, L, B);
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
