// The Nyström factor as the code published with the NysAct paper computes it.

import { checkNonNegative } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { type DenseMatrix, zeros } from '../core/matrix.js';
import { Workspace } from '../core/workspace.js';
import { trsm } from '../kernels/trsm.js';
import { addToDiagonal, choleskyInPlace } from '../linalg/cholesky.js';
import { eigvalsh } from '../linalg/eigh.js';
import { checkSketched, type Eigenpairs, finiteNorm, shiftedPairs } from '../nystrom/factor.js';
import { applySketchTranspose, type Sketch, shiftedTranspose } from '../sketch/sketch.js';

/**
 * What the paper's published implementation computes from C (which it averages over different
 * sketches) and the newest sketch S, kept to reproduce the paper's numbers:
 * ```
 * Cd = C + ρS,   W = SᵀCd with its lower triangle mirrored,   ν = |λmin(W)| + ρ
 * LLᵀ = W + νI,   X̃ = Cd L⁻¹,   λ̂ = max(σ²(X̃) − ν, 0)
 * ```
 * It does not approximate A: it fails even on an exact matrix of rank r (see docs/departures.md).
 * Cost as {@link nysact/sketch!nystromEigenpairs}. Source: NysAct, Algorithm 1, as its authors' code runs it.
 *
 * @throws as {@link nysact/sketch!nystromEigenpairs}.
 */
export function publishedEigenpairs<D extends DType>(
  C: DenseMatrix<D>,
  sketch: Sketch<D>,
  rho: number,
  workspace: Workspace = new Workspace(),
): Eigenpairs {
  checkSketched('publishedEigenpairs', C, sketch, workspace);
  checkNonNegative('publishedEigenpairs', 'rho', rho);
  finiteNorm(C);
  return workspace.scope(() => {
    const Ct = workspace.take('float64', C.cols, C.rows);
    const W = workspace.take('float64', C.cols, C.cols);
    shiftedTranspose(C, rho, sketch, Ct);
    applySketchTranspose(sketch, Ct, W, workspace);
    const values = eigvalsh(W, {}, workspace);
    const nu = Math.abs(values[values.length - 1]) + rho;
    addToDiagonal(W, nu);
    choleskyInPlace(W);
    trsm('left', 'T', 1, W, Ct);
    const U = zeros('float64', C.rows, C.cols);
    return { ...shiftedPairs(Ct, nu, U, workspace), shift: nu, retries: 0 };
  });
}
