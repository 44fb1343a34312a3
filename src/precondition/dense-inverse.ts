// The exact damped inverse (A + ρI)⁻¹ of a second moment.

import type { DType } from '../core/dtype.js';
import { InaccurateInverseError } from '../core/errors.js';
import { convert, copyInto, type DenseMatrix } from '../core/matrix.js';
import { Workspace } from '../core/workspace.js';
import { addToDiagonal, invertSpd } from '../linalg/cholesky.js';

/** How far an inverse may pass 1/ρ on its diagonal by rounding. */
const TOLERANCE = 0.01;

/**
 * (A + ρI)⁻¹, factorised in float64 and rounded to the dtype of A.
 *
 * Since A ⪰ 0, no element on the diagonal can be larger than 1/ρ. If one is, the rounding errors of A are
 * no smaller than ρ.
 *
 * @throws NotPositiveDefiniteError, NonFiniteError or InaccurateInverseError if it breaks down.
 */
export function dampedInverse<D extends DType>(
  A: DenseMatrix<D>,
  rho: number,
  workspace: Workspace = new Workspace(),
): DenseMatrix<D> {
  return workspace.scope(() => {
    const damped = workspace.take('float64', A.rows, A.cols);
    copyInto(A, damped);
    addToDiagonal(damped, rho);
    const inverse = workspace.take('float64', A.rows, A.cols);
    invertSpd(damped, inverse, workspace);
    for (let i = 0; i < inverse.rows; i++) {
      if (inverse.at(i, i) <= (1 + TOLERANCE) / rho) continue;
      throw new InaccurateInverseError(inverse.at(i, i), 1 / rho);
    }
    return convert(inverse, A.dtype);
  });
}
