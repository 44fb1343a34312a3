// From a sketch C = AS to the Nyström eigenpairs U, λ̂ of Â ≈ A.

import {
  checkDType,
  checkInteger,
  checkScalar,
  checkShape,
  checkType,
  isList,
  isObject,
} from '../core/check.js';
import { type DType, EPSILON, isTypedArray } from '../core/dtype.js';
import { NonFiniteError, NotPositiveDefiniteError } from '../core/errors.js';
import {
  checkMatrix,
  copyInto,
  type DenseMatrix,
  isDenseMatrix,
  type Matrix64,
  zeros,
} from '../core/matrix.js';
import {
  choice,
  guarded,
  nonNegative,
  number,
  type OptionsOf,
  optionList,
} from '../core/options.js';
import { checkWorkspace, Workspace } from '../core/workspace.js';
import { gemm } from '../kernels/gemm.js';
import { frobeniusNorm, scale } from '../kernels/level1.js';
import { syrk } from '../kernels/syrk.js';
import { trsm } from '../kernels/trsm.js';
import { choleskyInPlace } from '../linalg/cholesky.js';
import { eigh } from '../linalg/eigh.js';
import { factorTransposed } from '../linalg/qr.js';
import {
  applySketchTranspose,
  checkSketch,
  denseSketch,
  type Sketch,
  shiftedTranspose,
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

const NYSTROM_OPTIONS = /* @__PURE__ */ optionList({
  /** The rank r, the eigenpairs to keep: at most the width of the sketch (default: all). */
  rank: number,
  /** The shift ν to start from: a number, or 'tiny' for √p·eps(dtype of C)·‖C‖F (the default). */
  shift: /* @__PURE__ */ choice('tiny').or(nonNegative).default('tiny'),
  /** Where U goes, p×r, for a caller who needs it for a moment only (default: a new matrix). */
  U: /* @__PURE__ */ guarded('a float64 matrix', isMatrix64),
});

/** Options of {@link nystromEigenpairs}. @interface */
export type NystromOptions = OptionsOf<typeof NYSTROM_OPTIONS>;

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
 * Cost: O(pk² + k³) time, O(pk) workspace; A is never formed. Up to ν, 0 ⪯ Â ⪯ A and ÂS = AS.
 * Source: Tropp et al. 2017 (arXiv:1706.05736), Algorithm 3, and NysAct, Algorithm 1, lines 10–18,
 * from which it departs: L⁻ᵀ instead of L⁻¹, the shift on C as well as on SᵀC, a shift of rounding
 * size without any damping in it, and eigenpairs from RRᵀ instead of a full SVD.
 *
 * @throws RangeError if shapes or the rank do not fit.
 * @throws NonFiniteError if C holds NaN or Infinity.
 * @throws NotPositiveDefiniteError if every shift up to ‖C‖F/‖S‖F breaks down. Then C is not A times this
 *   S for any positive semidefinite A.
 */
export function nystromEigenpairs<D extends DType>(
  C: DenseMatrix<D>,
  sketch: Sketch<D>,
  options: NystromOptions = {},
  workspace: Workspace = new Workspace(),
): Eigenpairs {
  const where = 'nystromEigenpairs';
  checkSketched(where, C, sketch, workspace);
  const { rank = sketch.width, shift, U: given } = NYSTROM_OPTIONS.read(where, options);
  checkInteger(where, 'rank', rank, 1, sketch.width);
  const U = given ?? zeros('float64', sketch.inputs, rank);
  checkMatrix(where, 'U', U);
  checkShape(where, 'U', U, sketch.inputs, rank);

  const norm = finiteNorm(C);
  if (norm === 0) return zeroPairs(U);
  const smallest = Math.sqrt(sketch.inputs) * EPSILON[C.dtype] * norm;
  let nu = shift === 'tiny' ? smallest : shift;
  return workspace.scope(() => {
    const Yt = workspace.take('float64', C.cols, C.rows);
    const B = workspace.take('float64', C.cols, C.cols);
    /** ‖C‖F/‖S‖F, at most ‖A‖: a larger shift could bury A. */
    let largest: number | undefined;
    for (let retries = 0; ; retries++) {
      shiftedTranspose(C, nu, sketch, Yt);
      applySketchTranspose(sketch, Yt, B, workspace);
      symmetrizeLower(B);
      try {
        choleskyInPlace(B);
      } catch (error) {
        if (!(error instanceof NotPositiveDefiniteError)) throw error;
        const raised = Math.max(10 * nu, smallest);
        largest ??= norm / frobeniusNorm(denseSketch(sketch, C.dtype));
        // A shift that underflows never grows.
        if (!(raised > nu && raised <= largest)) throw error;
        nu = raised;
        continue;
      }
      trsm('left', 'N', 1, B, Yt);
      return { ...shiftedPairs(Yt, nu, U, workspace), shift: nu, retries };
    }
  });
}

/** C must be a matrix of the shape of the sketch, and all three what their types say. */
export function checkSketched(
  where: string,
  C: DenseMatrix,
  sketch: Sketch,
  workspace: Workspace,
): void {
  checkMatrix(where, 'C', C);
  checkSketch(where, sketch);
  checkShape(where, 'C', C, sketch.inputs, sketch.width);
  checkWorkspace(where, workspace);
}

function isMatrix64(value: unknown): value is DenseMatrix<'float64'> {
  return isDenseMatrix(value) && value.dtype === 'float64';
}

/**
 * `pairs` must be eigenpairs, whoever made them.
 *
 * @throws TypeError or RangeError where they are not.
 */
export function checkEigenpairs(where: string, pairs: Eigenpairs): void {
  checkType(where, 'pairs', pairs, isObject(pairs), 'eigenpairs, as nystromEigenpairs makes them');
  const { U, eigenvalues } = pairs;
  checkMatrix(where, 'U', U);
  checkDType(where, 'U', U, 'float64');
  checkEigenvalues(where, eigenvalues);
  checkShape(where, 'U', U, U.rows, eigenvalues.length);
}

/** Eigenvalues must be finite numbers in a Float64Array; those of a caller's own may be rounded below 0. */
export function checkEigenvalues(where: string, eigenvalues: Float64Array): void {
  const fits = isTypedArray(eigenvalues, 'float64') && isList(eigenvalues);
  checkType(where, 'eigenvalues', eigenvalues, fits, 'a Float64Array');
  eigenvalues.forEach((value, j) => {
    checkScalar(where, `eigenvalues[${j}]`, value, 'float64');
  });
}

/**
 * U ← the leading left singular vectors of X̃, beside its shifted squared singular values; X̃ᵀ is
 * destroyed.
 */
export function shiftedPairs(
  Xt: Matrix64,
  nu: number,
  U: Matrix64,
  workspace: Workspace,
): Pick<Eigenpairs, 'U' | 'eigenvalues'> {
  const { rows: k, cols: p } = Xt;
  const Qt = workspace.take('float64', k, p);
  const Rt = workspace.take('float64', k, k);
  factorTransposed(Xt, Qt, Rt);
  finiteNorm(Rt);
  const RRt = workspace.take('float64', k, k);
  syrk(1, Rt, 'T', 0, RRt, 'lower');
  const { eigenvalues, vectors } = eigh(RRt, {}, workspace);
  const rank = U.cols;
  // All of QV whatever the rank, so that a smaller one keeps the same bits.
  const all = rank === k ? U : workspace.take('float64', p, k);
  gemm(1, Qt, 'T', vectors, 'N', 0, all);
  if (all !== U) copyInto(all.view(0, 0, p, rank), U);
  return { U, eigenvalues: eigenvalues.slice(0, rank).map((value) => Math.max(value - nu, 0)) };
}

function zeroPairs(U: Matrix64): Eigenpairs {
  scale(0, U);
  return { U, eigenvalues: new Float64Array(U.cols), shift: 0, retries: 0 };
}

/**
 * ‖C‖F, which must be finite.
 *
 * @throws NonFiniteError where it is not.
 */
export function finiteNorm(C: DenseMatrix): number {
  const norm = frobeniusNorm(C);
  if (Number.isFinite(norm)) return norm;
  throw new NonFiniteError('the sketched second moment');
}

/** The lower triangle of B ← that of (B + Bᵀ)/2. */
function symmetrizeLower(B: Matrix64): void {
  for (let i = 0; i < B.rows; i++) {
    for (let j = 0; j < i; j++) B.set(i, j, (B.at(i, j) + B.at(j, i)) / 2);
  }
}
