// The words that the threads of a pool share: who has work, which, and who has finished.

import type { Exports } from '../wasm/instance.js';
import { type Call, runCall, SHARED_CALLS } from '../wasm/team.js';

/** Looks at a word before a thread goes to sleep: long enough for the next call of a loop to come. */
const SPINS = 2000;

/** The longest that a call may take, in milliseconds: a worker that was ended never answers. */
const PATIENCE = 120_000;

/** Int32 words: counts calls, and threads still at work; whether to go, and whether one failed. */
const GENERATION = 0;
const PENDING = 1;
const CLOSED = 2;
const FAILED = 3;
const WORDS = 16;

/** Float64 numbers of a thread's slot: the number of its kernel (or IDLE), and its operands. */
const SLOT = 32;
const IDLE = -1;

/** The memory of the words for so many workers. */
export function createControl(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * WORDS + 8 * SLOT * workers);
}

/** The caller's side. */
export class Caller {
  readonly #words: Int32Array;
  readonly #slots: Float64Array;
  readonly #workers: number;
  readonly #patience: number;

  constructor(control: SharedArrayBuffer, workers: number, patience: number = PATIENCE) {
    this.#patience = patience;
    this.#words = new Int32Array(control, 0, WORDS);
    this.#slots = new Float64Array(control, 4 * WORDS);
    this.#workers = workers;
  }

  /** Hands call k to worker k; workers without a call stay idle. */
  start(calls: readonly Call[], work: number, stride: number): void {
    for (let k = 0; k < this.#workers; k++) {
      const slot = k * SLOT;
      const call = calls[k];
      this.#slots[slot] = call === undefined ? IDLE : SHARED_CALLS.indexOf(call.kernel);
      if (call === undefined) continue;
      this.#slots[slot + 1] = call.operands.length;
      this.#slots[slot + 2] = work + k * stride;
      this.#slots.set(call.operands, slot + 3);
    }
    Atomics.store(this.#words, PENDING, this.#workers);
    this.#wake();
  }

  /**
   * Returns when all workers have finished.
   *
   * @throws Error where a kernel failed in a worker, or a worker does not answer.
   */
  finish(): void {
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(this.#words, PENDING) === 0) break;
    }
    const deadline = Date.now() + this.#patience;
    for (;;) {
      const pending = Atomics.load(this.#words, PENDING);
      if (pending === 0) break;
      if (Date.now() >= deadline) throw new Error('nysact: a worker of the pool does not answer');
      this.#sleep(pending, deadline - Date.now());
    }
    if (Atomics.exchange(this.#words, FAILED, 0) !== 0) {
      throw new Error('nysact: a kernel failed in a worker of the pool');
    }
  }

  /** Sends the workers home. */
  close(): void {
    Atomics.store(this.#words, CLOSED, 1);
    this.#wake();
  }

  #wake(): void {
    Atomics.add(this.#words, GENERATION, 1);
    Atomics.notify(this.#words, GENERATION);
  }

  #sleep(pending: number, milliseconds: number): void {
    try {
      Atomics.wait(this.#words, PENDING, pending, milliseconds);
    } catch {
      // The main thread of a page may not sleep: it goes on looking.
    }
  }
}

/** The worker's side: runs what comes into slot `index` until the pool is closed. */
export function serve(exports: Exports, control: SharedArrayBuffer, index: number): void {
  const words = new Int32Array(control, 0, WORDS);
  const slot = new Float64Array(control, 4 * WORDS + 8 * SLOT * index, SLOT);
  let seen = 0;
  for (;;) {
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(words, GENERATION) !== seen) break;
    }
    // Awake is not enough: a caller that loses its core between its two calls wakes a worker late.
    while (Atomics.load(words, GENERATION) === seen) Atomics.wait(words, GENERATION, seen);
    seen = Atomics.load(words, GENERATION);
    if (Atomics.load(words, CLOSED) === 1) return;
    try {
      if (slot[0] !== IDLE) {
        const [kernel, count, work] = slot;
        const operands = Array.from(slot.subarray(3, 3 + count));
        runCall(exports, { kernel: SHARED_CALLS[kernel], operands }, work);
      }
    } catch {
      Atomics.store(words, FAILED, 1);
    }
    if (Atomics.sub(words, PENDING, 1) === 1) Atomics.notify(words, PENDING);
  }
}
