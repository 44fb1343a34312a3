// The exact damped inverse (A + ρI)⁻¹ of a second moment.

import { type DType, EPSILON } from '../core/dtype.js';
import { InaccurateInverseError, NotPositiveDefiniteError } from '../core/errors.js';
import { convert, copyInto, type DenseMatrix, type Matrix64 } from '../core/matrix.js';
import { Workspace } from '../core/workspace.js';
import { trace } from '../kernels/level1.js';
import { addToDiagonal, choleskyInPlace, invertSpd } from '../linalg/cholesky.js';

/** How far an inverse may pass 1/ρ by rounding. */
const TOLERANCE = 0.01;

/**
 * Times eps·tr A: more than the rounding of sums in blocks, and of averages, takes from an eigenvalue
 * of A.
 */
const ROUNDINGS = 16;

/**
 * (A + ρI)⁻¹, factorised in float64 and rounded to the dtype of A.
 *
 * Since A ⪰ 0, its norm is at most 1/ρ. Rounding errors of A that are no smaller than ρ break that: then
 * A + ρI may be nearly singular, and yet factorise. Where they could matter, ρ against eps·tr A, one more
 * factorisation shows that no eigenvalue of A is below −ρ/100.
 *
 * Cost: p³ flops, a third more where ρ is that small.
 *
 * @throws NotPositiveDefiniteError or InaccurateInverseError if it breaks down.
 */
export function dampedInverse<D extends DType>(
  A: DenseMatrix<D>,
  rho: number,
  workspace: Workspace = new Workspace(),
): DenseMatrix<D> {
  return workspace.scope(() => {
    const damped = workspace.take('float64', A.rows, A.cols);
    if (ROUNDINGS * EPSILON[A.dtype] * trace(A) > TOLERANCE * rho) checkDamping(A, rho, damped);
    copyInto(A, damped);
    addToDiagonal(damped, rho);
    const inverse = workspace.take('float64', A.rows, A.cols);
    invertSpd(damped, inverse, workspace);
    return convert(inverse, A.dtype);
  });
}

/** A + ρI ⪰ (1 − TOLERANCE)ρI must hold; `shifted` is overwritten. */
function checkDamping(A: DenseMatrix, rho: number, shifted: Matrix64): void {
  copyInto(A, shifted);
  addToDiagonal(shifted, TOLERANCE * rho);
  try {
    choleskyInPlace(shifted);
  } catch (error) {
    if (!(error instanceof NotPositiveDefiniteError)) throw error;
    throw new InaccurateInverseError(1 / rho, error);
  }
}
