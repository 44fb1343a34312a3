// The averages of a layer: a list of statistics, and the sketch that some are taken with.

import type { Backend, Slot } from '../backend/backend.js';
import {
  freeState,
  type RestoreGuard,
  type StateEntry,
  type Stateful,
  scoped,
} from '../backend/state.js';
import { checkDecay, checkFunction } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import type { SketchOf } from '../kernels/kernels.js';
import { scale } from '../kernels/level1.js';
import { HeldSketch, type NumberedSketches } from '../sketch/held-sketch.js';
import type { SketchShape } from '../sketch/shape.js';
import type { Sketch } from '../sketch/sketch.js';
import { type Average, MovingAverage, type Progress } from './moving-average.js';
import type { Rows } from './rows.js';

/** What one batch shows of one layer. What a method does not need may be missing. */
export interface Batch<D extends DType> {
  /** What entered the layer, m×p. */
  readonly X?: Rows<D> | undefined;
  /** The gradients of the mean loss with respect to the pre-activations, m×q, row by row as X. */
  readonly D?: Rows<D> | undefined;
  /** The gradient of the layer's weight, q×p, the bias column included. */
  readonly G?: Slot<D> | undefined;
  /** How many examples the mean loss averages: a mean loss times this is a sum over examples. */
  readonly examples: number;
}

/** A batch as a statistic sees it: what is missing is an error where it is asked for. */
export interface Seen<D extends DType> {
  readonly backend: Backend<D>;
  readonly X: Rows<D>;
  readonly D: Rows<D>;
  readonly G: Slot<D>;
  readonly examples: number;
  /** The sketch of the window. */
  readonly S: SketchOf<Slot<D>>;
  /** Updates of the average before this one. */
  readonly updates: number;
}

/** Makes an average, that of {@link movingAverage} for the most part. */
export type Averaging = <D extends DType>(
  backend: Backend<D>,
  rows: number,
  cols: number,
) => Average<D>;

/** A matrix that is summed over the rows of a batch, and averaged over batches. */
export interface Statistic<Name extends string = string> {
  readonly name: Name;
  readonly rows: number;
  readonly cols: number;
  readonly average: Averaging;
  /** What one update is a mean over: the rows of a batch (default), or the batch itself. */
  readonly per?: 'row' | 'batch';
  /** M ← decay·M + weight·(the sum over the rows). */
  of<D extends DType>(seen: Seen<D>, weight: number, decay: number, M: Slot<D>): void;
}

/**
 * The moving average of Algorithm 1. `check` guards what is restored.
 *
 * @throws RangeError unless β is in [0, 1], TypeError where `check` is no function.
 */
export function movingAverage(decay: number, check?: RestoreGuard<DenseMatrix>): Averaging {
  checkDecay('movingAverage', 'decay', decay);
  if (check !== undefined) checkFunction('movingAverage', 'check', check);
  return (backend, rows, cols) => new MovingAverage(backend, rows, cols, decay, check);
}

/** Estimates by the names of their statistics. */
export type Averages<D extends DType, Name extends string = string> = Readonly<
  Record<Name, DenseMatrix<D>>
>;

/** What the averages say, and the sketch they were taken with: an error where there is none. */
export interface Estimates<D extends DType> {
  readonly averages: Averages<D>;
  readonly sketch: Sketch<D>;
}

/** What a refresh reads: slots now, and what they will be once they are on the host. */
export interface Reading<D extends DType> {
  readonly slots: readonly Slot<D>[];
  /** Bias-corrected estimates, in the memory of the matrices, and the sketch they were taken with. */
  onHost(this: void, matrices: readonly DenseMatrix<D>[]): Estimates<D>;
  /**
   * The averages go on from the moment of the reading, as if these had been its estimates, which are
   * overwritten. What was observed since is forgotten.
   *
   * @throws RangeError where an average is no moving average; nothing has changed then.
   */
  resume(this: void, estimates: Averages<D>): void;
}

/** What the first batch of a window makes of its sketch, in place, before anything is sketched with it. */
export type Opening = <D extends DType>(seen: Seen<D>) => void;

/** The sketches of an accumulator. */
export interface AccumulatorSketch<D extends DType> {
  readonly shape: SketchShape;
  readonly source: NumberedSketches<D>;
  /** Absent where a sketch is held as it is drawn. */
  readonly open?: Opening | undefined;
}

/** The averages of one layer, all updated by the same batches. */
export class Accumulator<D extends DType> implements Stateful<D> {
  readonly #backend: Backend<D>;
  readonly #statistics: readonly Statistic[];
  readonly #averages: readonly Average<D>[];
  readonly #sketch: HeldSketch<D> | undefined;
  readonly #open: Opening | undefined;

  constructor(
    backend: Backend<D>,
    statistics: readonly Statistic[],
    sketch?: AccumulatorSketch<D>,
  ) {
    this.#backend = backend;
    this.#statistics = statistics;
    this.#averages = statistics.map(({ rows, cols, average }) => average(backend, rows, cols));
    this.#sketch =
      sketch === undefined ? undefined : new HeldSketch(backend, sketch.shape, sketch.source);
    this.#open = sketch?.open;
  }

  /** Updates since the averages were started or reset. */
  get updates(): number {
    return this.#averages[0]?.updates ?? 0;
  }

  /** A batch as statistics see it. */
  see(batch: Batch<D>, updates: number = this.updates): Seen<D> {
    return new SeenBatch(this.#backend, batch, this.#sketch?.operand, updates);
  }

  /** Folds one batch in. */
  observe(batch: Batch<D>): void {
    if (this.updates === 0) this.#open?.(this.see(batch));
    this.#statistics.forEach((statistic, index) => {
      const average = this.#averages[index];
      const seen = this.see(batch, average.updates);
      const count = statistic.per === 'batch' ? 1 : seen.X.count;
      average.update(count, (weight, decay, M) => statistic.of(seen, weight, decay, M));
    });
  }

  /** What the averages are at this moment, to be read. */
  reading(): Reading<D> {
    const sketch = this.#sketch;
    const { operand, reads = [] } = sketch ?? {};
    const corrections = this.#averages.map(({ correction }) => correction);
    const moving = this.#averages.filter((average) => average instanceof MovingAverage);
    const progress = moving.map((average) => average.progress);
    return {
      slots: [...this.#averages.map(({ slot }) => slot), ...reads],
      onHost: (matrices) => {
        const averages = this.#statistics.map(({ name }, index): [string, DenseMatrix<D>] => [
          name,
          matrices[index],
        ]);
        // Nothing was averaged yet: there is nothing to correct.
        if (this.#statistics.length > 0 && Number.isFinite(corrections[0])) {
          corrections.forEach((correction, index) => {
            scale(correction, matrices[index]);
          });
        }
        const rest = matrices.slice(corrections.length);
        return {
          averages: Object.fromEntries(averages),
          get sketch() {
            const drawn = operand === undefined ? undefined : sketch?.onHost(operand, rest);
            return present('a sketch', drawn);
          },
        };
      },
      resume: (estimates) => this.#resume(this.#moving('resume'), progress, estimates),
    };
  }

  /** The averages as they lie on the backend, by name: for methods that use them as they are. */
  get held(): Readonly<Record<string, Average<D>>> {
    return Object.fromEntries(
      this.#statistics.map(({ name }, index) => [name, this.#averages[index]]),
    );
  }

  /** Forgets the averages; the sketch stays. */
  reset(): void {
    for (const average of this.#averages) average.reset();
  }

  /**
   * Draws the next sketch and gives it, from a source other than the own one where it follows what was found
   * with the last, and of another width if one is given. The averages are of the old one: reset them too.
   *
   * @throws RangeError where there is no sketch.
   */
  redraw(source?: NumberedSketches<D>, width?: number): Sketch<D> {
    if (this.#sketch === undefined) throw new RangeError('redraw: there is no sketch');
    return this.#sketch.redraw(source, width);
  }

  /** Forgets the averages, and makes room for those of `statistics`: the same, of other numbers of columns. */
  resize(statistics: readonly Statistic[]): void {
    statistics.forEach(({ cols }, index) => {
      this.#averages[index].resize?.(cols);
    });
  }

  /**
   * An accumulator of the same statistics for a next window with this sketch, of any form, held as it is. Its
   * averages start from nothing, or where those of this one are, as if `estimates` had been theirs, which are
   * overwritten. This one stays as it is.
   *
   * @throws RangeError where the sketch does not fit, or an average that goes on is no moving average.
   */
  next(sketch: Sketch<D>, estimates?: Averages<D>): Accumulator<D> {
    const { inputs, width } = sketch;
    const moving = estimates === undefined ? [] : this.#moving('next');
    const next = new Accumulator(this.#backend, this.#statistics, {
      shape: { inputs, width },
      source: () => sketch,
    });
    if (estimates !== undefined) {
      const progress = moving.map((average) => average.progress);
      this.#resume(next.#moving('next'), progress, estimates);
    }
    return next;
  }

  /**
   * Folds in what another accumulator of the same statistics and sketch has seen, see
   * {@link MovingAverage.merge}.
   *
   * @throws RangeError where the averages do not fit; nothing has changed then.
   */
  merge(other: Accumulator<D>): void {
    const theirs = other.#moving('merge');
    this.#moving('merge').forEach((average, index) => {
      average.merge(theirs[index]);
    });
  }

  get state(): readonly StateEntry<D>[] {
    return [
      ...this.#statistics.flatMap(({ name }, index) => scoped(name, this.#averages[index].state)),
      ...(this.#sketch === undefined ? [] : scoped('sketch', this.#sketch.state)),
    ];
  }

  /** Frees every slot. */
  dispose(): void {
    freeState(this.#backend, this.state);
  }

  #moving(where: string): readonly MovingAverage<D>[] {
    return this.#averages.map((average) => {
      if (average instanceof MovingAverage) return average;
      throw new RangeError(`${where}: an average is of another kind, expected moving averages`);
    });
  }

  #resume(
    moving: readonly MovingAverage<D>[],
    progress: readonly Progress[],
    estimates: Averages<D>,
  ): void {
    moving.forEach((average, index) => {
      average.resume(progress[index], estimates[this.#statistics[index].name]);
    });
  }
}

class SeenBatch<D extends DType> implements Seen<D> {
  readonly backend: Backend<D>;
  readonly updates: number;
  readonly #batch: Batch<D>;
  readonly #S: SketchOf<Slot<D>> | undefined;

  constructor(
    backend: Backend<D>,
    batch: Batch<D>,
    S: SketchOf<Slot<D>> | undefined,
    updates: number,
  ) {
    this.backend = backend;
    this.updates = updates;
    this.#batch = batch;
    this.#S = S;
  }

  get examples(): number {
    return this.#batch.examples;
  }

  get X(): Rows<D> {
    return present('X, the inputs of the layer', this.#batch.X);
  }

  get D(): Rows<D> {
    return present('D, the gradients of the pre-activations', this.#batch.D);
  }

  get G(): Slot<D> {
    return present('G, the gradient of the weight', this.#batch.G);
  }

  get S(): SketchOf<Slot<D>> {
    return present('S, a sketch', this.#S);
  }
}

function present<T>(name: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new RangeError(`observe: ${name} is missing`);
}
