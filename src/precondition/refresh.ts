// Reading, factorising and installing: one path for backends that read at once and those that do not.

import type { Backend, Slot } from '../backend/backend.js';
import { Cell, type StateEntry, type Stateful } from '../backend/state.js';
import { checkInteger } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { isBreakdown, NonFiniteError, PreconditionerError } from '../core/errors.js';
import type { DenseMatrix } from '../core/matrix.js';
import { frobeniusNorm } from '../kernels/level1.js';

/** Gives what was read before the refresh, or the promise of it. */
export type Contents<D extends DType> = () =>
  | readonly DenseMatrix<D>[]
  | Promise<readonly DenseMatrix<D>[]>;

/** One refresh: what to read, and what to make of it. */
export interface RefreshJob<D extends DType> {
  readonly reads: readonly Slot<D>[] | Contents<D>;
  /**
   * Factorises what was read, changing no state, and returns what puts the result in place. May throw a
   * breakdown.
   */
  compute(matrices: readonly DenseMatrix<D>[]): () => void;
  /** What is wrong where matrix `index` of what was read holds NaN or Infinity, if there is more to tell. */
  broken?(index: number): NonFiniteError;
  /** Called if it breaks down, once that is counted; `areFinite` unless what was read holds NaN or Infinity. */
  failed(areFinite: boolean): void;
}

/**
 * Runs refreshes, counts their breakdowns, and gives up after `maxFailures` in a row with a
 * PreconditionerError. If the backend reads asynchronously, one refresh is in flight at a time, and an
 * error surfaces at the next {@link run} or {@link flush}.
 */
export class RefreshDriver<D extends DType> implements Stateful<D> {
  readonly #backend: Backend<D>;
  readonly #layer: string;
  readonly #maxFailures: number;
  readonly #inARow = new Cell(0, checkInteger, () => this.#inFlight);
  readonly #failures = new Cell(0, checkInteger, () => this.#inFlight);
  #inFlight: Promise<void> | undefined;
  #error: { readonly cause: unknown } | undefined;

  /** `maxFailures` is an integer ≥ 1. */
  constructor(backend: Backend<D>, layer: string, maxFailures: number) {
    this.#backend = backend;
    this.#layer = layer;
    this.#maxFailures = maxFailures;
  }

  /** Breakdowns in all. */
  get failures(): number {
    return this.#failures.value;
  }

  /** The read that has not resolved yet, if there is one. It never rejects. */
  get inFlight(): Promise<void> | undefined {
    return this.#inFlight;
  }

  /** The counts of breakdowns. */
  get state(): readonly StateEntry<D>[] {
    return [
      { name: 'failures', holds: this.#failures },
      { name: 'inARow', holds: this.#inARow },
    ];
  }

  run(job: RefreshJob<D>): void {
    this.#throwPending();
    const { reads } = job;
    const contents = typeof reads === 'function' ? reads() : contentsOf(this.#backend, reads);
    if (!(contents instanceof Promise)) {
      this.#attempt(job, contents);
      return;
    }
    const expected = () => this.#inFlight === flight;
    const flight = contents
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

  /** Lets go of what is in flight: it belongs to a run that is left. */
  abandon(): void {
    this.#inFlight = undefined;
    this.#error = undefined;
  }

  #attempt(job: RefreshJob<D>, matrices: readonly DenseMatrix<D>[]): void {
    const broken = matrices.findIndex((matrix) => !Number.isFinite(frobeniusNorm(matrix)));
    const areFinite = broken < 0;
    let install: () => void;
    try {
      if (!areFinite) {
        throw job.broken?.(broken) ?? new NonFiniteError(`what ${this.#layer} observed`);
      }
      install = job.compute(matrices);
    } catch (error) {
      if (!isBreakdown(error)) throw error;
      this.#failures.value += 1;
      this.#inARow.value += 1;
      job.failed(areFinite);
      if (this.#inARow.value < this.#maxFailures) return;
      throw new PreconditionerError(this.#layer, this.#inARow.value, error);
    }
    install();
    this.#inARow.value = 0;
  }

  #throwPending(): void {
    if (this.#error === undefined) return;
    const { cause } = this.#error;
    this.#error = undefined;
    throw cause;
  }
}

/** What slots hold: at once where the backend reads so. */
function contentsOf<D extends DType>(
  backend: Backend<D>,
  slots: readonly Slot<D>[],
): readonly DenseMatrix<D>[] | Promise<readonly DenseMatrix<D>[]> {
  const readSync = backend.readSync?.bind(backend);
  return readSync === undefined
    ? Promise.all(slots.map((slot) => backend.read(slot)))
    : slots.map((slot) => readSync(slot));
}
