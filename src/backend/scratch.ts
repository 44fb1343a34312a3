// Slots for intermediate results, kept between calls so that a training step allocates nothing.

import { BYTES, type DType } from '../core/dtype.js';
import type { Backend, Slot, Take } from './backend.js';

/** Idle slots that are kept at most: those of fifty layers and more, each of its own shapes. */
const SLOTS = 256;

/** Bytes of idle slots that are always kept. */
const FLOOR = 2 ** 24;

/** Above the floor, idle slots may hold this many times what the largest recent borrowing took. */
const SHARE = 4;

/** How many borrowings are recent: those of a step through as many layers. */
const RECENT = 256;

/**
 * A bounded pool of idle slots: the ones used last stay, whatever their shapes, at most 256 of them,
 * and at most 16 MiB or, where that is more, four times what the largest of the last 256 borrowings
 * took.
 *
 * So a loop over the same shapes allocates nothing after its first round, as long as its slots keep
 * within that, and shapes that never come again cost a few times the memory that was needed anyway.
 */
export class Scratch<D extends DType> {
  readonly #backend: Pick<Backend<D>, 'allocate' | 'free'>;
  /** The least recently used slot comes first. */
  readonly #idle: Slot<D>[] = [];
  /** The bytes that each recent borrowing took, the oldest first. */
  readonly #recent: number[] = [];

  constructor(backend: Pick<Backend<D>, 'allocate' | 'free'>) {
    this.#backend = backend;
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
      this.#recent.push(bytesOf(taken));
      if (this.#recent.length > RECENT) this.#recent.shift();
      this.#trim();
    }
  }

  #reuse(rows: number, cols: number): Slot<D> | undefined {
    const index = this.#idle.findLastIndex((T) => T.rows === rows && T.cols === cols);
    return index < 0 ? undefined : this.#idle.splice(index, 1)[0];
  }

  #trim(): void {
    const budget = Math.max(FLOOR, SHARE * Math.max(...this.#recent));
    let bytes = bytesOf(this.#idle);
    let surplus = 0;
    while (this.#idle.length - surplus > SLOTS || bytes > budget) {
      bytes -= bytesOf([this.#idle[surplus++]]);
    }
    for (const T of this.#idle.splice(0, surplus)) this.#backend.free(T);
  }
}

function bytesOf(slots: readonly Slot[]): number {
  return slots.reduce((sum, { dtype, rows, cols }) => sum + BYTES[dtype] * rows * cols, 0);
}
