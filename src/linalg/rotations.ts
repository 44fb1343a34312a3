// Plane rotations of rows, gathered until it pays to apply them.

import type { Matrix64 } from '../core/matrix.js';
import { activeKernels } from '../kernels/selection.js';

/** Rotations that are gathered before they are applied, at most. */
const CAPACITY = 1 << 17;

/** The memory of the queue. One queue is in use at a time: the caller that fills one runs it to its end. */
let queue = queueOf(0);

function queueOf(capacity: number) {
  return {
    rows: new Int32Array(capacity),
    cosines: new Float64Array(capacity),
    sines: new Float64Array(capacity),
  };
}

/**
 * A queue of rotations of two neighbouring rows of Z. One rotation does little work for the memory
 * it touches; thousands of them, on a strip of columns that stays in cache, do much.
 */
export class Rotations {
  readonly #Z: Matrix64;
  readonly #capacity: number;
  #count = 0;

  /** Z changes when {@link flush} is called, and whenever the queue is full. */
  constructor(Z: Matrix64) {
    this.#Z = Z;
    this.#capacity = Math.min(CAPACITY, 2 * Z.rows * Z.rows);
    if (queue.rows.length < this.#capacity) queue = queueOf(this.#capacity);
  }

  /** Rows i and i+1 ← c·zᵢ − s·zᵢ₊₁ and s·zᵢ + c·zᵢ₊₁. */
  add(i: number, c: number, s: number): void {
    if (this.#count === this.#capacity) this.flush();
    queue.rows[this.#count] = i;
    queue.cosines[this.#count] = c;
    queue.sines[this.#count] = s;
    this.#count++;
  }

  /** Applies what is queued. Cost: 6 flops per rotation and column. */
  flush(): void {
    if (this.#count === 0) return;
    activeKernels().rotate(this.#Z, { ...queue, count: this.#count });
    this.#count = 0;
  }
}
