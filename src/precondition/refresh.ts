// Reading, factorising and installing: one path for engines that read at once and those that do not.

import type { Engine } from '../backend/engine.js';
import type { Slot } from '../backend/slot.js';
import type { StateEntry, Stateful } from '../backend/state.js';
import { checkInteger } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { isBreakdown, NonFiniteError, PreconditionerError } from '../core/errors.js';
import type { DenseMatrix } from '../core/matrix.js';
import { Workspace } from '../core/workspace.js';
import { frobeniusNorm } from '../kernels/level1.js';

/** One refresh computes at a time, of whatever layer: they share what they need on their way. */
const workspace = new Workspace();

/** How often in a row a refresh may break down before it is an error, unless the user says. */
export const DEFAULT_MAX_FAILURES = 5;

/** One refresh: what to read, and what to make of it. */
export interface RefreshJob<D extends DType> {
  readonly reads: readonly Slot<D>[];
  /**
   * Factorises what was read, changing no state, and returns what puts the result in place. May throw
   * a breakdown.
   */
  compute(matrices: readonly DenseMatrix<D>[], workspace: Workspace): () => void;
  /** Called where what was read holds NaN or Infinity: the averages are to start anew. */
  discard(): void;
}

/**
 * Runs refreshes, counts their breakdowns, and gives up after `maxFailures` in a row with a
 * PreconditionerError. With an asynchronous engine one refresh is in flight at a time, and an error
 * surfaces at the next {@link run} or {@link flush}.
 */
export class RefreshDriver<D extends DType> implements Stateful<D> {
  readonly #engine: Engine<D>;
  readonly #layer: string;
  readonly #maxFailures: number;
  #inARow = 0;
  #failures = 0;
  #inFlight: Promise<void> | undefined;
  #error: { readonly cause: unknown } | undefined;

  /** `maxFailures` is an integer ≥ 1. */
  constructor(engine: Engine<D>, layer: string, maxFailures: number) {
    this.#engine = engine;
    this.#layer = layer;
    this.#maxFailures = maxFailures;
  }

  /** Breakdowns in all. */
  get failures(): number {
    return this.#failures;
  }

  /** Whether a read has not resolved yet. */
  get inFlight(): boolean {
    return this.#inFlight !== undefined;
  }

  /**
   * The counts of breakdowns. To restore them is to let go of what is in flight: that belongs to the
   * run that is left.
   */
  get state(): readonly StateEntry<D>[] {
    return [
      {
        name: 'failures',
        check: checkInteger,
        get: () => this.#failures,
        set: (value) => {
          this.#failures = value;
        },
      },
      {
        name: 'inARow',
        check: checkInteger,
        get: () => this.#inARow,
        set: (value) => {
          this.#inARow = value;
          this.#inFlight = undefined;
          this.#error = undefined;
        },
      },
    ];
  }

  run(job: RefreshJob<D>): void {
    this.#throwPending();
    const engine = this.#engine;
    if (engine.reading === 'sync') {
      this.#attempt(
        job,
        job.reads.map((slot) => engine.read(slot)),
      );
      return;
    }
    const expected = () => this.#inFlight === flight;
    const flight = Promise.all(job.reads.map((slot) => engine.read(slot)))
      .then((matrices) => {
        if (expected()) this.#attempt(job, matrices);
      })
      .catch((cause: unknown) => {
        if (expected()) this.#error = { cause };
      })
      .finally(() => {
        if (expected()) this.#inFlight = undefined;
      });
    this.#inFlight = flight;
  }

  async flush(): Promise<void> {
    await this.#inFlight;
    this.#throwPending();
  }

  #attempt(job: RefreshJob<D>, matrices: readonly DenseMatrix<D>[]): void {
    let install: () => void;
    try {
      for (const matrix of matrices) {
        if (!Number.isFinite(frobeniusNorm(matrix))) {
          job.discard();
          throw new NonFiniteError(`what ${this.#layer} observed`);
        }
      }
      install = job.compute(matrices, workspace);
    } catch (error) {
      if (!isBreakdown(error)) throw error;
      this.#failures += 1;
      this.#inARow += 1;
      if (this.#inARow >= this.#maxFailures) {
        throw new PreconditionerError(this.#layer, this.#inARow, error);
      }
      return;
    }
    this.#inARow = 0;
    install();
  }

  #throwPending(): void {
    if (this.#error === undefined) return;
    const { cause } = this.#error;
    this.#error = undefined;
    throw cause;
  }
}
