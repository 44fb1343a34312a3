// The averages that the code published with the NysAct paper keeps for FOOF, KFAC and Eva.

import type { Backend, Slot } from '../backend/backend.js';
import { Cell, type RestoreGuard, type StateEntry } from '../backend/state.js';
import { checkInteger } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { power } from '../core/elementary.js';
import { type DenseMatrix, identity } from '../core/matrix.js';
import type { Averaging } from '../rows/accumulator.js';
import type { Average } from '../rows/moving-average.js';

/**
 * M ← βM + (1−β)·New, started from I. The published KFAC code uses it as it is; the published FOOF
 * code divides it by 1 − βⁿ all the same, with n counted over all layers by one `counter`.
 */
export function averageFromIdentity(decay: number, counter?: Cell): Averaging {
  return (backend, rows) => new IdentityAverage(backend, rows, decay, counter);
}

/**
 * M ← (1−β)M + β·New, the first value copied: the published Eva code, where the new batch, not the
 * past, weighs β. `check` guards what is restored.
 */
export function copiedAverage(decay: number, check?: RestoreGuard<DenseMatrix>): Averaging {
  return (backend, rows, cols) => new CopiedAverage(backend, rows, cols, decay, check);
}

class IdentityAverage<D extends DType> implements Average<D> {
  readonly slot: Slot<D>;
  readonly #backend: Backend<D>;
  readonly #decay: number;
  readonly #counter: Cell | undefined;
  readonly #updates = new Cell(0, checkInteger);

  constructor(backend: Backend<D>, size: number, decay: number, counter?: Cell) {
    this.#backend = backend;
    this.#decay = decay;
    this.#counter = counter;
    this.slot = backend.allocate(size, size);
    backend.write(this.slot, identity(backend.dtype, size));
  }

  get updates(): number {
    return this.#updates.value;
  }

  get correction(): number {
    const counter = this.#counter;
    return counter === undefined ? 1 : 1 / (1 - power(this.#decay, counter.value));
  }

  update(rows: number, accumulate: (weight: number, decay: number, slot: Slot<D>) => void): void {
    accumulate((1 - this.#decay) / rows, this.#decay, this.slot);
    this.#updates.value += 1;
    if (this.#counter !== undefined) this.#counter.value += 1;
  }

  reset(): void {
    this.#backend.write(this.slot, identity(this.#backend.dtype, this.slot.rows));
    this.#updates.value = 0;
  }

  get state(): readonly StateEntry<D>[] {
    const entries: StateEntry<D>[] = [
      { name: 'average', holds: { slot: this.slot } },
      { name: 'updates', holds: this.#updates },
    ];
    const counter = this.#counter;
    return counter === undefined ? entries : [...entries, { name: 'shared', holds: counter }];
  }
}

class CopiedAverage<D extends DType> implements Average<D> {
  readonly slot: Slot<D>;
  readonly correction = 1;
  readonly #decay: number;
  readonly #updates = new Cell(0, checkInteger);

  readonly #check: RestoreGuard<DenseMatrix> | undefined;

  constructor(
    backend: Backend<D>,
    rows: number,
    cols: number,
    decay: number,
    check?: RestoreGuard<DenseMatrix>,
  ) {
    this.#check = check;
    this.#decay = decay;
    this.slot = backend.allocate(rows, cols);
  }

  get updates(): number {
    return this.#updates.value;
  }

  update(rows: number, accumulate: (weight: number, decay: number, slot: Slot<D>) => void): void {
    const first = this.#updates.value === 0;
    accumulate((first ? 1 : this.#decay) / rows, first ? 0 : 1 - this.#decay, this.slot);
    this.#updates.value += 1;
  }

  reset(): void {
    this.#updates.value = 0;
  }

  get state(): readonly StateEntry<D>[] {
    return [
      { name: 'average', holds: { slot: this.slot, check: this.#check } },
      { name: 'updates', holds: this.#updates },
    ];
  }
}
