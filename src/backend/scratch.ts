// Slots for intermediate results, kept between calls so that a training step allocates nothing.

import type { DType } from '../core/dtype.js';
import type { BackendOperations } from './backend.js';
import type { Slot } from './slot.js';

/** Gives a rows × cols slot with any content, valid until the borrowing that it was taken in ends. */
export type Take<D extends DType> = (rows: number, cols: number) => Slot<D>;

/** A bounded pool of idle slots: the ones used last stay, whatever their shapes. */
export class Scratch<D extends DType> {
  readonly #backend: Pick<BackendOperations<D>, 'allocate' | 'free'>;
  readonly #limit: number;
  /** The least recently used slot comes first. */
  readonly #idle: Slot<D>[] = [];

  /** `limit` is the number of idle slots that are kept; more are freed. */
  constructor(backend: Pick<BackendOperations<D>, 'allocate' | 'free'>, limit: number) {
    this.#backend = backend;
    this.#limit = limit;
  }

  /**
   * Runs `body`, which takes the slots it needs, and has them back afterwards. Operations run in
   * order, so a slot may be lent again before what `body` enqueued has run.
   */
  borrow(body: (take: Take<D>) => void): void {
    const taken: Slot<D>[] = [];
    try {
      body((rows, cols) => {
        const T = this.#reuse(rows, cols) ?? this.#backend.allocate(rows, cols);
        taken.push(T);
        return T;
      });
    } finally {
      this.#idle.push(...taken);
      const surplus = Math.max(0, this.#idle.length - this.#limit);
      for (const T of this.#idle.splice(0, surplus)) this.#backend.free(T);
    }
  }

  #reuse(rows: number, cols: number): Slot<D> | undefined {
    const index = this.#idle.findLastIndex((T) => T.rows === rows && T.cols === cols);
    return index < 0 ? undefined : this.#idle.splice(index, 1)[0];
  }
}
