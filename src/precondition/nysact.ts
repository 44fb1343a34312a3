// NysAct: P = G(Â + ρI)⁻¹ with Â the eigenvalue-shifted Nyström approximation of rank r.

import type { Engine } from '../backend/engine.js';
import type { Slot } from '../backend/slot.js';
import { type StateEntry, scoped } from '../backend/state.js';
import {
  checkChoice,
  checkDecay,
  checkInteger,
  checkNonNegative,
  checkOptions,
  checkPositive,
} from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import { foldIn, type RandomKey, randomKey } from '../core/random.js';
import type { Workspace } from '../core/workspace.js';
import { MovingAverage } from '../covariance/moving-average.js';
import { scale } from '../kernels/level1.js';
import { type Eigenpairs, nystromEigenpairs, referenceEigenpairs } from '../nystrom/factor.js';
import { checkDamping, effectiveDimension, lowRankInverse } from '../nystrom/inverse.js';
import { EngineSketch } from '../sketch/engine-sketch.js';
import { drawSketch, type Sketch, type SketchKind, type SketchShape } from '../sketch/sketch.js';
import { FoofLayer } from './foof.js';
import {
  checkObservation,
  type Diagnostics,
  type LayerPreconditioner,
  type LayerShape,
  type Observation,
  type Preconditioner,
} from './preconditioner.js';
import { DEFAULT_MAX_FAILURES, RefreshDriver } from './refresh.js';

/** A source of sketches other than the seeded one: the same arguments must give the same sketch. */
export type SketchSource = <D extends DType>(request: {
  readonly layer: number;
  /** 0 for the first sketch of the layer, 1 for the next… */
  readonly draw: number;
  readonly shape: SketchShape;
  readonly dtype: D;
}) => Sketch<D>;

interface SharedOptions {
  /** r ≥ 1 (default 10). A layer with p ≤ r inputs gets the exact inverse instead. */
  readonly rank?: number;
  /** ρ > 0 (default 1). */
  readonly damping?: number;
  /** β of the moving average, in [0, 1]; 1 is the plain mean of a window (default 0.95). */
  readonly decay?: number;
  /** NysAct-G ('gaussian', the default), NysAct-S ('subcolumn'), or sketches of one's own. */
  readonly sketch?: SketchKind | SketchSource;
  /** Seed of the sketches, a non-negative integer (default 0). */
  readonly seed?: number;
  /** Breakdowns in a row that are survived before an error (default 5). */
  readonly maxFailures?: number;
}

/** Options of the `corrected` variant. */
export interface CorrectedNysactOptions extends SharedOptions {
  readonly variant?: 'corrected';
  /**
   * When a new sketch is drawn: 'restart' (default) opens a new window after every refresh, 'fixed'
   * keeps one sketch for ever; advised where a window would see few observations.
   */
  readonly policy?: 'restart' | 'fixed';
  /** The eigenvalue shift ν: 'tiny' (default) is at rounding level, 'damping' is ρ, or ν itself. */
  readonly shift?: 'tiny' | 'damping' | number;
  /** s ≥ 0: sketch with r + s columns and keep the r largest eigenvalues (default 0). */
  readonly oversample?: number;
  /** Let the discarded spectrum count, see `InverseOptions.trace` (default false). */
  readonly tail?: boolean;
}

/** Options of the `reference` variant: what the paper's published code computes. */
export interface ReferenceNysactOptions extends SharedOptions {
  readonly variant: 'reference';
}

/** Options of {@link nysactPreconditioner}. */
export type NysactOptions = CorrectedNysactOptions | ReferenceNysactOptions;

/**
 * NysAct: P = G(Â + ρI)⁻¹ where Â approximates the moving average Ā of XᵀX/m from its sketch
 * C = ĀS of r columns; Ā itself is never formed.
 *
 * `corrected` holds S over a window, so that C really is ĀS; it averages C with its own bias
 * correction and factorises it with a shift of rounding size (see {@link nystromEigenpairs}).
 * `reference` draws a new S at every observation and never restarts the average, as the paper's
 * published code does. In both, a layer with p ≤ r gets the exact inverse.
 *
 * Per layer: 3pr numbers of memory (2pr for subcolumns); observe O(mpr), refresh O(pr² + r³),
 * precondition O(qpr). Source: NysAct, Algorithm 1; departures in docs/departures.md.
 *
 * @throws RangeError on options out of range, TypeError where they are no object.
 */
export function nysactPreconditioner(options: NysactOptions = {}): Preconditioner {
  const settings = resolve(options);
  return {
    name: settings.name,
    observesGradients: false,
    gain: 1 / settings.damping,
    init(engine, layers) {
      checkDamping('nysact', settings.damping, engine.dtype);
      return layers.map((layer, index) => {
        const { inputs: p } = layer;
        const { damping, decay, maxFailures } = settings;
        if (p > settings.rank) return new NysactLayer(engine, layer, index, settings);
        return new FoofLayer(engine, layer, {
          damping,
          average: new MovingAverage(engine, p, p, decay),
          initialScale: 1 / damping,
          skippedRefreshes: 0,
          maxFailures,
        });
      });
    },
  };
}

/** Options as the layers use them. */
interface Settings {
  readonly name: string;
  readonly rank: number;
  readonly damping: number;
  readonly decay: number;
  readonly draw: SketchSource;
  readonly maxFailures: number;
  readonly oversample: number;
  readonly tail: boolean;
  /** A new sketch and a new average after every refresh. */
  readonly restarts: boolean;
  /** A new sketch at every observation. */
  readonly redrawsAlways: boolean;
  /** Within a scope of the workspace, where U may lie. */
  eigenpairs<D extends DType>(
    C: DenseMatrix<D>,
    sketch: Sketch<D>,
    workspace: Workspace,
  ): Eigenpairs;
}

function resolve(options: NysactOptions): Settings {
  checkOptions('nysact', options);
  const { rank = 10, damping = 1, decay = 0.95, sketch = 'gaussian', seed = 0 } = options;
  const { maxFailures = DEFAULT_MAX_FAILURES } = options;
  checkInteger('nysact', 'rank', rank, 1);
  checkPositive('nysact', 'damping', damping);
  checkDecay('nysact', 'decay', decay);
  checkInteger('nysact', 'maxFailures', maxFailures, 1);
  checkChoice('nysact', 'variant', options.variant ?? 'corrected', ['corrected', 'reference']);
  if (typeof sketch !== 'function')
    checkChoice('nysact', 'sketch', sketch, ['gaussian', 'subcolumn']);
  const shared = {
    name: typeof sketch === 'string' ? `nysact-${sketch}` : 'nysact',
    rank,
    damping,
    decay,
    draw: typeof sketch === 'string' ? seededSketches(sketch, randomKey(seed)) : sketch,
    maxFailures,
  };
  if (options.variant === 'reference') {
    return {
      ...shared,
      oversample: 0,
      tail: false,
      restarts: false,
      redrawsAlways: true,
      eigenpairs: (C, S, workspace) => referenceEigenpairs(C, S, damping, workspace),
    };
  }
  const { policy = 'restart', shift = 'tiny', oversample = 0, tail = false } = options;
  checkChoice('nysact', 'policy', policy, ['restart', 'fixed']);
  if (typeof shift === 'number') checkNonNegative('nysact', 'shift', shift);
  else checkChoice('nysact', 'shift', shift, ['tiny', 'damping']);
  checkInteger('nysact', 'oversample', oversample);
  const pairOptions = { rank, shift: shift === 'damping' ? damping : shift };
  return {
    ...shared,
    oversample,
    tail,
    restarts: policy === 'restart',
    redrawsAlways: false,
    eigenpairs(C, S, workspace) {
      const U = workspace.take('float64', S.inputs, rank);
      return nystromEigenpairs(C, S, { ...pairOptions, U }, workspace);
    },
  };
}

/** Every layer and every draw has its own stream of random numbers. */
function seededSketches(kind: SketchKind, key: RandomKey): SketchSource {
  return ({ layer, draw, shape, dtype }) =>
    drawSketch(kind, shape, dtype, foldIn(foldIn(key, layer), draw));
}

class NysactLayer<D extends DType> implements LayerPreconditioner<D> {
  readonly #engine: Engine<D>;
  readonly #layer: LayerShape;
  readonly #settings: Settings;
  readonly #sketch: EngineSketch<D>;
  readonly #C: MovingAverage<D>;
  readonly #trace: MovingAverage<D> | undefined;
  readonly #V: Slot<D>;
  readonly #refresh: RefreshDriver<D>;
  #c: number;
  #found: Omit<Diagnostics, 'failures'> = {};

  constructor(engine: Engine<D>, layer: LayerShape, index: number, settings: Settings) {
    const { name, inputs } = layer;
    const { rank, oversample, decay, damping, tail, maxFailures } = settings;
    const shape = { inputs, width: Math.min(rank + oversample, inputs) };
    const { dtype } = engine;
    this.#engine = engine;
    this.#layer = layer;
    this.#settings = settings;
    this.#sketch = new EngineSketch(engine, shape, (draw) =>
      settings.draw({ layer: index, draw, shape, dtype }),
    );
    this.#C = new MovingAverage(engine, inputs, shape.width, decay);
    this.#trace = tail ? new MovingAverage(engine, 1, 1, decay) : undefined;
    this.#V = engine.allocate(inputs, rank);
    this.#c = damping;
    this.#refresh = new RefreshDriver(engine, `layer '${name}'`, maxFailures);
  }

  observe(observation: Observation<D>): void {
    checkObservation(this.#layer, observation);
    const { X, rows } = observation;
    if (this.#settings.redrawsAlways && this.#C.updates > 0) this.#sketch.redraw();
    this.#C.update(rows, (weight, decay, C) =>
      this.#engine.sketchMoment(X, this.#sketch.operand, weight, decay, C),
    );
    this.#trace?.update(rows, (weight, decay, trace) =>
      this.#engine.innerProduct(weight, X, X, decay, trace),
    );
  }

  refresh(): void {
    if (this.#C.updates === 0 || this.#refresh.inFlight) return;
    const { correction } = this.#C;
    const { restarts } = this.#settings;
    const { operand, reads } = this.#sketch;
    const traces = this.#trace === undefined ? [] : [this.#trace.slot];
    try {
      this.#refresh.run({
        reads: [this.#C.slot, ...reads, ...traces],
        compute: ([C, ...rest], workspace) => {
          scale(correction, C);
          const trace = rest.at(reads.length)?.at(0, 0);
          return this.#invert(
            C,
            this.#sketch.onHost(operand, rest),
            trace === undefined ? undefined : trace * correction,
            workspace,
          );
        },
        // A window that restarts is closed below, perhaps long before its read arrives.
        discard: () => {
          if (!restarts) this.#forget();
        },
      });
    } finally {
      // A refresh that gives up closes its window too: with the same sketch it would fail again.
      if (restarts) {
        this.#forget();
        this.#sketch.redraw();
      }
    }
  }

  flush(): Promise<void> {
    return this.#refresh.flush();
  }

  precondition(G: Slot<D>, P: Slot<D>): void {
    this.#engine.applyLowRankInverse(G, this.#V, this.#c, P);
  }

  get diagnostics(): Diagnostics {
    return { failures: this.#refresh.failures, ...this.#found };
  }

  get state(): readonly StateEntry<D>[] {
    return [
      ...scoped('C', this.#C.state),
      ...scoped('sketch', this.#sketch.state),
      ...(this.#trace === undefined ? [] : scoped('trace', this.#trace.state)),
      { name: 'V', slot: this.#V },
      {
        name: 'c',
        check: checkPositive,
        get: () => this.#c,
        set: (value) => {
          this.#c = value;
          this.#found = {};
        },
      },
      ...scoped('refresh', this.#refresh.state),
    ];
  }

  #invert(
    C: DenseMatrix<D>,
    sketch: Sketch<D>,
    trace: number | undefined,
    workspace: Workspace,
  ): () => void {
    const { damping } = this.#settings;
    const options = trace === undefined ? { damping } : { damping, trace };
    const { V, c, shift, retries, eigenvalues } = workspace.scope(() => {
      const pairs = this.#settings.eigenpairs(C, sketch, workspace);
      return { ...pairs, ...lowRankInverse(pairs, this.#engine.dtype, options) };
    });
    return () => {
      this.#engine.write(this.#V, V);
      this.#c = c;
      this.#found = {
        shift,
        retries,
        eigenvalues,
        effectiveDimension: effectiveDimension(eigenvalues, damping),
      };
    };
  }

  #forget(): void {
    this.#C.reset();
    this.#trace?.reset();
  }
}
