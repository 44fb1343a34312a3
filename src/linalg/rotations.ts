// Plane rotations of rows, gathered and then applied strip by strip.

import { copyInto, DenseMatrix } from '../core/matrix.js';
import type { Matrix64 } from './householder.js';

/** Rotations that are gathered before they are applied, at most. */
const CAPACITY = 1 << 15;

/** Columns of a strip: all rows of a strip together stay in a second-level cache. */
const STRIP = 32;

/**
 * A queue of rotations of two neighbouring rows of Z. One rotation does little work for the memory
 * it touches; thousands of them, on a strip of columns that stays in cache, do much.
 *
 * Workspace: 32n numbers for n rows, and the queue.
 */
export class Rotations {
  readonly #Z: Matrix64;
  readonly #strip: Float64Array;
  readonly #rows: Int32Array;
  readonly #cosines: Float64Array;
  readonly #sines: Float64Array;
  #count = 0;

  /** Z changes when {@link flush} is called, and whenever the queue is full. */
  constructor(Z: Matrix64) {
    const capacity = Math.min(CAPACITY, 2 * Z.rows * Z.rows);
    this.#Z = Z;
    this.#strip = new Float64Array(Z.rows * STRIP);
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
    const { rows, cols } = this.#Z;
    for (let start = 0; start < cols; start += STRIP) {
      const width = Math.min(STRIP, cols - start);
      // Strips are copied, because rows whose distance is a power of two evict each other.
      const columns = this.#Z.view(0, start, rows, width);
      const strip = new DenseMatrix('float64', rows, width, this.#strip, 0, STRIP);
      copyInto(columns, strip);
      this.#applyTo(this.#strip, width);
      copyInto(strip, columns);
    }
    this.#count = 0;
  }

  #applyTo(z: Float64Array, width: number): void {
    const rows = this.#rows;
    const cosines = this.#cosines;
    const sines = this.#sines;
    const count = this.#count;
    let k = 0;
    while (k < count) {
      const c0 = cosines[k];
      const s0 = sines[k];
      const row = rows[k] * STRIP;
      if (k + 1 < count && rows[k + 1] === rows[k] - 1) {
        // The next rotation takes the upper of these two rows again: do both while it is at hand.
        const c1 = cosines[k + 1];
        const s1 = sines[k + 1];
        for (let j = row; j < row + width; j++) {
          const x = z[j - STRIP];
          const y = z[j];
          const w = z[j + STRIP];
          const t = c0 * y - s0 * w;
          z[j + STRIP] = s0 * y + c0 * w;
          z[j] = s1 * x + c1 * t;
          z[j - STRIP] = c1 * x - s1 * t;
        }
        k += 2;
      } else {
        for (let j = row; j < row + width; j++) {
          const y = z[j];
          const w = z[j + STRIP];
          z[j + STRIP] = s0 * y + c0 * w;
          z[j] = c0 * y - s0 * w;
        }
        k++;
      }
    }
  }
}
