// How wrong a Nyström factor can be, and what its inverse can keep.

import { checkChoice, checkNonNegative, checkPositive, checkShape } from '../core/check.js';
import { DTYPES, type DType, EPSILON } from '../core/dtype.js';
import { checkMatrix, convert, type DenseMatrix } from '../core/matrix.js';
import { axpby, frobeniusNorm } from '../kernels/level1.js';
import { checkSketch, type Sketch } from '../sketch/sketch.js';
import { checkEigenpairs, checkEigenvalues, type Eigenpairs } from './factor.js';
import { carriedSketch } from './tracking.js';

/**
 * The part of the trace that Â has not seen, (tr A − Σλ̂)/tr A; at least 0, and 0 where A is 0.
 *
 * It is a bound, and no estimate: 0 ⪯ Â ⪯ A + νI makes ‖A − Â‖₂ ≤ tr(A − Â) = tr A − Σλ̂, each up to rν, so
 * that the relative error is at most this times tr A/‖A‖₂. In the trace norm it is the error itself.
 * Source: Frangella, Tropp and Udell, arXiv:2110.02820, Lemma 2.1.
 *
 * @param trace tr A over what the sketch was taken of, the mean of ‖x‖².
 * @throws RangeError unless the trace is finite and ≥ 0, and the eigenvalues are finite; TypeError where they
 *   are in no Float64Array.
 */
export function residualOf(eigenvalues: Float64Array, trace: number): number {
  checkEigenvalues('residualOf', eigenvalues);
  checkNonNegative('residualOf', 'trace', trace);
  const seen = eigenvalues.reduce((sum, value) => sum + value, 0);
  return trace === 0 ? 0 : Math.max(0, trace - seen) / trace;
}

/**
 * The least rank whose residual is at most `residual`: how many of the eigenvalues of a factor do.
 *
 * @param eigenvalues λ̂ in descending order.
 * @returns undefined where all of them leave more.
 * @throws RangeError unless the trace and the residual are finite and ≥ 0, and the eigenvalues are finite;
 *   TypeError where they are in no Float64Array.
 */
export function rankWithin(
  eigenvalues: Float64Array,
  trace: number,
  residual: number,
): number | undefined {
  checkEigenvalues('rankWithin', eigenvalues);
  checkNonNegative('rankWithin', 'trace', trace);
  checkNonNegative('rankWithin', 'residual', residual);
  let left = trace;
  for (let rank = 0; rank <= eigenvalues.length; rank++) {
    if (left <= residual * trace) return rank;
    left -= eigenvalues[rank];
  }
  return undefined;
}

/**
 * An estimate of ‖A − Â‖F from the sketch C = AΨ by z Gaussian probes Ψ that Â has no part in: with entries
 * N(0, 1/p), as `gaussian` draws them, √(p/z)·‖C − ÂΨ‖F.
 *
 * Its square err² has the mean ‖E‖²F of E = A − Â, whatever E is, and for 0 < t (< 1 in the first)
 * ```
 * P(err² ≤ (1 − t)‖E‖²F) ≤ [eᵗ(1 − t)]^{z/2},   P(err² ≥ (1 + t)‖E‖²F) ≤ [e⁻ᵗ(1 + t)]^{z/2}
 * ```
 * It says nothing of errors below the rounding of C. Cost: O(prz).
 * Source: Tropp, Yurtsever, Udell and Cevher 2019, arXiv:1902.08651, section 6.
 *
 * @param pairs The eigenpairs of Â, of p inputs.
 * @param C AΨ, p×z.
 * @param sketch Ψ.
 * @throws RangeError where shapes do not fit, TypeError where an argument is of another type.
 */
export function errorEstimate(pairs: Eigenpairs, C: DenseMatrix, sketch: Sketch): number {
  const where = 'errorEstimate';
  checkEigenpairs(where, pairs);
  checkMatrix(where, 'C', C);
  checkSketch(where, sketch);
  const { inputs, width } = sketch;
  checkShape(where, 'U of pairs', pairs.U, inputs, pairs.U.cols);
  checkShape(where, 'C', C, inputs, width);
  const difference = carriedSketch(pairs, sketch, 'float64');
  axpby(1, convert(C, 'float64'), -1, difference);
  return Math.sqrt(inputs / width) * frobeniusNorm(difference);
}

/** What a refresh warns of: the inverse is what it should be, and P may be of few digits. */
export interface Warning {
  /** 'conditioning': λ̂₁/c is so large that cancellation takes most digits of P in the leading directions. */
  readonly kind: 'conditioning';
  /** λ̂₁/c, with c = ρ unless the tail counts. */
  readonly value: number;
  /** The largest value that is no warning. */
  readonly limit: number;
}

/**
 * λ̂₁/ρ may be so many times 1/ε: P keeps about −log₁₀(ε·λ₁/ρ) digits in the leading directions, whatever the
 * method, and two of them are too few.
 */
const SHARE = 1e5 * EPSILON.float32;

/**
 * What there is to warn of in a factor that is damped by ρ.
 *
 * @throws RangeError unless ρ is finite and > 0, the eigenvalues are finite and the dtype is one; TypeError
 *   where they are in no Float64Array.
 */
export function warningsOf(
  eigenvalues: Float64Array,
  damping: number,
  dtype: DType,
): readonly Warning[] {
  checkEigenvalues('warningsOf', eigenvalues);
  checkPositive('warningsOf', 'damping', damping);
  checkChoice('warningsOf', 'dtype', dtype, DTYPES);
  const value = (eigenvalues[0] ?? 0) / damping;
  const limit = SHARE / EPSILON[dtype];
  return value > limit ? [{ kind: 'conditioning', value, limit }] : [];
}
