// C ← α·A·Aᵀ + β·C or C ← α·Aᵀ·A + β·C, at half the price of gemm.

import { checkChoice, checkDType, checkScalar, checkShape } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { checkMatrix, type DenseMatrix, OPS, type Op } from '../core/matrix.js';
import { scaleLower } from './level1.js';
import { mirrorLower } from './movement.js';
import { checkDisjoint } from './overlap.js';
import { activeKernels } from './selection.js';

const TRIANGLES = ['lower', 'both'] as const;

/**
 * C ← α·A·Aᵀ + β·C (op 'N') or C ← α·Aᵀ·A + β·C (op 'T'), computed in the lower triangle only.
 *
 * A is n×k (op 'N') or k×n (op 'T'), C is n×n, of which only the lower triangle is read. `triangle`
 * says what is written: 'lower' leaves everything above the diagonal as it was, 'both' copies the
 * lower triangle onto the upper, so that C is symmetric to the last bit. With β = 0 the old content
 * of C is not read; with α = 0 or k = 0 A is not read. The error and NaN are as in gemm.
 *
 * Cost: about n²k flops, half of what gemm needs.
 *
 * @throws TypeError if an operand is no DenseMatrix, has lost its memory, or has another dtype;
 * RangeError if op or triangle is unknown, α or β is no number of the dtype, the shapes do not fit, or
 * C overlaps A. C is untouched then.
 */
export function syrk<D extends DType>(
  alpha: number,
  A: DenseMatrix<D>,
  op: Op,
  beta: number,
  C: DenseMatrix<D>,
  triangle: 'lower' | 'both',
): void {
  checkChoice('syrk', 'op', op, OPS);
  checkChoice('syrk', 'triangle', triangle, TRIANGLES);
  checkMatrix('syrk', 'A', A);
  checkMatrix('syrk', 'C', C);
  checkScalar('syrk', 'alpha', alpha, C.dtype);
  checkScalar('syrk', 'beta', beta, C.dtype);
  checkDType('syrk', 'A', A, C.dtype);
  const n = op === 'N' ? A.rows : A.cols;
  const k = op === 'N' ? A.cols : A.rows;
  checkShape('syrk', 'C', C, n, n);
  checkDisjoint('syrk', 'A', A, 'C', C);
  if (k === 0 || alpha === 0) scaleLower(beta, C);
  else activeKernels().product(alpha, A, op, A, op === 'N' ? 'T' : 'N', beta, C, true);
  if (triangle === 'both') mirrorLower(C);
}
