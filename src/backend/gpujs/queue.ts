// Steps in order, on devices that answer at once and on those that answer with a Promise.

import { isPromiseLike } from '../../core/promise.js';

/** Runs steps in order; an operation enqueues its steps and returns. */
interface Queue {
  /** `done` gets what `step` returns or resolves to, before the next step begins. */
  enqueue<T>(step: () => T | PromiseLike<T>, done: (outcome: T) => void): void;
}

/** Runs every step at once; what it throws is thrown to the caller. */
export class ImmediateQueue implements Queue {
  enqueue<T>(step: () => T | PromiseLike<T>, done: (outcome: T) => void): void {
    const outcome = step();
    if (isPromiseLike(outcome)) {
      throw new TypeError('GPU.js answered with a Promise, expected a mode that computes at once');
    }
    done(outcome);
  }
}

/**
 * Runs every step when the one before has resolved. The first failure ends it: no later step runs,
 * and everything that asks reports that failure.
 */
export class PromiseQueue implements Queue {
  #tail: Promise<void> = Promise.resolve();
  #failure: { readonly cause: unknown } | undefined;

  enqueue<T>(step: () => T | PromiseLike<T>, done: (outcome: T) => void): void {
    this.#tail = this.#tail.then(async () => {
      if (this.#failure !== undefined) return;
      try {
        done(await step());
      } catch (cause) {
        this.#failure = { cause };
      }
    });
  }

  /** Throws the first failure, if there was one. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.cause;
  }

  /** Resolves when everything that has been enqueued so far has run; rejects with a failure. */
  async settled(): Promise<void> {
    await this.#tail;
    this.check();
  }
}
