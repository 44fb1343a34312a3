// The shortest way from activations to a preconditioned gradient: observe, factor, apply.

import { type CpuBackend, cpuBackend } from '../backend/cpu.js';
import { checkInteger, checkPositive, checkType } from '../core/check.js';
import { type MatrixInput, readMatrix } from '../core/convert.js';
import { DTYPES, type DType, isFloatArray } from '../core/dtype.js';
import { checkFinite, type DenseMatrix } from '../core/matrix.js';
import {
  choice,
  flag,
  integer,
  type OptionsOf,
  optionList,
  positive,
  type SettingsOf,
  unitInterval,
} from '../core/options.js';
import { randomKey } from '../core/random.js';
import { Accumulator, type Estimates } from '../rows/accumulator.js';
import { readRows } from '../rows/dense.js';
import { weightList } from '../rows/weights.js';
import { drawSketch, SKETCH_KINDS } from '../sketch/distributions.js';
import { sameSketch } from '../sketch/sketch.js';
import { residualOf } from './certificate.js';
import { type Eigenpairs, nystromEigenpairs } from './factor.js';
import { applyLowRankInverse, effectiveDimension, lowRankInverse } from './inverse.js';
import { powerStep } from './power.js';
import { momentTrace, sketchedMoment } from './sketched-moment.js';

/** One backend a dtype, so that accumulators can be merged and share their workspace. */
const backends: { readonly [D in DType]: CpuBackend<D> } = {
  float32: /* @__PURE__ */ cpuBackend('float32'),
  float64: /* @__PURE__ */ cpuBackend('float64'),
};

/** The options of {@link activationSketch} beside p. */
const SKETCH_OPTIONS = /* @__PURE__ */ optionList({
  /** The number of inputs p, with the bias column counted. */
  inputs: integer(1),
  /** The rank r, the eigenpairs of the factor; p where it is larger. */
  rank: integer(1),
  /**
   * The sketch: 'gaussian' (default), 'subcolumn', or 'power' for a Gaussian one that the first batch turns
   * towards its leading eigenvectors, see {@link powerStep}.
   */
  kind: choice(...SKETCH_KINDS, 'power').default('gaussian'),
  /** The seed of the sketch, an integer ≥ 0 (default 0). */
  seed: integer().default(0),
  /** Oversampling s ≥ 0: sketch with r + s columns, keep the r largest eigenvalues (default 0). */
  oversample: integer().default(0),
  /** Append a column of ones to what is observed, which then has p − 1 columns (default false). */
  bias: flag.default(false),
  /** The decay β of the moving average over calls of observe; 1 (default): the mean over all rows. */
  decay: unitInterval.default(1),
  /** Element type of the accumulator (default 'float64'). */
  dtype: choice(...DTYPES).default('float64'),
});

/** Options of {@link activationSketch}. */
export interface ActivationSketchOptions<D extends DType> extends OptionsOf<typeof SKETCH_OPTIONS> {
  readonly inputs: number;
  readonly rank: number;
  readonly dtype?: D | undefined;
}

type Settings = SettingsOf<typeof SKETCH_OPTIONS>;

/**
 * An accumulator of the sketch C = AS of the activation second moment A = XᵀX/m; A itself is never
 * formed. Memory: 2pr numbers. Use {@link activationSketch} to make one.
 */
export class ActivationSketch<D extends DType> {
  readonly inputs: number;
  readonly rank: number;
  readonly dtype: D;
  readonly #kind: Settings['kind'];
  readonly #bias: boolean;
  readonly #backend: CpuBackend<D>;
  readonly #averages: Accumulator<D>;

  /** `settings` were checked. */
  constructor(inputs: number, rank: number, dtype: D, settings: Settings) {
    const { kind, seed, oversample, bias, decay } = settings;
    const shape = { inputs, width: Math.min(rank + oversample, inputs) };
    const key = randomKey(seed);
    this.inputs = inputs;
    this.rank = Math.min(rank, inputs);
    this.dtype = dtype;
    this.#kind = kind;
    this.#bias = bias;
    this.#backend = backends[dtype];
    this.#averages = new Accumulator(
      this.#backend,
      [sketchedMoment(shape, decay), momentTrace(decay)],
      {
        shape,
        source: () => drawSketch(kind === 'power' ? 'gaussian' : kind, shape, dtype, key),
        open: kind === 'power' ? powerStep : undefined,
      },
    );
  }

  /**
   * Folds a batch in: X is m×p (m×(p−1) with a bias), optionally with one weight ≥ 0 a row.
   *
   * Cost: O(mpr).
   *
   * @throws RangeError or TypeError where X does not fit or is not finite; nothing has changed then.
   */
  observe(
    X: MatrixInput,
    options: {
      /** One weight ≥ 0 a row (default: 1 each). */
      readonly weights?: ArrayLike<number>;
    } = {},
  ): this {
    const { weights } = OBSERVE_OPTIONS.read('observe', options);
    const bias = this.#bias;
    const cols = bias ? this.inputs - 1 : this.inputs;
    const rows = readRows('observe', this.#backend, X, { cols, bias, weights });
    this.#averages.observe({ X: rows, examples: rows.count });
    rows.dispose();
    return this;
  }

  /**
   * Folds in what another accumulator of the same sketch has seen, as if this one had seen both
   * batches at every call (exact to rounding; for β < 1 where both saw rows in the same proportion). Sketches
   * of kind 'power' are the same only where the first batch was.
   *
   * @throws RangeError where the sketches, the decays or (β < 1) the numbers of calls differ;
   *   TypeError where it is no accumulator.
   */
  merge(other: ActivationSketch<D>): this {
    checkType('merge', 'other', other, other instanceof ActivationSketch, 'an ActivationSketch');
    if (
      other.dtype !== this.dtype ||
      !sameSketch(this.#estimates().sketch, other.#estimates().sketch)
    ) {
      const batch = this.#kind === 'power' ? ', and the same first batch' : '';
      throw new RangeError(
        `merge: the other accumulator has another sketch, expected the same inputs, rank, kind, seed and dtype${batch}`,
      );
    }
    this.#averages.merge(other.#averages);
    return this;
  }

  /**
   * The Nyström factor of what was observed so far. Cost: O(pr² + r³).
   *
   * @throws RangeError where nothing was observed; and as {@link nystromEigenpairs}.
   */
  factor(): NystromFactor<D> {
    if (this.#averages.updates === 0) throw new RangeError('factor: nothing was observed yet');
    const { averages, sketch } = this.#estimates();
    const pairs = nystromEigenpairs(averages.C, sketch, { rank: this.rank });
    return new NystromFactor(pairs, this.dtype, averages.trace.at(0, 0));
  }

  #estimates(): Estimates<D> {
    const reading = this.#averages.reading();
    return reading.onHost(reading.slots.map((slot) => this.#backend.readSync(slot)));
  }
}

const OBSERVE_OPTIONS = /* @__PURE__ */ optionList({
  weights: weightList,
});

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

  constructor({ U, eigenvalues, shift, retries }: Eigenpairs, dtype: D, trace: number) {
    this.U = U;
    this.eigenvalues = eigenvalues;
    this.shift = shift;
    this.retries = retries;
    this.dtype = dtype;
    this.trace = trace;
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

/**
 * An accumulator of the sketched activation second moment.
 *
 * @example
 * ```ts
 * const sketch = activationSketch({ inputs: 785, rank: 10, seed: 1 });
 * sketch.observe(X);
 * const P = sketch.factor().precondition(G, { damping: 1 });
 * ```
 * @throws RangeError or TypeError on a bad option.
 */
export function activationSketch(
  options: ActivationSketchOptions<'float64'>,
): ActivationSketch<'float64'>;
export function activationSketch<D extends DType>(
  options: ActivationSketchOptions<D> & { readonly dtype: D },
): ActivationSketch<D>;
export function activationSketch(options: ActivationSketchOptions<DType>): ActivationSketch<DType> {
  const where = 'activationSketch';
  const settings = SKETCH_OPTIONS.read(where, options);
  const { inputs, rank, bias, dtype } = settings;
  checkInteger(where, 'inputs', inputs ?? Number.NaN, bias ? 2 : 1);
  checkInteger(where, 'rank', rank ?? Number.NaN, 1);
  SKETCH_OPTIONS.checkIn(where, settings, dtype);
  return new ActivationSketch(options.inputs, options.rank, dtype, settings);
}
