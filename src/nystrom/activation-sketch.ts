// The shortest way from activations to a preconditioned gradient: observe, factor, apply.

import { type CpuBackend, cpuBackend } from '../backend/cpu.js';
import { checkInteger, checkShape, checkType } from '../core/check.js';
import type { MatrixInput } from '../core/convert.js';
import { DTYPES, type DType } from '../core/dtype.js';
import {
  choice,
  flag,
  integer,
  type OptionsOf,
  optionList,
  type SettingsOf,
  unitInterval,
} from '../core/options.js';
import { foldIn, type RandomKey, randomKey } from '../core/random.js';
import { Accumulator, type Estimates } from '../rows/accumulator.js';
import { readRows } from '../rows/dense.js';
import { weightList } from '../rows/weights.js';
import { drawSketch, SKETCH_KINDS } from '../sketch/distributions.js';
import { gaussian } from '../sketch/gaussian.js';
import type { SketchShape } from '../sketch/shape.js';
import { type Sketch, sameSketch } from '../sketch/sketch.js';
import { errorEstimate } from './certificate.js';
import { checkEigenpairs, type Eigenpairs, nystromEigenpairs } from './factor.js';
import { NystromFactor } from './nystrom-factor.js';
import { powerStep } from './power.js';
import { momentTrace, sketchedMoment } from './sketched-moment.js';
import { carriedSketch, keptColumns, trackingSketch } from './tracking.js';

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
   * towards its leading eigenvectors: S = orth(A_bΩ) with A_b of that batch, for another pass over it.
   */
  kind: choice(...SKETCH_KINDS, 'power').default('gaussian'),
  /** The seed of the sketch, an integer ≥ 0 (default 0). */
  seed: integer().default(0),
  /** Oversampling s ≥ 0: sketch with r + s columns, keep the r largest eigenvalues (default 0). */
  oversample: integer().default(0),
  /**
   * Probes z of the error, 0 … p: as many Gaussian columns are sketched beside S, for 2pz numbers of memory and
   * O(mpz) a batch, and the factor has an `errorEstimate` (default 0: none; by 5 it is within .48 and 1.49 of the
   * truth nine times in ten where one direction has all of the error, and nearer where many share it).
   */
  probes: integer().default(0),
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
 * formed. Memory: 2pr numbers, and 2pz for z probes. Use {@link activationSketch} to make one.
 */
export class ActivationSketch<D extends DType> {
  readonly inputs: number;
  readonly rank: number;
  readonly dtype: D;
  readonly #settings: Settings;
  readonly #shape: SketchShape;
  readonly #backend: CpuBackend<D>;
  #averages: Accumulator<D>;
  readonly #probes: Accumulator<D> | undefined;
  /** 0 for the first, 1 for the next… */
  #window = 0;

  /** `settings` were checked. */
  constructor(inputs: number, rank: number, dtype: D, settings: Settings) {
    const { kind, seed, oversample, decay, probes } = settings;
    this.inputs = inputs;
    this.rank = Math.min(rank, inputs);
    this.dtype = dtype;
    this.#settings = settings;
    this.#shape = { inputs, width: Math.min(rank + oversample, inputs) };
    this.#backend = backends[dtype];
    const key = randomKey(seed);
    this.#averages = new Accumulator(
      this.#backend,
      [sketchedMoment(this.#shape, decay), momentTrace(decay)],
      {
        shape: this.#shape,
        source: () => this.#drawn(key),
        open: kind === 'power' ? powerStep : undefined,
      },
    );
    if (probes === 0) return;
    const shape = { inputs, width: probes };
    this.#probes = new Accumulator(this.#backend, [sketchedMoment(shape, decay)], {
      shape,
      // Of a stream that no window draws from.
      source: () => gaussian(shape, dtype, foldIn(key, 0)),
    });
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
    const { bias } = this.#settings;
    const cols = bias ? this.inputs - 1 : this.inputs;
    const rows = readRows('observe', this.#backend, X, { cols, bias, weights });
    const batch = { X: rows, examples: rows.count };
    this.#averages.observe(batch);
    this.#probes?.observe(batch);
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
    if (other.#window !== this.#window) {
      throw new RangeError(
        `merge: the other accumulator is in window ${other.#window}, expected window ${this.#window}`,
      );
    }
    const differs = (a?: Accumulator<D>, b?: Accumulator<D>): boolean => {
      if (a === undefined || b === undefined) return a !== b;
      return !sameSketch(this.#estimatesOf(a).sketch, this.#estimatesOf(b).sketch);
    };
    if (other.dtype !== this.dtype || differs(this.#averages, other.#averages)) {
      const batch = this.#settings.kind === 'power' ? ', and the same first batch' : '';
      const factor = this.#window > 0 ? ', and the same factors to advance from' : '';
      throw new RangeError(
        `merge: the other accumulator has another sketch, expected the same inputs, rank, kind, seed and dtype${batch}${factor}`,
      );
    }
    if (differs(this.#probes, other.#probes)) {
      throw new RangeError(
        'merge: the other accumulator has other probes, expected as many of the same seed',
      );
    }
    this.#averages.merge(other.#averages);
    if (other.#probes !== undefined) this.#probes?.merge(other.#probes);
    return this;
  }

  /**
   * The Nyström factor of what was observed so far. Cost: O(pr² + r³).
   *
   * @throws RangeError where nothing was observed; and as {@link nystromEigenpairs}.
   */
  factor(): NystromFactor<D> {
    if (this.#averages.updates === 0) throw new RangeError('factor: nothing was observed yet');
    const { averages, sketch } = this.#estimatesOf(this.#averages);
    const pairs = nystromEigenpairs(averages.C, sketch, { rank: this.rank });
    const probes = this.#probes && this.#estimatesOf(this.#probes);
    const estimate = probes && errorEstimate(pairs, probes.averages.C, probes.sketch);
    return new NystromFactor(pairs, this.dtype, averages.trace.at(0, 0), estimate);
  }

  /**
   * Opens the next window: with a sketch of the leading eigenvectors of a factor, that of this one for the most
   * part, and of fresh columns, see {@link trackingSketch}. Every window of a constant A is then one step nearer
   * to the best of the rank. Accumulators of one seed that advance from the same factors can be merged.
   *
   * Unless it is carried, the average starts from nothing. In a merge, what each accumulator carries weighs by
   * what that one saw itself: the factor should be of a third that both were merged into. A window that was
   * opened so takes no power step.
   *
   * Cost: O(pr²).
   *
   * @throws RangeError or TypeError where the eigenpairs do not fit, or an option is bad; nothing has changed then.
   */
  advance(pairs: Eigenpairs, options: AdvanceOptions = {}): this {
    const where = 'advance';
    const { fresh, carry } = ADVANCE_OPTIONS.read(where, options);
    checkEigenpairs(where, pairs);
    checkShape(where, 'U of pairs', pairs.U, this.inputs, pairs.U.cols);
    const { seed, oversample } = this.#settings;
    const { rank, dtype } = this;
    const { width } = this.#shape;
    const window = this.#window + 1;
    const kept = keptColumns({ rank, width, oversample, fresh, carry });
    const drawn = this.#drawn(foldIn(randomKey(seed), window));
    const sketch = trackingSketch(pairs, drawn, kept, dtype);
    const last = this.#averages;
    if (carry) {
      const C = carriedSketch(pairs, sketch, dtype);
      this.#averages = last.next(sketch, { ...this.#estimatesOf(last).averages, C });
    } else {
      this.#averages = last.next(sketch);
      this.#probes?.reset();
    }
    last.dispose();
    this.#window = window;
    return this;
  }

  #drawn(key: RandomKey): Sketch<D> {
    const { kind } = this.#settings;
    return drawSketch(kind === 'power' ? 'gaussian' : kind, this.#shape, this.dtype, key);
  }

  #estimatesOf(averages: Accumulator<D>): Estimates<D> {
    const reading = averages.reading();
    return reading.onHost(reading.slots.map((slot) => this.#backend.readSync(slot)));
  }
}

const OBSERVE_OPTIONS = /* @__PURE__ */ optionList({
  weights: weightList,
});

const ADVANCE_OPTIONS = /* @__PURE__ */ optionList({
  /**
   * Fresh columns, which find what A has turned to; at least those that r eigenvectors leave (default: those that
   * the sketch is oversampled by; else 2, and fewer than r; none of what is carried).
   */
  fresh: integer(),
  /** Whether the average goes on with what the factor has of it (default false). */
  carry: flag.default(false),
});

/** Options of {@link ActivationSketch.advance}. @interface */
export type AdvanceOptions = OptionsOf<typeof ADVANCE_OPTIONS>;

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
  const { inputs, rank, bias, probes, dtype } = settings;
  checkInteger(where, 'inputs', inputs ?? Number.NaN, bias ? 2 : 1);
  checkInteger(where, 'rank', rank ?? Number.NaN, 1);
  checkInteger(where, 'probes', probes, 0, inputs);
  SKETCH_OPTIONS.checkIn(where, settings, dtype);
  return new ActivationSketch(options.inputs, options.rank, dtype, settings);
}
