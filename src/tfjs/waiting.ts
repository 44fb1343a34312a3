// What is restored or set before the first step, and waits for it: only that step knows the model.

import {
  copyOfSaved,
  type PlainState,
  type RestoreOptions,
  STATE_VERSION,
} from '../backend/saved-state.js';
import { savedRate, withRate } from '../optimize/learning-rate.js';
import type { Optimizer } from '../optimize/optimizer.js';

/** A state and a learning rate for an optimiser that is still to be made. */
export class Waiting {
  #saved: { readonly state: PlainState; readonly options: RestoreOptions } | undefined;
  #rate: number | undefined;

  /** The steps that the state has behind it. */
  get steps(): number {
    return stepsOf(this.#saved?.state);
  }

  /** η of the coming step, where one was set or the state has one. */
  get learningRate(): number | undefined {
    return this.#rate ?? (this.#saved === undefined ? undefined : savedRate(this.#saved.state));
  }

  set learningRate(eta: number) {
    this.#rate = eta;
  }

  /** Takes the place of what was restored or set before. A state without entries is that of no step. */
  restore(state: PlainState, options: RestoreOptions): void {
    this.#saved = Object.keys(state.entries).length === 0 ? undefined : { state, options };
    this.#rate = undefined;
  }

  /** A copy of the state; without entries where there is none. */
  exportState(): PlainState {
    if (this.#saved === undefined) return { version: STATE_VERSION, run: {}, entries: {} };
    const state = copyOfSaved(this.#saved.state);
    return this.#rate === undefined ? state : withRate(state, this.#rate);
  }

  /**
   * Gives `optimizer` what has waited for it; messages call it `name`.
   *
   * @throws RangeError where the state is not of its model or its options. It waits on then.
   */
  putInto(optimizer: Optimizer<'float32'>, name: string): void {
    if (this.#saved !== undefined) {
      const { state, options } = this.#saved;
      try {
        optimizer.restoreState(state, options);
      } catch (cause) {
        const message = cause instanceof Error ? cause.message : String(cause);
        throw new RangeError(
          `${name}: the restored state is not of this model (${message}): train the same layers as when it was saved, or call dispose() to start anew`,
          { cause },
        );
      }
    }
    if (this.#rate !== undefined) optimizer.learningRate = this.#rate;
  }
}

/** The steps that a state has behind it: 0 where it does not say. */
export function stepsOf(state: PlainState | undefined): number {
  const steps = state?.entries.steps;
  return typeof steps === 'number' ? steps : 0;
}
