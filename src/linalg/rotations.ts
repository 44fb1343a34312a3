// Plane rotations of rows, gathered until it pays to apply them.

import type { Matrix64 } from '../core/matrix.js';
import { activeKernels } from '../kernels/selection.js';

/** Rotations that are gathered before they are applied, at most. */
const CAPACITY = 1 << 17;

/**
 * A queue of rotations of two neighbouring rows of Z. One rotation does little work for the memory
 * it touches; thousands of them, on a strip of columns that stays in cache, do much.
 */
export class Rotations {
  readonly #Z: Matrix64;
  readonly #rows: Int32Array;
  readonly #cosines: Float64Array;
  readonly #sines: Float64Array;
  #count = 0;

  /** Z changes when {@link flush} is called, and whenever the queue is full. */
  constructor(Z: Matrix64) {
    const capacity = Math.min(CAPACITY, 2 * Z.rows * Z.rows);
    this.#Z = Z;
    this.#rows = new Int32Array(capacity);
    this.#cosines = new Float64Array(capacity);
    this.#sines = new Float64Array(capacity);
  }

  /** Rows i and i+1 ← c·zᵢ − s·zᵢ₊₁ and s·zᵢ + c·zᵢ₊₁. */
  add(i: number, c: number, s: number): void {
    if (this.#count === this.#rows.length) this.flush();
    this.#rows[this.#count] = i;
    this.#cosines[this.#count] = c;
    this.#sines[this.#count] = s;
    this.#count++;
  }

  /** Applies what is queued. Cost: 6 flops per rotation and column. */
  flush(): void {
    if (this.#count === 0) return;
    activeKernels().rotate(this.#Z, {
      rows: this.#rows,
      cosines: this.#cosines,
      sines: this.#sines,
      count: this.#count,
    });
    this.#count = 0;
  }
}
