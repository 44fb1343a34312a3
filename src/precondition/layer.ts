// The one driver of every method: observes a layer, refreshes its inverse, and preconditions.

import type { Backend, Slot } from '../backend/backend.js';
import {
  Cell,
  freeState,
  ResizableMatrix,
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
import type { Sketch } from '../sketch/sketch.js';
import type { Curvature, Found, LastWindow, LayerShape, Method } from './method.js';
import { RefreshDriver } from './refresh.js';

/**
 * A layer as it is preconditioned, and what its refreshes have found so far: of that only the counts are
 * known after a restore, and what the method reports of itself.
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
  /** What the method reports of the last one, by name: `damping`, the ρ of this layer, for all of ours. */
  readonly found: Found;
  /** What the last one warns of. */
  readonly warnings: readonly Warning[];
}

/** A part of the inverse where it is kept. */
type Part<D extends DType> = ResizableMatrix<D> | Cell;

/**
 * The preconditioner of one layer. `observe` and `precondition` only enqueue work on the backend;
 * `refresh` alone reads from it. A refresh that breaks down keeps the last good inverse.
 */
export class LayerPreconditioner<D extends DType> implements Stateful<D> {
  readonly #backend: Backend<D>;
  readonly #layer: LayerShape;
  readonly #given: Curvature;
  /** The rank in place, where refreshes choose it. */
  readonly #rank: Cell | undefined;
  readonly #ofRank = new Map<number, Curvature>();
  readonly #workspace: Workspace;
  readonly #averages: Accumulator<D>;
  readonly #inverse: ReadonlyMap<string, Part<D>>;
  readonly #refresh: RefreshDriver<D>;
  /** Observations since the last window was closed, where its average is carried. */
  readonly #unseen = new Cell(0, checkInteger, () => this.#refresh.inFlight);
  readonly #refreshes = new Cell(0, checkInteger, () => this.#refresh.inFlight);
  #found: Found;
  #warnings: readonly Warning[] = [];

  constructor(
    backend: Backend<D>,
    layer: LayerShape,
    { maxFailures }: Method,
    curvature: Curvature,
    workspace: Workspace,
  ) {
    const { statistics, sketch, inverse, rank, ranks } = curvature;
    this.#backend = backend;
    this.#layer = layer;
    this.#given = curvature;
    this.#rank =
      rank === undefined || ranks === undefined
        ? undefined
        : new Cell(
            rank,
            (where, name, value) => checkInteger(where, name, value, 1, ranks.most),
            () => this.#refresh.inFlight,
          );
    this.#workspace = workspace;
    this.#refresh = new RefreshDriver(backend, `layer '${layer.name}'`, maxFailures);
    this.#averages = new Accumulator(
      backend,
      statistics,
      sketch === undefined ? undefined : { ...sketch, source: (draw) => this.#draw(draw) },
    );
    this.#found = curvature.found ?? {};
    this.#inverse = new Map(
      Object.entries(inverse).map(([name, part]) => [name, this.#keep(part)]),
    );
  }

  /** A bound of ‖P‖F/‖G‖F. */
  get gain(): number {
    return this.#given.gain;
  }

  /** Whether P is 0 for every G, as no refresh has found anything yet that the damping is in proportion to. */
  get standsStill(): boolean {
    const { factorise, flat } = this.#curvature;
    const tried = this.#refreshes.value + this.#refresh.failures;
    return factorise !== undefined && flat === 0 && tried === 0;
  }

  /** How the layer is preconditioned at the rank that it has. */
  get #curvature(): Curvature {
    return this.#at(this.#rank?.value);
  }

  /** Folds one batch into the averages, and into the inverse in place, if there is one that batches amend. */
  observe(batch: Batch<D>): void {
    this.#averages.observe(batch);
    this.#unseen.value += 1;
    if (this.#refreshes.value > 0) {
      this.#curvature.amend?.(this.#averages.see(batch), this.#held());
    }
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
    this.#found = this.#curvature.found ?? {};
    this.#warnings = [];
  }

  /**
   * P ← the preconditioned G (both q×p). Before the first good refresh it is `flat` times G.
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
    this.#curvature.apply(this.#backend, G, this.#held(), P, this.#averages.held);
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
    const resizable = [
      ...this.#averages.state.map((entry) =>
        pending === undefined ? entry : { ...entry, pending },
      ),
      ...[...this.#inverse].map(([name, holds]) => ({ name: `inverse/${name}`, holds })),
    ];
    return [
      ...(this.#rank === undefined ? [] : [{ name: 'rank', holds: this.#rank }]),
      ...resizable.map((entry) => this.#sized(entry)),
      ...(this.#carries ? [{ name: 'unseen', holds: this.#unseen }] : []),
      { name: 'refreshes', holds: this.#refreshes },
      ...scoped('refresh', this.#refresh.state),
    ];
  }

  /** Frees every slot. */
  dispose(): void {
    this.abandon();
    freeState(this.#backend, this.state);
  }

  /** The inverse in place. */
  #held(): Readonly<Record<string, Slot<D> | number>> {
    const held: Record<string, Slot<D> | number> = {};
    for (const [name, part] of this.#inverse) {
      held[name] = part instanceof Cell ? part.value : part.slot;
    }
    return held;
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

  /** Opens the window that follows a factor, or that begins where its own one ended, of this rank. */
  #follow(last: LastWindow<D>, reading: Reading<D>, rank: number | undefined): void {
    const { sketch, statistics } = this.#at(rank);
    if (sketch === undefined) return;
    const draw = (number: number) => this.#draw(number, last, rank);
    const next = this.#averages.redraw(draw, sketch.shape.width);
    this.#averages.resize(statistics);
    const grows = this.#goesOnWith(rank);
    // What a smaller rank has not seen of the past is lost: carried on, it would count as unseen for long.
    if (sketch.carry === undefined || grows) this.#averages.reset();
    else reading.resume(sketch.carry(last, next));
    this.#unseen.value = 0;
  }

  /** Puts the rank in place, if there is one, and says whether it has grown. */
  #goesOnWith(rank: number | undefined): boolean {
    if (this.#rank === undefined || rank === undefined) return false;
    const grows = rank > this.#rank.value;
    this.#rank.value = rank;
    return grows;
  }

  /** The sketch of a window, of the rank in place unless said. */
  #draw(number: number, last?: LastWindow<D>, rank?: number): Sketch<D> {
    const { sketch } = rank === undefined ? this.#curvature : this.#at(rank);
    if (sketch === undefined) throw new RangeError(`layer '${this.#layer.name}' has no sketch`);
    return sketch.draw(number, this.#backend.dtype, last);
  }

  /** The curvature at a rank; as it was given where nobody chooses one. */
  #at(rank: number | undefined): Curvature {
    const { ranks } = this.#given;
    if (rank === undefined || ranks === undefined) return this.#given;
    const curvature = this.#ofRank.get(rank) ?? ranks.of(rank);
    this.#ofRank.set(rank, curvature);
    return curvature;
  }

  /** The entry of a matrix or list, whose number of columns may follow the rank. */
  #sized(entry: StateEntry<D>): StateEntry<D> {
    const { holds } = entry;
    if (this.#rank === undefined || holds instanceof Cell) return entry;
    const columns = (rank: number) => {
      const { sketch, statistics, inverse } = this.#at(rank);
      const sizes = [
        ...statistics.map(({ name, cols }): [string, number] => [`${name}/average`, cols]),
        ...Object.entries(inverse).flatMap(([name, part]): [string, number][] =>
          'cols' in part ? [[`inverse/${name}`, part.cols]] : [],
        ),
      ];
      const own = new Map(sizes).get(entry.name) ?? sketch?.shape.width;
      if (own === undefined) throw new RangeError(`no size of '${entry.name}' is known`);
      return own;
    };
    return { ...entry, sized: { by: 'rank', columns } };
  }

  #keep(part: Curvature['inverse'][string]): Part<D> {
    const pending = () => this.#refresh.inFlight;
    if ('value' in part) return new Cell(part.value, part.check, pending);
    const { rows, cols, check } = part;
    return new ResizableMatrix(this.#backend, rows, cols, { check, pending });
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
    const made = curvature.factorise(estimates.averages, {
      dtype: this.#backend.dtype,
      get sketch() {
        return estimates.sketch;
      },
      updates,
      refreshes: this.#refreshes.value,
      workspace: this.#workspace,
    });
    if (made === undefined) {
      return () => {
        if (this.#follows) this.#restart();
      };
    }
    const { inverse, found = {}, warnings = [], factor, rank = this.#rank?.value } = made;
    return () => {
      if (factor !== undefined && curvature.sketch?.closes === 'factored') {
        this.#follow({ pairs: factor, averages: estimates.averages }, reading, rank);
      }
      for (const [name, part] of this.#inverse) {
        const value = inverse[name];
        if (part instanceof Cell && typeof value === 'number') part.value = value;
        else if (part instanceof ResizableMatrix && typeof value === 'object') {
          part.resize(value.cols);
          this.#backend.write(part.slot, value);
        }
      }
      this.#refreshes.value += 1;
      this.#found = found;
      this.#warnings = warnings;
    };
  }
}
