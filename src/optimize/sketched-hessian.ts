// What is made of a sketch of a Hessian, on the host.

import type { DType } from '../core/dtype.js';
import { convert, type DenseMatrix, zeros } from '../core/matrix.js';
import { fillNormal, type RandomKey } from '../core/random.js';
import { gemm } from '../kernels/gemm.js';
import { eigh } from '../linalg/eigh.js';
import { thinQr } from '../linalg/qr.js';
import { finiteNorm, nystromEigenpairs } from '../nystrom/factor.js';
import { lowRankInverse } from '../nystrom/inverse.js';
import type { Found } from '../precondition/method.js';

/** d×r with orthonormal columns up to rounding to the dtype. */
export function orthonormalProbes<D extends DType>(
  key: RandomKey,
  dtype: D,
  d: number,
  r: number,
): DenseMatrix<D> {
  const Z = zeros(dtype, d, r);
  fillNormal(key, Z.data);
  return thinQr(Z).Q;
}

/**
 * V of (Ĥ + ρI)⁻¹ = I/ρ − VVᵀ with Ĥ the Nyström approximation of H from Y = HΩ, shifted by twice the negative
 * curvature that the probes have met.
 *
 * Cost: O(r²d), in float64. Throws a breakdown where Y is not finite, or nothing makes a factor of it.
 */
export function sketchedInverse<D extends DType>(
  Y: DenseMatrix<D>,
  probes: DenseMatrix<D>,
  rho: number,
): { readonly V: DenseMatrix<D>; readonly found: Found } {
  const sketch = { kind: 'dense', inputs: Y.rows, width: Y.cols, S: probes } as const;
  const negative = negativeCurvature(Y, probes);
  const pairs = nystromEigenpairs(Y, sketch, negative === 0 ? {} : { shift: 2 * negative });
  const { V } = lowRankInverse(pairs, Y.dtype, { damping: rho });
  const { eigenvalues, shift, retries } = pairs;
  return {
    V,
    found: { damping: rho, eigenvalues, negativeCurvature: negative, shift, retries },
  };
}

/** μ where −μ is the smallest eigenvalue of ΩᵀHΩ; 0 where none is negative. */
function negativeCurvature(Y: DenseMatrix, probes: DenseMatrix): number {
  finiteNorm(Y);
  const { cols: r } = Y;
  const B = zeros('float64', r, r);
  gemm(1, convert(probes, 'float64'), 'T', convert(Y, 'float64'), 'N', 0, B);
  const symmetric = zeros('float64', r, r);
  for (let i = 0; i < r; i++) {
    for (let j = 0; j < r; j++) symmetric.set(i, j, (B.at(i, j) + B.at(j, i)) / 2);
  }
  return Math.max(0, -eigh(symmetric).eigenvalues[r - 1]);
}
