// The one driver of every method: observes a layer, refreshes its inverse, and preconditions.

import type { Backend, Slot } from '../backend/backend.js';
import {
  Cell,
  freeState,
  type MatrixState,
  type StateEntry,
  type Stateful,
  scoped,
  stateBytes,
} from '../backend/state.js';
import { checkInteger, checkShape } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import type { Workspace } from '../core/workspace.js';
import type { Warning } from '../nystrom/certificate.js';
import { Accumulator, type Batch, type Reading } from '../rows/accumulator.js';
import type { Curvature, Found, LastWindow, LayerShape, Method } from './method.js';
import { RefreshDriver } from './refresh.js';

/**
 * A layer as it is preconditioned, and what its refreshes have found so far: of that only the counts are
 * known after a restore.
 */
export interface Diagnostics {
  /** The name of the layer. */
  readonly layer: string;
  /** p, the bias column included. */
  readonly inputs: number;
  /** q. */
  readonly outputs: number;
  /** r, where the inverse is of low rank. */
  readonly rank: number | undefined;
  /** Bytes of the averages, the sketch and the inverse. */
  readonly bytes: number;
  /** Refreshes that broke down, in all. */
  readonly failures: number;
  /** Refreshes that put an inverse in place, in all. */
  readonly refreshes: number;
  /** What the method reports of the last one, by name. */
  readonly found: Found;
  /** What the last one warns of. */
  readonly warnings: readonly Warning[];
}

/** A part of the inverse where it is kept. */
type Part<D extends DType> = MatrixState<D> | Cell;

/**
 * The preconditioner of one layer. `observe` and `precondition` only enqueue work on the backend;
 * `refresh` alone reads from it. A refresh that breaks down keeps the last good inverse.
 */
export class LayerPreconditioner<D extends DType> implements Stateful<D> {
  readonly #backend: Backend<D>;
  readonly #layer: LayerShape;
  readonly #curvature: Curvature;
  readonly #workspace: Workspace;
  readonly #averages: Accumulator<D>;
  readonly #inverse: ReadonlyMap<string, Part<D>>;
  readonly #refresh: RefreshDriver<D>;
  /** Observations since the last window was closed, where its average is carried. */
  readonly #unseen = new Cell(0, checkInteger, () => this.#refresh.inFlight);
  readonly #refreshes = new Cell(0, checkInteger, () => this.#refresh.inFlight);
  #found: Found = {};
  #warnings: readonly Warning[] = [];

  constructor(
    backend: Backend<D>,
    layer: LayerShape,
    { maxFailures }: Method,
    curvature: Curvature,
    workspace: Workspace,
  ) {
    const { statistics, sketch, inverse } = curvature;
    const { dtype } = backend;
    this.#backend = backend;
    this.#layer = layer;
    this.#curvature = curvature;
    this.#workspace = workspace;
    this.#refresh = new RefreshDriver(backend, `layer '${layer.name}'`, maxFailures);
    this.#averages = new Accumulator(
      backend,
      statistics,
      sketch === undefined ? undefined : { ...sketch, source: (draw) => sketch.draw(draw, dtype) },
    );
    this.#inverse = new Map(
      Object.entries(inverse).map(([name, part]) => [name, this.#keep(part)]),
    );
  }

  /** A bound of ‖P‖F/‖G‖F. */
  get gain(): number {
    return this.#curvature.gain;
  }

  /** Folds one batch into the averages. */
  observe(batch: Batch<D>): void {
    this.#averages.observe(batch);
    this.#unseen.value += 1;
  }

  /**
   * Makes a new inverse from the averages. If the backend reads asynchronously, it takes effect when the
   * read resolves. Does nothing if nothing was observed or a refresh is in flight.
   */
  refresh(): void {
    const averages = this.#averages;
    if (averages.updates === 0 || this.#refresh.inFlight !== undefined) return;
    // What is carried was refreshed already, unless something was observed since.
    if (this.#carries && this.#unseen.value === 0) return;
    const { updates } = averages;
    const reading = averages.reading();
    const { closes = 'never', open } = this.#curvature.sketch ?? {};
    try {
      this.#refresh.run({
        reads: reading.slots,
        compute: (matrices) => this.#factorise(reading, matrices, updates),
        // A refresh that breaks down closes its window too: with the same sketch it would fail again.
        failed: (areFinite) => {
          if (closes === 'factored') this.#restart();
          else if (closes === 'never' && !areFinite) {
            // A sketch that a batch has made may not be finite either.
            if (open === undefined) averages.reset();
            else this.#restart();
          }
        },
      });
    } finally {
      // Perhaps long before the read arrives.
      if (closes === 'read') this.#restart();
    }
  }

  /** Resolves when no refresh is in flight. */
  flush(): Promise<void> {
    return this.#refresh.flush();
  }

  /** Lets go of a refresh that is in flight. */
  abandon(): void {
    this.#refresh.abandon();
    this.#found = {};
    this.#warnings = [];
  }

  /**
   * P ← the preconditioned G (both q×p). Before the first good refresh the curvature counts as 0.
   *
   * @throws RangeError where a shape does not fit or P is G, whatever the method's formula would take.
   */
  precondition(G: Slot<D>, P: Slot<D>): void {
    const { inputs, outputs } = this.#layer;
    checkShape('precondition', 'G', G, outputs, inputs);
    checkShape('precondition', 'P', P, outputs, inputs);
    if (P === G) {
      throw new RangeError('precondition: P is the slot of G too, expected one of its own');
    }
    const worksFromAverages = this.#curvature.factorise === undefined;
    const done = worksFromAverages ? this.#averages.updates : this.#refreshes.value;
    if (done === 0) {
      this.#backend.axpby(this.#curvature.flat, G, 0, P);
      return;
    }
    const held: Record<string, Slot<D> | number> = {};
    for (const [name, part] of this.#inverse) {
      held[name] = part instanceof Cell ? part.value : part.slot;
    }
    this.#curvature.apply(this.#backend, G, held, P, this.#averages.held);
  }

  get diagnostics(): Diagnostics {
    const { name: layer, inputs, outputs } = this.#layer;
    return {
      layer,
      inputs,
      outputs,
      rank: this.#curvature.rank,
      bytes: stateBytes(this.state),
      failures: this.#refresh.failures,
      refreshes: this.#refreshes.value,
      found: this.#found,
      warnings: this.#warnings,
    };
  }

  get state(): readonly StateEntry<D>[] {
    // A window that its factor closes changes with it.
    const pending = this.#follows ? () => this.#refresh.inFlight : undefined;
    return [
      ...this.#averages.state.map((entry) =>
        pending === undefined ? entry : { ...entry, pending },
      ),
      ...(this.#carries ? [{ name: 'unseen', holds: this.#unseen }] : []),
      ...[...this.#inverse].map(([name, holds]) => ({ name: `inverse/${name}`, holds })),
      { name: 'refreshes', holds: this.#refreshes },
      ...scoped('refresh', this.#refresh.state),
    ];
  }

  /** Frees every slot. */
  dispose(): void {
    this.abandon();
    freeState(this.#backend, this.state);
  }

  /** Opens a window that follows nothing. */
  #restart(): void {
    this.#averages.reset();
    this.#averages.redraw();
    this.#unseen.value = 0;
  }

  /** Whether a window is closed when its factor is in place. */
  get #follows(): boolean {
    return this.#curvature.sketch?.closes === 'factored';
  }

  get #carries(): boolean {
    return this.#curvature.sketch?.carry !== undefined;
  }

  /** Opens the window that follows a factor, or that begins where its own one ended. */
  #follow(last: LastWindow<D>, reading: Reading<D>): void {
    const { sketch } = this.#curvature;
    if (sketch === undefined) return;
    const { dtype } = this.#backend;
    const next = this.#averages.redraw((draw) => sketch.draw(draw, dtype, last));
    if (sketch.carry === undefined) this.#averages.reset();
    else reading.resume(sketch.carry(last, next));
    this.#unseen.value = 0;
  }

  #keep(part: Curvature['inverse'][string]): Part<D> {
    const pending = () => this.#refresh.inFlight;
    if ('value' in part) return new Cell(part.value, part.check, pending);
    const { rows, cols, check } = part;
    return { slot: this.#backend.allocate(rows, cols), check, pending };
  }

  /** What puts a new inverse in place. */
  #factorise(
    reading: Reading<D>,
    matrices: readonly DenseMatrix<D>[],
    updates: number,
  ): () => void {
    const curvature = this.#curvature;
    // What works from the averages themselves has only been looked at for NaN.
    if (curvature.factorise === undefined) return () => {};
    const estimates = reading.onHost(matrices);
    const {
      inverse,
      found = {},
      warnings = [],
      factor,
    } = curvature.factorise(estimates.averages, {
      dtype: this.#backend.dtype,
      get sketch() {
        return estimates.sketch;
      },
      updates,
      refreshes: this.#refreshes.value,
      workspace: this.#workspace,
    });
    return () => {
      if (factor !== undefined && curvature.sketch?.closes === 'factored') {
        this.#follow({ pairs: factor, averages: estimates.averages }, reading);
      }
      for (const [name, part] of this.#inverse) {
        const value = inverse[name];
        if (part instanceof Cell && typeof value === 'number') part.value = value;
        else if ('slot' in part && typeof value === 'object') this.#backend.write(part.slot, value);
      }
      this.#refreshes.value += 1;
      this.#found = found;
      this.#warnings = warnings;
    };
  }
}
