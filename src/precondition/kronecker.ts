// What KFAC makes of the factor B, whatever the form of A.

import type { DType } from '../core/dtype.js';
import { convert, DenseMatrix } from '../core/matrix.js';
import type { Workspace } from '../core/workspace.js';
import { scale } from '../kernels/level1.js';
import { eigh } from '../linalg/eigh.js';
import type { Averaging, Statistic } from '../rows/accumulator.js';
import { dampedInverse } from './dense-inverse.js';

/**
 * B = Σ ddᵀ over rows, q×q. Rows of D times `examples` are d, the gradients of the examples. Cost of an
 * update: O(mq²).
 */
export function gradientMoment(q: number, average: Averaging): Statistic<'B'> {
  return {
    name: 'B',
    rows: q,
    cols: q,
    average,
    of: ({ D, examples }, weight, keep, B) => D.secondMoment(weight * examples ** 2, keep, B),
  };
}

/** M = Q·diag(values)·Qᵀ; eigenvalues up to `cutoff` count as 0. Cost: O(n³). */
export function spectrum<D extends DType>(
  M: DenseMatrix<D>,
  cutoff: number,
  workspace: Workspace,
): { readonly Q: DenseMatrix<D>; readonly values: DenseMatrix<D> } {
  const { eigenvalues, vectors } = eigh(M, {}, workspace);
  const kept = eigenvalues.map((value) => (value > cutoff ? value : 0));
  return {
    Q: vectors,
    values: convert(new DenseMatrix('float64', kept.length, 1, kept), M.dtype),
  };
}

/** π, which shares the damping out: π² = meanA/meanB of the mean eigenvalues, and 1 where one of them is 0. */
export function balance(meanA: number, meanB: number): number {
  return meanA > 0 && meanB > 0 ? Math.sqrt(meanA / meanB) : 1;
}

/** ρ(M + ρI)⁻¹, which is at most I. Cost: O(n³). */
export function dampedFactor<D extends DType>(
  M: DenseMatrix<D>,
  rho: number,
  workspace: Workspace,
): DenseMatrix<D> {
  const inverse = dampedInverse(M, rho, workspace);
  scale(rho, inverse);
  return inverse;
}
