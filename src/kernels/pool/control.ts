// The words that the threads of a pool share: what is on offer, who has taken it, and what is done.

import type { Exports } from '../wasm/instance.js';
import { Refusal } from '../wasm/refusal.js';
import { type Call, runCall, SHARED_CALLS } from '../wasm/team.js';

/** Looks at a word before a thread goes to sleep: long enough for the next call of a loop to come. */
const SPINS = 2000;

/** Milliseconds that the caller sleeps at a time, while it waits for a worker. */
const SLICE = 25;

/**
 * Slices for which a worker may be at work after the caller has finished its own part: that of the
 * worker is no longer, but its core may be busy with something else.
 */
const PATIENCE = 40;

/** The same, as a multiple of what the caller's own part took. */
const SLACK = 20;

/** Int32 words: counts offers, and whether to go; then one word for the slot of each worker. */
const GENERATION = 0;
const CLOSED = 1;
const STATES = 16;

/** What a slot is: free, on offer, taken by its worker, or failed there. */
const FREE = 0;
const OFFERED = 1;
const TAKEN = 2;
const FAILED = 3;

/** Float64 numbers of a slot: the number of its kernel, of its operands, its workspace, and the operands. */
const SLOT = 32;

/** Where the slots begin: float64 numbers lie on whole multiples of their size. */
function slotsStart(workers: number): number {
  return 8 * Math.ceil((4 * (STATES + workers)) / 8);
}

/** The memory of the words for so many workers. */
export function createControl(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(slotsStart(workers) + 8 * SLOT * workers);
}

/** The caller's side. */
export class Caller {
  readonly #words: Int32Array;
  readonly #slots: Float64Array;
  readonly #workers: number;
  readonly #patience: number;
  #calls: readonly Call[] = [];
  #started = 0;

  constructor(control: SharedArrayBuffer, workers: number, patience: number = PATIENCE) {
    this.#patience = patience;
    this.#words = new Int32Array(control, 0, STATES + workers);
    this.#slots = new Float64Array(control, slotsStart(workers));
    this.#workers = workers;
  }

  /** Offers call k to worker k. There are no more calls than workers. */
  offer(calls: readonly Call[], work: number, stride: number): void {
    this.#calls = calls;
    this.#started = Date.now();
    calls.forEach(({ kernel, operands }, k) => {
      const slot = k * SLOT;
      this.#slots[slot] = SHARED_CALLS.indexOf(kernel);
      this.#slots[slot + 1] = operands.length;
      this.#slots[slot + 2] = work + k * stride;
      this.#slots.set(operands, slot + 3);
      Atomics.store(this.#words, STATES + k, OFFERED);
    });
    this.#wake();
  }

  /**
   * Returns when all calls are done. What no worker has taken by now, `compute` does: a worker that sleeps
   * late, or is dead, costs nothing but its help.
   *
   * @throws Refusal if a worker took a call and does not finish it; Error if a kernel failed in a worker.
   */
  finish(compute: (call: Call) => void): void {
    this.#calls.forEach((call, k) => {
      const found = Atomics.compareExchange(this.#words, STATES + k, OFFERED, FREE);
      if (found === OFFERED) compute(call);
    });
    const taken = (Date.now() - this.#started) / SLICE;
    const slices = Math.ceil(Math.max(this.#patience, SLACK * taken));
    for (let k = 0; k < this.#workers; k++) this.#await(STATES + k, slices);
    let failed = false;
    for (let k = 0; k < this.#workers; k++) {
      failed ||= Atomics.exchange(this.#words, STATES + k, FREE) === FAILED;
    }
    if (failed) throw new Error('nysact: a kernel failed in a worker of the pool');
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

  /** Waits while a slot is taken. Counts slices of sleep: a process that stands still loses one only. */
  #await(state: number, slices: number): void {
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(this.#words, state) !== TAKEN) return;
    }
    for (let slice = 0; slice < slices; slice++) {
      this.#sleep(state);
      if (Atomics.load(this.#words, state) !== TAKEN) return;
    }
    throw new Refusal('nysact: a worker of the pool does not answer');
  }

  #sleep(state: number): void {
    try {
      Atomics.wait(this.#words, state, TAKEN, SLICE);
    } catch {
      // The main thread of a page may not sleep: it goes on looking.
      const end = Date.now() + SLICE;
      while (Date.now() < end && Atomics.load(this.#words, state) === TAKEN);
    }
  }
}

/** The worker's side: runs what is offered in slot `index` until the pool is closed. */
export function serve(
  exports: Exports,
  control: SharedArrayBuffer,
  index: number,
  workers: number,
): void {
  const words = new Int32Array(control, 0, STATES + workers);
  const slot = new Float64Array(control, slotsStart(workers) + 8 * SLOT * index, SLOT);
  const state = STATES + index;
  let seen = 0;
  for (;;) {
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(words, GENERATION) !== seen) break;
    }
    // Awake is not enough: a caller that loses its core between its two calls wakes a worker late.
    while (Atomics.load(words, GENERATION) === seen) Atomics.wait(words, GENERATION, seen);
    seen = Atomics.load(words, GENERATION);
    if (Atomics.load(words, CLOSED) === 1) return;
    // There may be nothing for this worker, or the caller was faster.
    if (Atomics.compareExchange(words, state, OFFERED, TAKEN) !== OFFERED) continue;
    let outcome = FREE;
    try {
      const [kernel, count, work] = slot;
      const operands = Array.from(slot.subarray(3, 3 + count));
      runCall(exports, { kernel: SHARED_CALLS[kernel], operands }, work);
    } catch {
      outcome = FAILED;
    }
    Atomics.store(words, state, outcome);
    Atomics.notify(words, state);
  }
}
