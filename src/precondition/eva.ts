// Eva: rank-one Kronecker factors from the mean rows of X and D (Zhang, Shi and Li 2023).

import { type Engine, upload } from '../backend/engine.js';
import type { Slot } from '../backend/slot.js';
import { type StateEntry, scoped } from '../backend/state.js';
import {
  checkChoice,
  checkDecay,
  checkInteger,
  checkOptions,
  checkPositive,
} from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { zeros } from '../core/matrix.js';
import { type Average, MovingAverage } from '../covariance/moving-average.js';
import { CopiedAverage } from '../covariance/reference-averages.js';
import { checkDamping } from '../nystrom/inverse.js';
import {
  checkObservation,
  type Diagnostics,
  gradientsOf,
  type LayerPreconditioner,
  type LayerShape,
  type Observation,
  type Preconditioner,
} from './preconditioner.js';
import { DEFAULT_MAX_FAILURES, RefreshDriver } from './refresh.js';

interface SharedOptions {
  /** ρ > 0 (default 0.03). */
  readonly damping?: number;
  /** β of the moving averages, in [0, 1] (default 0.95). */
  readonly decay?: number;
  /** Breakdowns in a row that are survived before an error (default 5). */
  readonly maxFailures?: number;
}

/** Options of the `corrected` variant. */
export interface CorrectedEvaOptions extends SharedOptions {
  readonly variant?: 'corrected';
}

/** Options of the `reference` variant: what the paper's published code computes. */
export interface ReferenceEvaOptions extends SharedOptions {
  readonly variant: 'reference';
  /** Only the first so many examples of a batch are looked at (default 16). */
  readonly examples?: number;
}

/** Options of {@link evaPreconditioner}. */
export type EvaOptions = CorrectedEvaOptions | ReferenceEvaOptions;

/**
 * Eva: with ā the mean row of X and ḡ the mean row of D (per-example gradients), both bias-corrected
 * moving averages, P = (G − (ḡᵀGā)/(ρ + |ā|²|ḡ|²)·ḡāᵀ)/ρ: the Sherman–Morrison inverse of
 * (ḡḡᵀ) ⊗ (āāᵀ) + ρI. Nothing is factorised; a refresh only looks for NaN.
 *
 * `reference` reproduces the code published with the NysAct paper: the first examples of a batch
 * only, whatever their weights, averages in which the *new* batch weighs β, and gradients of the
 * mean loss.
 *
 * Per layer: p + q numbers of memory; observe O(m(p + q)), precondition O(qp). Source: Zhang, Shi
 * and Li 2023 (Eva, ICLR).
 *
 * @throws RangeError on options out of range, TypeError where they are no object.
 */
export function evaPreconditioner(options: EvaOptions = {}): Preconditioner {
  checkOptions('eva', options);
  const { damping = 0.03, decay = 0.95, variant = 'corrected' } = options;
  const { maxFailures = DEFAULT_MAX_FAILURES } = options;
  checkPositive('eva', 'damping', damping);
  checkDecay('eva', 'decay', decay);
  checkInteger('eva', 'maxFailures', maxFailures, 1);
  checkChoice('eva', 'variant', variant, ['corrected', 'reference']);
  const firstExamples = options.variant === 'reference' ? (options.examples ?? 16) : undefined;
  if (firstExamples !== undefined) checkInteger('eva', 'examples', firstExamples, 1);
  return {
    name: 'eva',
    observesGradients: true,
    gain: 1 / damping,
    init<D extends DType>(engine: Engine<D>, layers: readonly LayerShape[]) {
      checkDamping('eva', damping, engine.dtype);
      const average = (size: number): Average<D> =>
        firstExamples === undefined
          ? new MovingAverage(engine, 1, size, decay)
          : new CopiedAverage(engine, 1, size, decay);
      return layers.map(
        (layer) =>
          new EvaLayer(engine, layer, {
            damping,
            a: average(layer.inputs),
            g: average(layer.outputs),
            firstExamples,
            maxFailures,
          }),
      );
    },
  };
}

interface EvaLayerOptions<D extends DType> {
  readonly damping: number;
  /** Mean row of X, 1×p. */
  readonly a: Average<D>;
  /** Mean row of D, 1×q. */
  readonly g: Average<D>;
  /** Where given: only so many examples count, and D is not scaled to per-example gradients. */
  readonly firstExamples: number | undefined;
  readonly maxFailures: number;
}

class EvaLayer<D extends DType> implements LayerPreconditioner<D> {
  readonly #engine: Engine<D>;
  readonly #layer: LayerShape;
  readonly #options: EvaLayerOptions<D>;
  readonly #refresh: RefreshDriver<D>;

  constructor(engine: Engine<D>, layer: LayerShape, options: EvaLayerOptions<D>) {
    this.#engine = engine;
    this.#layer = layer;
    this.#options = options;
    this.#refresh = new RefreshDriver(engine, `layer '${layer.name}'`, options.maxFailures);
  }

  observe(observation: Observation<D>): void {
    checkObservation(this.#layer, observation);
    const D = gradientsOf(this.#layer, observation);
    const { X, rootWeights, rows, examples } = observation;
    const { firstExamples } = this.#options;
    if (firstExamples === undefined) {
      this.#fold(X, D, rootWeights, rows, examples);
      return;
    }
    const count = Math.min(X.rows, Math.round((X.rows / examples) * firstExamples));
    const ones = zeros(this.#engine.dtype, X.rows, 1);
    ones.data.fill(1, 0, count);
    const first = upload(this.#engine, ones);
    this.#fold(X, D, first, count, 1);
    this.#engine.free(first);
  }

  /** Nothing to factorise; reading finds NaN that came from a device, and starts the means anew. */
  refresh(): void {
    const { a, g } = this.#options;
    if (a.updates === 0 || this.#refresh.inFlight) return;
    this.#refresh.run({
      reads: [a.slot, g.slot],
      compute: () => () => {},
      discard: () => {
        a.reset();
        g.reset();
      },
    });
  }

  flush(): Promise<void> {
    return this.#refresh.flush();
  }

  precondition(G: Slot<D>, P: Slot<D>): void {
    const { a, g, damping } = this.#options;
    if (a.updates === 0) this.#engine.axpby(1 / damping, G, 0, P);
    else this.#engine.applyRankOneInverse(G, a.slot, g.slot, a.correction, damping, P);
  }

  get diagnostics(): Diagnostics {
    return { failures: this.#refresh.failures };
  }

  get state(): readonly StateEntry<D>[] {
    const { a, g } = this.#options;
    return [
      ...scoped('a', a.state),
      ...scoped('g', g.state),
      ...scoped('refresh', this.#refresh.state),
    ];
  }

  /** Folds vᵀX/rows and scaling·vᵀD/rows into the means. */
  #fold(X: Slot<D>, D: Slot<D>, v: Slot<D>, rows: number, scaling: number): void {
    const { a, g } = this.#options;
    a.update(rows, (weight, decay, slot) => this.#engine.rowSum(X, v, weight, decay, slot));
    g.update(rows, (weight, decay, slot) =>
      this.#engine.rowSum(D, v, weight * scaling, decay, slot),
    );
  }
}
