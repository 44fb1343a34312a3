// The shortest way from activations to a preconditioned gradient: observe, factor, apply.

import { type CpuEngine, cpuEngine } from '../backend/cpu.js';
import {
  checkChoice,
  checkDecay,
  checkFinite,
  checkInteger,
  checkOptions,
  checkType,
} from '../core/check.js';
import { type MatrixInput, readMatrix } from '../core/convert.js';
import { DTYPES, type DType, isFloatArray } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import { randomKey } from '../core/random.js';
import { activations } from '../covariance/activations.js';
import { MovingAverage } from '../covariance/moving-average.js';
import { scale } from '../kernels/level1.js';
import { EngineSketch } from '../sketch/engine-sketch.js';
import { drawSketch, type Sketch, type SketchKind, sameSketch } from '../sketch/sketch.js';
import { type Eigenpairs, nystromEigenpairs } from './factor.js';
import { applyLowRankInverse, effectiveDimension, lowRankInverse } from './inverse.js';

/** One engine a dtype, so that accumulators can be merged and share their workspace. */
const engines: { readonly [D in DType]: CpuEngine<D> } = {
  float32: /* @__PURE__ */ cpuEngine('float32'),
  float64: /* @__PURE__ */ cpuEngine('float64'),
};

/** Options of {@link activationSketch}. */
export interface ActivationSketchOptions<D extends DType> {
  /** p, with the bias column counted. */
  readonly inputs: number;
  /** r, the eigenpairs of the factor; p where it is larger. */
  readonly rank: number;
  /** 'gaussian' (default) or 'subcolumn'. */
  readonly kind?: SketchKind;
  /** A non-negative integer (default 0). */
  readonly seed?: number;
  /** s ≥ 0: sketch with r + s columns, keep the r largest eigenvalues (default 0). */
  readonly oversample?: number;
  /** Append a column of ones to what is observed, which then has p − 1 columns (default false). */
  readonly bias?: boolean;
  /** β of the moving average over calls of observe; 1 (default) is the plain mean over all rows. */
  readonly decay?: number;
  /** Element type of the accumulator (default 'float64'). */
  readonly dtype?: D;
}

/**
 * An accumulator of the sketch C = AS of the activation second moment A = XᵀX/m; A itself is never
 * formed. Memory: 2pr numbers. Use {@link activationSketch} to make one.
 */
export class ActivationSketch<D extends DType> {
  readonly inputs: number;
  readonly rank: number;
  readonly dtype: D;
  readonly #bias: boolean;
  readonly #engine: CpuEngine<D>;
  readonly #sketch: EngineSketch<D>;
  readonly #C: MovingAverage<D>;
  readonly #trace: MovingAverage<D>;

  constructor(options: ActivationSketchOptions<DType>, dtype: D) {
    const { inputs, rank, kind = 'gaussian', seed = 0, oversample = 0, bias = false } = options;
    const { decay = 1 } = options;
    checkChoice('activationSketch', 'dtype', dtype, DTYPES);
    checkInteger('activationSketch', 'inputs', inputs, bias ? 2 : 1);
    checkInteger('activationSketch', 'rank', rank, 1);
    checkInteger('activationSketch', 'oversample', oversample);
    checkDecay('activationSketch', 'decay', decay);
    const shape = { inputs, width: Math.min(rank + oversample, inputs) };
    const key = randomKey(seed);
    this.inputs = inputs;
    this.rank = Math.min(rank, inputs);
    this.dtype = dtype;
    this.#bias = bias;
    this.#engine = engines[dtype];
    this.#sketch = new EngineSketch(this.#engine, shape, () => drawSketch(kind, shape, dtype, key));
    this.#C = new MovingAverage(this.#engine, inputs, shape.width, decay);
    this.#trace = new MovingAverage(this.#engine, 1, 1, decay);
  }

  /**
   * Folds a batch in: X is m×p (m×(p−1) with a bias), optionally with one weight ≥ 0 a row.
   *
   * Cost: O(mpr).
   *
   * @throws RangeError or TypeError where X does not fit or is not finite; nothing has changed then.
   */
  observe(X: MatrixInput, options: { readonly weights?: ArrayLike<number> } = {}): this {
    const prepared = activations(X, {
      ...options,
      dtype: this.dtype,
      inputs: this.#bias ? this.inputs - 1 : this.inputs,
      bias: this.#bias,
      where: 'observe',
    });
    const slot = this.#engine.wrap(prepared.X);
    this.#C.update(prepared.rows, (weight, decay, C) =>
      this.#engine.sketchMoment(slot, this.#sketch.operand, weight, decay, C),
    );
    this.#trace.update(prepared.rows, (weight, decay, trace) =>
      this.#engine.innerProduct(weight, slot, slot, decay, trace),
    );
    return this;
  }

  /**
   * Folds in what another accumulator of the same sketch has seen, as if this one had seen both
   * batches at every call (exact to rounding; for β < 1 where both saw rows in the same proportion).
   *
   * @throws RangeError where the sketches, the decays or (β < 1) the numbers of calls differ;
   *   TypeError where it is no accumulator.
   */
  merge(other: ActivationSketch<D>): this {
    checkType('merge', 'other', other, other instanceof ActivationSketch, 'an ActivationSketch');
    if (other.dtype !== this.dtype || !sameSketch(this.#drawn(), other.#drawn())) {
      throw new RangeError(
        'merge: the other accumulator has another sketch, expected the same inputs, rank, kind, seed and dtype',
      );
    }
    this.#C.merge(other.#C);
    this.#trace.merge(other.#trace);
    return this;
  }

  /**
   * The Nyström factor of what was observed so far. Cost: O(pr² + r³).
   *
   * @throws RangeError where nothing was observed; and as {@link nystromEigenpairs}.
   */
  factor(): NystromFactor<D> {
    if (this.#C.updates === 0) throw new RangeError('factor: nothing was observed yet');
    const C = this.#engine.read(this.#C.slot);
    scale(this.#C.correction, C);
    const trace = this.#engine.read(this.#trace.slot).at(0, 0) * this.#trace.correction;
    const pairs = nystromEigenpairs(C, this.#drawn(), { rank: this.rank });
    return new NystromFactor(pairs, this.dtype, trace);
  }

  #drawn(): Sketch<D> {
    const { operand, reads } = this.#sketch;
    return this.#sketch.onHost(
      operand,
      reads.map((slot) => this.#engine.read(slot)),
    );
  }
}

/** Options of {@link NystromFactor.precondition}. */
export interface PreconditionOptions {
  /** ρ > 0. */
  readonly damping: number;
  /** Let the discarded spectrum count: c = ρ + max(0, tr A − Σλ̂)/(p − r) (default false: c = ρ). */
  readonly tail?: boolean;
}

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
    checkOptions(where, options);
    const { damping, tail = false } = options;
    const A = readMatrix(where, name, G, {
      dtype: this.dtype,
      ...(isFloatArray(G) ? { cols: p } : {}),
    });
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
 * @throws RangeError on options out of range, TypeError without options.
 */
export function activationSketch(
  options: ActivationSketchOptions<'float64'>,
): ActivationSketch<'float64'>;
export function activationSketch<D extends DType>(
  options: ActivationSketchOptions<D> & { readonly dtype: D },
): ActivationSketch<D>;
export function activationSketch(options: ActivationSketchOptions<DType>): ActivationSketch<DType> {
  checkOptions('activationSketch', options);
  return new ActivationSketch(options, options.dtype ?? 'float64');
}
