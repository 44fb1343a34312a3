// The averages that the paper's published FOOF, KFAC and Eva code keeps, for the reference variants.

import type { Engine } from '../backend/engine.js';
import type { Slot } from '../backend/slot.js';
import type { StateEntry } from '../backend/state.js';
import { checkInteger } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { power } from '../core/elementary.js';
import { identity } from '../core/matrix.js';
import type { Average } from './moving-average.js';

/** A count of updates that several averages may share. */
export interface UpdateCounter {
  updates: number;
}

/**
 * M ← βM + (1−β)·New, started from I. The published KFAC code uses it as it is; the published FOOF
 * code divides it by 1 − βⁿ all the same, with n counted over all layers (`counter`).
 */
export class IdentityAverage<D extends DType> implements Average<D> {
  readonly slot: Slot<D>;
  readonly #engine: Engine<D>;
  readonly #decay: number;
  readonly #counter: UpdateCounter | undefined;
  #updates = 0;

  constructor(engine: Engine<D>, size: number, decay: number, counter?: UpdateCounter) {
    this.#engine = engine;
    this.#decay = decay;
    this.#counter = counter;
    this.slot = engine.allocate(size, size);
    engine.write(this.slot, identity(engine.dtype, size));
  }

  get updates(): number {
    return this.#updates;
  }

  get correction(): number {
    return this.#counter === undefined ? 1 : 1 / (1 - power(this.#decay, this.#counter.updates));
  }

  update(rows: number, accumulate: (weight: number, decay: number, slot: Slot<D>) => void): void {
    accumulate((1 - this.#decay) / rows, this.#decay, this.slot);
    this.#updates += 1;
    if (this.#counter !== undefined) this.#counter.updates += 1;
  }

  reset(): void {
    this.#engine.write(this.slot, identity(this.#engine.dtype, this.slot.rows));
    this.#updates = 0;
  }

  get state(): readonly StateEntry<D>[] {
    const counter = this.#counter;
    const entries: StateEntry<D>[] = [
      { name: 'average', slot: this.slot },
      {
        name: 'updates',
        check: checkInteger,
        get: () => this.#updates,
        set: (value) => {
          this.#updates = value;
        },
      },
    ];
    if (counter === undefined) return entries;
    const shared: StateEntry<D> = {
      name: 'shared',
      check: checkInteger,
      get: () => counter.updates,
      set: (value) => {
        counter.updates = value;
      },
    };
    return [...entries, shared];
  }
}

/**
 * M ← (1−β)M + β·New, the first value copied: the published Eva code, where the new batch, not the
 * past, weighs β.
 */
export class CopiedAverage<D extends DType> implements Average<D> {
  readonly slot: Slot<D>;
  readonly correction = 1;
  readonly #decay: number;
  #updates = 0;

  constructor(engine: Engine<D>, rows: number, cols: number, decay: number) {
    this.#decay = decay;
    this.slot = engine.allocate(rows, cols);
  }

  get updates(): number {
    return this.#updates;
  }

  update(rows: number, accumulate: (weight: number, decay: number, slot: Slot<D>) => void): void {
    const first = this.#updates === 0;
    accumulate((first ? 1 : this.#decay) / rows, first ? 0 : 1 - this.#decay, this.slot);
    this.#updates += 1;
  }

  reset(): void {
    this.#updates = 0;
  }

  get state(): readonly StateEntry<D>[] {
    return [
      { name: 'average', slot: this.slot },
      {
        name: 'updates',
        check: checkInteger,
        get: () => this.#updates,
        set: (value) => {
          this.#updates = value;
        },
      },
    ];
  }
}
