// A moving average of a matrix-valued statistic, with its bias correction and its merge.

import type { Backend, Slot } from '../backend/backend.js';
import {
  Cell,
  type MatrixState,
  ResizableMatrix,
  type StateEntry,
  type Stateful,
} from '../backend/state.js';
import { checkInteger, checkNonNegative } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { power } from '../core/elementary.js';
import { type DenseMatrix, zeros } from '../core/matrix.js';
import { scale } from '../kernels/level1.js';

/** An average of a matrix-valued statistic that lives on a backend. */
export interface Average<D extends DType> extends Stateful<D> {
  readonly slot: Slot<D>;
  /** Updates so far. */
  readonly updates: number;
  /** The factor that turns what the slot holds into the estimate. */
  readonly correction: number;
  /**
   * One update. `accumulate(weight, decay, slot)` must enqueue slot ← decay·slot + weight·sum, the
   * sum over `rows` rows; with decay 0 it must not read what the slot held.
   */
  update(rows: number, accumulate: (weight: number, decay: number, slot: Slot<D>) => void): void;
  /** Forgets everything. */
  reset(): void;
  /** Makes room for so many columns, and forgets everything. Absent where their number stays. */
  resize?(cols: number): void;
}

/** How far an average is. */
export interface Progress {
  readonly updates: number;
  /** What the rows of an update have been, averaged like the statistic. */
  readonly rows: number;
}

/**
 * The moving average M ← βM + (1−β)·New, started from 0, of a statistic New = sum/rows (for example
 * XᵀX/m), and its bias-corrected value M̂ = M/(1−βᵗ) with t the updates since the last
 * {@link reset}. β = 1 is the limit of that value: the plain mean over all rows seen.
 *
 * Memory: one slot. Departure from the paper: its Algorithm 1 (line 10) corrects with
 * 1 − β^(k mod τ), which is 0 whenever τ divides k; t counts this average's own updates.
 */
export class MovingAverage<D extends DType> implements Average<D> {
  readonly decay: number;
  readonly #matrix: ResizableMatrix<D>;
  readonly #backend: Backend<D>;
  readonly #updates = new Cell(0, checkInteger);
  // What `rows` has been, averaged like M itself: the weight of this average in a merge.
  readonly #rows = new Cell(0, checkNonNegative);

  /** `check` guards what is restored, where not every finite matrix will do. */
  constructor(
    backend: Backend<D>,
    rows: number,
    cols: number,
    decay: number,
    check?: MatrixState<D>['check'],
  ) {
    this.#backend = backend;
    this.#matrix = new ResizableMatrix(backend, rows, cols, { check });
    this.decay = decay;
  }

  get slot(): Slot<D> {
    return this.#matrix.slot;
  }

  /** Updates since the average was started or reset. */
  get updates(): number {
    return this.#updates.value;
  }

  /** 1/(1−βᵗ), the factor that turns M into M̂; 1 for β = 1. Infinite before the first update. */
  get correction(): number {
    if (this.#updates.value === 0) return Number.POSITIVE_INFINITY;
    return this.decay === 1 ? 1 : 1 / (1 - power(this.decay, this.#updates.value));
  }

  get progress(): Progress {
    return { updates: this.#updates.value, rows: this.#rows.value };
  }

  update(rows: number, accumulate: (weight: number, decay: number, slot: Slot<D>) => void): void {
    const first = this.#updates.value === 0;
    if (this.decay === 1) {
      const total = this.#rows.value + rows;
      accumulate(1 / total, first ? 0 : this.#rows.value / total, this.slot);
      this.#rows.value = total;
    } else {
      const fresh = 1 - this.decay;
      accumulate(fresh / rows, first ? 0 : this.decay, this.slot);
      this.#rows.value = this.decay * this.#rows.value + fresh * rows;
    }
    this.#updates.value += 1;
  }

  /** Forgets everything: t = 0. */
  reset(): void {
    // The content would not be read again, but it is state: NaN in it could not be restored.
    const { rows, cols } = this.slot;
    this.#backend.write(this.slot, zeros(this.#backend.dtype, rows, cols));
    this.#updates.value = 0;
    this.#rows.value = 0;
  }

  resize(cols: number): void {
    this.#matrix.resize(cols);
    this.reset();
  }

  /** Goes on from what an earlier {@link progress} was, as if M̂ had been `estimate` then; it is overwritten. */
  resume({ updates, rows }: Progress, estimate: DenseMatrix<D>): void {
    this.#updates.value = updates;
    this.#rows.value = rows;
    scale(1 / this.correction, estimate);
    this.#backend.write(this.slot, estimate);
  }

  /**
   * Makes this the average over the union of both batches at every update: the mean of the two,
   * weighted by rows. Exact (to rounding) for β = 1, and for β < 1 where the two saw rows in the
   * same proportion at every update. `other` stays as it is.
   *
   * @throws RangeError where the decays, or (β < 1) the numbers of updates, differ.
   */
  merge(other: MovingAverage<D>): void {
    if (other.decay !== this.decay) {
      throw new RangeError(`merge: decay is ${other.decay}, expected ${this.decay}`);
    }
    if (this.decay < 1 && other.updates !== this.updates) {
      throw new RangeError(`merge: ${other.updates} updates, expected ${this.updates}`);
    }
    if (other.#updates.value === 0) return;
    const total = this.#rows.value + other.#rows.value;
    this.#backend.axpby(other.#rows.value / total, other.slot, this.#rows.value / total, this.slot);
    this.#rows.value = total;
    this.#updates.value = Math.max(this.#updates.value, other.#updates.value);
  }

  get state(): readonly StateEntry<D>[] {
    return [
      { name: 'average', holds: this.#matrix },
      { name: 'updates', holds: this.#updates },
      { name: 'rows', holds: this.#rows },
    ];
  }
}
