// Roots of the damped inverse of a second moment, by its eigenvalues.

import type { DType } from '../core/dtype.js';
import { convert, type DenseMatrix } from '../core/matrix.js';
import { Workspace } from '../core/workspace.js';
import { gemm } from '../kernels/gemm.js';
import { eigh } from '../linalg/eigh.js';

/**
 * (scale·M + ρI)^(−1/root) of a symmetric M ⪰ 0, formed in float64 and rounded to the dtype of M. Eigenvalues that
 * rounding made negative count as 0, so the norm is at most ρ^(−1/root).
 *
 * Cost: about 9n³ flops for the eigenvalues and vectors, and 2n³ for the product.
 *
 * @throws NotConvergedError if the eigenvalues are not found.
 */
export function inverseRoot<D extends DType>(
  M: DenseMatrix<D>,
  rho: number,
  root: 2 | 4,
  scale = 1,
  workspace: Workspace = new Workspace(),
): DenseMatrix<D> {
  const { eigenvalues, vectors: Q } = eigh(convert(M, 'float64'), {}, workspace);
  return workspace.scope(() => {
    const n = M.rows;
    // Half the power on either side: a product of a matrix with its own transpose is symmetric.
    const halves = eigenvalues.map((value) => {
      const base = 1 / Math.sqrt(Math.sqrt(scale * Math.max(value, 0) + rho));
      return root === 2 ? base : Math.sqrt(base);
    });
    const half = workspace.take('float64', n, n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) half.set(i, j, halves[j] * Q.at(i, j));
    }
    const R = workspace.take('float64', n, n);
    gemm(1, half, 'N', half, 'T', 0, R);
    return convert(R, M.dtype);
  });
}
