// The factor Â of what an accumulator saw, ready to be inverted.

import { checkPositive } from '../core/check.js';
import { type MatrixInput, readMatrix } from '../core/convert.js';
import { type DType, isFloatArray } from '../core/dtype.js';
import { checkFinite, type DenseMatrix } from '../core/matrix.js';
import { flag, type OptionsOf, optionList, positive } from '../core/options.js';
import { residualOf } from './certificate.js';
import type { Eigenpairs } from './factor.js';
import { applyLowRankInverse, effectiveDimension, lowRankInverse } from './inverse.js';

const PRECONDITION_OPTIONS = /* @__PURE__ */ optionList({
  /** The damping ρ > 0. */
  damping: positive,
  /** Let the discarded spectrum count: c = ρ + max(0, tr A − Σλ̂)/(p − r) (default false: c = ρ). */
  tail: flag.default(false),
});

/** Options of {@link NystromFactor.precondition}. @interface */
export type PreconditionOptions = OptionsOf<typeof PRECONDITION_OPTIONS> & {
  readonly damping: number;
};

/** The rank-r approximation Â = U·diag(λ̂)·Uᵀ of a second moment, ready to be inverted. */
export class NystromFactor<D extends DType> implements Eigenpairs {
  readonly U: DenseMatrix<'float64'>;
  readonly eigenvalues: Float64Array;
  readonly shift: number;
  readonly retries: number;
  readonly dtype: D;
  /** tr A, the mean of ‖x‖². */
  readonly trace: number;
  /** An estimate of ‖A − Â‖F, where there were probes: see `errorEstimate`. */
  readonly errorEstimate: number | undefined;

  constructor(
    { U, eigenvalues, shift, retries }: Eigenpairs,
    dtype: D,
    trace: number,
    estimate: number | undefined,
  ) {
    this.U = U;
    this.eigenvalues = eigenvalues;
    this.shift = shift;
    this.retries = retries;
    this.dtype = dtype;
    this.trace = trace;
    this.errorEstimate = estimate;
  }

  /**
   * P = G(Â + ρI)⁻¹ for a gradient G (q×p), in O(q·p·r); p×p is never formed.
   *
   * @throws RangeError where G does not have p columns, G or P is not finite, or unless ρ > 0;
   *   TypeError without options.
   */
  precondition(G: MatrixInput, options: PreconditionOptions): DenseMatrix<D> {
    const [where, name, p] = ['precondition', 'G', this.U.rows];
    const { tail } = PRECONDITION_OPTIONS.read(where, options);
    const { damping } = options;
    checkPositive(where, 'damping', damping);
    const cols = isFloatArray(G) ? p : undefined;
    const A = readMatrix(where, name, G, { dtype: this.dtype, cols });
    if (A.cols !== p) {
      const hint = A.cols === p - 1 ? ' (did you append the bias column?)' : '';
      throw new RangeError(
        `precondition: G has ${A.cols} columns, the factor has ${p} inputs${hint}`,
      );
    }
    checkFinite(where, name, A);
    const inversion = tail ? { damping, trace: this.trace } : { damping };
    const P = applyLowRankInverse(A, lowRankInverse(this, this.dtype, inversion));
    checkFinite(where, 'P', P);
    return P;
  }

  /** The part of tr A that Â has not seen: a bound of its error, see {@link residualOf}. */
  get residual(): number {
    return residualOf(this.eigenvalues, this.trace);
  }

  /** Σ λ̂/(λ̂ + ρ): how many directions the damping leaves to the curvature. */
  effectiveDimension(damping: number): number {
    return effectiveDimension(this.eigenvalues, damping);
  }
}
