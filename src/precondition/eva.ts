// Eva: rank-one Kronecker factors from the mean rows of X and D (Zhang, Shi and Li 2023).

import { type Engine, upload } from '../backend/engine.js';
import type { Slot } from '../backend/slot.js';
import { type StateEntry, scoped } from '../backend/state.js';
import { checkChoice, checkDecay, checkInteger, checkPositive } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { zeros } from '../core/matrix.js';
import { type Average, MovingAverage } from '../covariance/moving-average.js';
import { CopiedAverage } from '../covariance/reference-averages.js';
import {
  checkObservation,
  type Diagnostics,
  gradientsOf,
  type LayerPreconditioner,
  type LayerShape,
  type Observation,
  type Preconditioner,
} from './preconditioner.js';

interface SharedOptions {
  /** ρ > 0 (default 0.03). */
  readonly damping?: number;
  /** β of the moving averages, in [0, 1] (default 0.95). */
  readonly decay?: number;
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
 * (ḡḡᵀ) ⊗ (āāᵀ) + ρI. Nothing is factorised, so a refresh does nothing.
 *
 * `reference` reproduces the code published with the NysAct paper: the first examples of a batch
 * only, averages in which the *new* batch weighs β, and gradients of the mean loss.
 *
 * Per layer: p + q numbers of memory; observe O(m(p + q)), precondition O(qp). Source: Zhang, Shi
 * and Li 2023 (Eva, ICLR).
 *
 * @throws RangeError on options out of range.
 */
export function evaPreconditioner(options: EvaOptions = {}): Preconditioner {
  const { damping = 0.03, decay = 0.95, variant = 'corrected' } = options;
  checkPositive('eva', 'damping', damping);
  checkDecay('eva', 'decay', decay);
  checkChoice('eva', 'variant', variant, ['corrected', 'reference']);
  const firstExamples = options.variant === 'reference' ? (options.examples ?? 16) : undefined;
  if (firstExamples !== undefined) checkInteger('eva', 'examples', firstExamples, 1);
  return {
    name: 'eva',
    observesGradients: true,
    init<D extends DType>(engine: Engine<D>, layers: readonly LayerShape[]) {
      const average = (size: number): Average<D> =>
        firstExamples === undefined
          ? new MovingAverage(engine, 1, size, decay)
          : new CopiedAverage(engine, 1, size, decay);
      return layers.map((layer) => {
        const averages = { a: average(layer.inputs), g: average(layer.outputs) };
        return firstExamples === undefined
          ? new EvaLayer(engine, layer, damping, averages)
          : new ReferenceEvaLayer(engine, layer, damping, averages, firstExamples);
      });
    },
  };
}

interface Averages<D extends DType> {
  /** Mean row of X, 1×p. */
  readonly a: Average<D>;
  /** Mean row of D, 1×q. */
  readonly g: Average<D>;
}

class EvaLayer<D extends DType> implements LayerPreconditioner<D> {
  protected readonly engine: Engine<D>;
  protected readonly layer: LayerShape;
  protected readonly averages: Averages<D>;
  readonly diagnostics: Diagnostics = { failures: 0 };
  readonly #rho: number;

  constructor(engine: Engine<D>, layer: LayerShape, rho: number, averages: Averages<D>) {
    this.engine = engine;
    this.layer = layer;
    this.averages = averages;
    this.#rho = rho;
  }

  observe(observation: Observation<D>): void {
    checkObservation(this.layer, observation);
    const D = gradientsOf(this.layer, observation);
    const { X, rootWeights, rows, examples } = observation;
    this.fold(X, D, rootWeights, rows, examples);
  }

  refresh(): void {}

  flush(): Promise<void> {
    return Promise.resolve();
  }

  precondition(G: Slot<D>, P: Slot<D>): void {
    const { a, g } = this.averages;
    if (a.updates === 0) this.engine.axpby(1 / this.#rho, G, 0, P);
    else this.engine.applyRankOneInverse(G, a.slot, g.slot, a.correction, this.#rho, P);
  }

  get state(): readonly StateEntry<D>[] {
    return [...scoped('a', this.averages.a.state), ...scoped('g', this.averages.g.state)];
  }

  /** Folds vᵀX/rows and scaling·vᵀD/rows into the averages. */
  protected fold(X: Slot<D>, D: Slot<D>, v: Slot<D>, rows: number, scaling: number): void {
    const { a, g } = this.averages;
    a.update(rows, (weight, decay, slot) => this.engine.rowSum(X, v, weight, decay, slot));
    g.update(rows, (weight, decay, slot) =>
      this.engine.rowSum(D, v, weight * scaling, decay, slot),
    );
  }
}

class ReferenceEvaLayer<D extends DType> extends EvaLayer<D> {
  readonly #firstExamples: number;

  constructor(
    engine: Engine<D>,
    layer: LayerShape,
    rho: number,
    averages: Averages<D>,
    firstExamples: number,
  ) {
    super(engine, layer, rho, averages);
    this.#firstExamples = firstExamples;
  }

  override observe(observation: Observation<D>): void {
    checkObservation(this.layer, observation);
    const D = gradientsOf(this.layer, observation);
    const { X, examples } = observation;
    const rows = Math.min(X.rows, (X.rows / examples) * this.#firstExamples);
    const first = zeros(this.engine.dtype, X.rows, 1);
    first.data.fill(1, 0, rows);
    const v = upload(this.engine, first);
    this.fold(X, D, v, rows, 1);
    this.engine.free(v);
  }
}
