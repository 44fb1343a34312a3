// From a sketch C = AS to the Nyström eigenpairs U, λ̂ of Â ≈ A.

import { checkInteger, checkNonNegative, checkShape } from '../core/check.js';
import { type DType, EPSILON } from '../core/dtype.js';
import { NonFiniteError, NotPositiveDefiniteError } from '../core/errors.js';
import { convert, type DenseMatrix, zeros } from '../core/matrix.js';
import { gemm } from '../kernels/gemm.js';
import { frobeniusNorm } from '../kernels/level1.js';
import { syrk } from '../kernels/syrk.js';
import { trsm } from '../kernels/trsm.js';
import { addToDiagonal, choleskyInPlace } from '../linalg/cholesky.js';
import { eigh, eigvalsh } from '../linalg/eigh.js';
import { thinQr } from '../linalg/qr.js';
import {
  addScaledSketch,
  applySketchTranspose,
  denseSketch,
  type Sketch,
} from '../sketch/sketch.js';

/** Â = U·diag(λ̂)·Uᵀ, always in float64. */
export interface Eigenpairs {
  /** p×r, orthonormal columns. */
  readonly U: DenseMatrix<'float64'>;
  /** λ̂, r numbers ≥ 0 in descending order. */
  readonly eigenvalues: Float64Array;
  /** ν, the eigenvalue shift that was used. */
  readonly shift: number;
  /** How often ν had to be raised tenfold until the Cholesky factorisation held. */
  readonly retries: number;
}

/** Options of {@link nystromEigenpairs}. */
export interface NystromOptions {
  /** r, the eigenpairs to keep: at most the width of the sketch (default: all). */
  readonly rank?: number;
  /** ν to start from: a number, or 'tiny' for √p·eps(dtype of C)·‖C‖F (the default). */
  readonly shift?: 'tiny' | number;
}

/**
 * The eigenvalue-shifted Nyström approximation of a positive semidefinite A from its sketch.
 *
 * With C = AS (p×k, k the width of the sketch S):
 * ```
 * ν = √p·eps(dtype of C)·‖C‖F        tenfold, to ‖C‖F/‖S‖F at most, while Cholesky breaks down
 * Y = C + νS,   B = sym(SᵀY) = LLᵀ,   X̃ = Y L⁻ᵀ = QR
 * RRᵀ = V diag(σ²) Vᵀ,   U = QV,   λ̂ = max(σ² − ν, 0), the r largest
 * ```
 * Everything runs in float64 whatever the dtype of C. C = 0 gives λ̂ = 0 and U = 0.
 *
 * Cost: O(pk² + k³) time, O(pk) memory; A is never formed. Up to ν, 0 ⪯ Â ⪯ A and ÂS = AS.
 * Source: Tropp et al. 2017 (arXiv:1706.05736), Algorithm 3, and NysAct, Algorithm 1, lines 10–18,
 * from which it departs: L⁻ᵀ instead of L⁻¹, the shift on C as well as on SᵀC, a shift of rounding
 * size without any damping in it, and eigenpairs from RRᵀ instead of a full SVD.
 *
 * @throws RangeError on shapes or a rank that do not fit.
 * @throws NonFiniteError where C holds NaN or Infinity.
 * @throws NotPositiveDefiniteError where every shift up to ‖C‖F/‖S‖F breaks down: C is no sketch of
 *   a positive semidefinite matrix with this S.
 */
export function nystromEigenpairs<D extends DType>(
  C: DenseMatrix<D>,
  sketch: Sketch<D>,
  options: NystromOptions = {},
): Eigenpairs {
  const { rank = sketch.width, shift = 'tiny' } = options;
  checkShape('nystromEigenpairs', 'C', C, sketch.inputs, sketch.width);
  checkInteger('nystromEigenpairs', 'rank', rank, 1, sketch.width);
  if (shift !== 'tiny') checkNonNegative('nystromEigenpairs', 'shift', shift);

  const norm = finiteNorm(C);
  if (norm === 0) return zeroPairs(sketch.inputs, rank);
  const smallest = Math.sqrt(sketch.inputs) * EPSILON[C.dtype] * norm;
  let nu = shift === 'tiny' ? smallest : shift;
  for (let retries = 0; ; retries++) {
    const Y = convert(C, 'float64');
    addScaledSketch(nu, sketch, Y);
    const B = symmetrized(applySketchTranspose(sketch, Y));
    try {
      choleskyInPlace(B);
    } catch (error) {
      if (!(error instanceof NotPositiveDefiniteError)) throw error;
      const raised = Math.max(10 * nu, smallest);
      // ‖C‖F/‖S‖F is at most ‖A‖: a larger shift could bury A. One that underflows never grows.
      const largest = norm / frobeniusNorm(denseSketch(sketch, C.dtype));
      if (!(raised > nu && raised <= largest)) throw error;
      nu = raised;
      continue;
    }
    trsm('right', 'T', 1, B, Y);
    return { ...shiftedPairs(Y, nu, rank), shift: nu, retries };
  }
}

/**
 * What the paper's published implementation computes from C (which it averages over different
 * sketches) and the newest sketch S, kept to reproduce the paper's numbers:
 * ```
 * Cd = C + ρS,   W = SᵀCd with its lower triangle mirrored,   ν = |λmin(W)| + ρ
 * LLᵀ = W + νI,   X̃ = Cd L⁻¹,   λ̂ = max(σ²(X̃) − ν, 0)
 * ```
 * It does not approximate A: it fails even on an exact matrix of rank r (see docs/departures.md).
 * Cost as {@link nystromEigenpairs}. Source: NysAct, Algorithm 1, as its authors' code runs it.
 *
 * @throws as {@link nystromEigenpairs}.
 */
export function referenceEigenpairs<D extends DType>(
  C: DenseMatrix<D>,
  sketch: Sketch<D>,
  rho: number,
): Eigenpairs {
  checkShape('referenceEigenpairs', 'C', C, sketch.inputs, sketch.width);
  checkNonNegative('referenceEigenpairs', 'rho', rho);
  finiteNorm(C);
  const Cd = convert(C, 'float64');
  addScaledSketch(rho, sketch, Cd);
  const W = applySketchTranspose(sketch, Cd);
  const values = eigvalsh(W);
  const nu = Math.abs(values[values.length - 1]) + rho;
  addToDiagonal(W, nu);
  choleskyInPlace(W);
  trsm('right', 'N', 1, W, Cd);
  return { ...shiftedPairs(Cd, nu, sketch.width), shift: nu, retries: 0 };
}

/** Left singular vectors and shifted squared singular values of X̃, the `rank` largest. */
function shiftedPairs(
  X: DenseMatrix<'float64'>,
  nu: number,
  rank: number,
): Pick<Eigenpairs, 'U' | 'eigenvalues'> {
  const { Q, R } = thinQr(X);
  const RRt = zeros('float64', R.rows, R.rows);
  syrk(1, R, 'N', 0, RRt, 'both');
  const { eigenvalues, vectors } = eigh(RRt);
  const U = zeros('float64', X.rows, rank);
  gemm(1, Q, 'N', vectors.view(0, 0, vectors.rows, rank), 'N', 0, U);
  return { U, eigenvalues: eigenvalues.slice(0, rank).map((value) => Math.max(value - nu, 0)) };
}

function zeroPairs(inputs: number, rank: number): Eigenpairs {
  const U = zeros('float64', inputs, rank);
  return { U, eigenvalues: new Float64Array(rank), shift: 0, retries: 0 };
}

function finiteNorm(C: DenseMatrix): number {
  const norm = frobeniusNorm(C);
  if (Number.isFinite(norm)) return norm;
  throw new NonFiniteError('the sketched second moment');
}

/** (B + Bᵀ)/2, in place. */
function symmetrized(B: DenseMatrix<'float64'>): DenseMatrix<'float64'> {
  for (let i = 0; i < B.rows; i++) {
    for (let j = 0; j < i; j++) {
      const mean = (B.at(i, j) + B.at(j, i)) / 2;
      B.set(i, j, mean);
      B.set(j, i, mean);
    }
  }
  return B;
}
