// FOOF: P = G(Ā + ρI)⁻¹ with the exact activation second moment Ā (Benzing 2022).

import type { Engine } from '../backend/engine.js';
import type { Slot } from '../backend/slot.js';
import { type StateEntry, scoped } from '../backend/state.js';
import {
  checkChoice,
  checkDecay,
  checkFraction,
  checkInteger,
  checkOptions,
  checkPositive,
} from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { convert, copyInto, type DenseMatrix, identity } from '../core/matrix.js';
import { Workspace } from '../core/workspace.js';
import { type Average, MovingAverage } from '../covariance/moving-average.js';
import { IdentityAverage, type UpdateCounter } from '../covariance/reference-averages.js';
import { scale } from '../kernels/level1.js';
import { addToDiagonal, invertSpd } from '../linalg/cholesky.js';
import { checkDamping } from '../nystrom/inverse.js';
import {
  checkObservation,
  type Diagnostics,
  type LayerPreconditioner,
  type LayerShape,
  type Observation,
  type Preconditioner,
} from './preconditioner.js';
import { DEFAULT_MAX_FAILURES, RefreshDriver } from './refresh.js';

/** Options of {@link foofPreconditioner}. */
export interface FoofOptions {
  /** ρ > 0 (default 1). */
  readonly damping?: number;
  /** β of the moving average (default 0.95), in [0, 1): 1, the plain mean, is for 'corrected' only. */
  readonly decay?: number;
  /** 'corrected' (default) or 'reference': what the paper's published code computes. */
  readonly variant?: 'corrected' | 'reference';
  /** Breakdowns in a row that are survived before an error (default 5). */
  readonly maxFailures?: number;
}

/**
 * FOOF: P = G(Ā + ρI)⁻¹, with Ā the bias-corrected moving average of XᵀX/m.
 *
 * `reference` reproduces the code published with the NysAct paper: the average starts at I but is
 * bias-corrected all the same, with one counter for all layers that grows by the number of layers
 * at every update, and the first refresh leaves the inverse at I.
 *
 * Per layer: p² + p² numbers of memory; observe O(mp²), refresh O(p³), precondition O(qp²).
 * Source: Benzing 2022 (arXiv:2201.12250), as the NysAct paper's baseline.
 *
 * @throws RangeError on options out of range, TypeError where they are no object.
 */
export function foofPreconditioner(options: FoofOptions = {}): Preconditioner {
  checkOptions('foof', options);
  const { damping = 1, decay = 0.95, variant = 'corrected' } = options;
  const { maxFailures = DEFAULT_MAX_FAILURES } = options;
  checkPositive('foof', 'damping', damping);
  checkChoice('foof', 'variant', variant, ['corrected', 'reference']);
  if (variant === 'reference') checkFraction('foof', 'decay', decay);
  else checkDecay('foof', 'decay', decay);
  checkInteger('foof', 'maxFailures', maxFailures, 1);
  return {
    name: 'foof',
    observesGradients: false,
    // The reference variant's first inverse is I.
    gain: variant === 'corrected' ? 1 / damping : Math.max(1, 1 / damping),
    init(engine, layers) {
      checkDamping('foof', damping, engine.dtype);
      const counter: UpdateCounter = { updates: 0 };
      return layers.map((layer) => {
        const p = layer.inputs;
        const average =
          variant === 'corrected'
            ? new MovingAverage(engine, p, p, decay)
            : new IdentityAverage(engine, p, decay, counter);
        return new FoofLayer(engine, layer, {
          damping,
          average,
          initialScale: variant === 'corrected' ? 1 / damping : 1,
          skippedRefreshes: variant === 'corrected' ? 0 : 1,
          maxFailures,
        });
      });
    },
  };
}

/** M = (factor·A + ρI)⁻¹, factorised in float64 and rounded to the dtype of A. */
export function dampedInverse<D extends DType>(
  A: DenseMatrix<D>,
  factor: number,
  rho: number,
  workspace: Workspace = new Workspace(),
): DenseMatrix<D> {
  return workspace.scope(() => {
    const damped = workspace.take('float64', A.rows, A.cols);
    copyInto(A, damped);
    scale(factor, damped);
    addToDiagonal(damped, rho);
    const inverse = workspace.take('float64', A.rows, A.cols);
    invertSpd(damped, inverse, workspace);
    return convert(inverse, A.dtype);
  });
}

/** What distinguishes one {@link FoofLayer} from another. */
export interface FoofLayerOptions<D extends DType> {
  readonly damping: number;
  readonly average: Average<D>;
  /** The inverse before the first refresh, as a multiple of I. */
  readonly initialScale: number;
  /** Refreshes at the start that leave the inverse as it is. */
  readonly skippedRefreshes: number;
  readonly maxFailures: number;
}

/** The exact inverse of one layer's activation second moment. */
export class FoofLayer<D extends DType> implements LayerPreconditioner<D> {
  readonly #engine: Engine<D>;
  readonly #layer: LayerShape;
  readonly #damping: number;
  readonly #average: Average<D>;
  readonly #inverse: Slot<D>;
  readonly #refresh: RefreshDriver<D>;
  #skip: number;

  constructor(engine: Engine<D>, layer: LayerShape, options: FoofLayerOptions<D>) {
    const { name, inputs } = layer;
    this.#engine = engine;
    this.#layer = layer;
    this.#damping = options.damping;
    this.#average = options.average;
    this.#skip = options.skippedRefreshes;
    this.#refresh = new RefreshDriver(engine, `layer '${name}'`, options.maxFailures);
    this.#inverse = engine.allocate(inputs, inputs);
    const initial = identity(engine.dtype, inputs);
    scale(options.initialScale, initial);
    engine.write(this.#inverse, initial);
  }

  observe(observation: Observation<D>): void {
    checkObservation(this.#layer, observation);
    const { X, rows } = observation;
    this.#average.update(rows, (weight, decay, A) =>
      this.#engine.secondMoment(X, weight, decay, A),
    );
  }

  refresh(): void {
    const average = this.#average;
    if (average.updates === 0 || this.#refresh.inFlight) return;
    if (this.#skip > 0) {
      this.#skip -= 1;
      return;
    }
    const { correction } = average;
    this.#refresh.run({
      reads: [average.slot],
      compute: ([A], workspace) => {
        const inverse = dampedInverse(A, correction, this.#damping, workspace);
        return () => this.#engine.write(this.#inverse, inverse);
      },
      discard: () => average.reset(),
    });
  }

  flush(): Promise<void> {
    return this.#refresh.flush();
  }

  precondition(G: Slot<D>, P: Slot<D>): void {
    this.#engine.applyDenseInverse(G, this.#inverse, undefined, P);
  }

  get diagnostics(): Diagnostics {
    return { failures: this.#refresh.failures };
  }

  get state(): readonly StateEntry<D>[] {
    return [
      ...scoped('A', this.#average.state),
      { name: 'inverse', slot: this.#inverse },
      {
        name: 'skip',
        check: checkInteger,
        get: () => this.#skip,
        set: (value) => {
          this.#skip = value;
        },
      },
      ...scoped('refresh', this.#refresh.state),
    ];
  }
}
