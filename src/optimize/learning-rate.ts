// The learning rate of a run: a schedule, until a number takes its place.

import type { PlainState } from '../backend/saved-state.js';
import { Cell, type StateEntry } from '../backend/state.js';
import { checkNonNegative } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { Schedule } from './schedules.js';

/** Stands for "as the schedule says" in saved state. */
const SCHEDULED = -1;

/** The name of its entry, without what scopes it. */
const ENTRY = 'learningRate';

/** The number that has taken the schedule's place in a saved state, if one has. */
export function savedRate(saved: PlainState): number | undefined {
  const name = entryOf(saved);
  const value = name === undefined ? undefined : saved.entries[name];
  return typeof value === 'number' && value !== SCHEDULED ? value : undefined;
}

/** A saved state in which `eta` has taken the schedule's place. */
export function withRate(saved: PlainState, eta: number): PlainState {
  const name = entryOf(saved);
  return name === undefined ? saved : { ...saved, entries: { ...saved.entries, [name]: eta } };
}

/** The name of the learning rate in a saved state: a chain scales by one, at its end. */
function entryOf({ entries }: PlainState): string | undefined {
  return Object.keys(entries).find((name) => name.split('/').at(-1) === ENTRY);
}

/** η at every step. */
export class LearningRate {
  readonly #schedule: Schedule;
  readonly #dtype: DType;
  readonly #fixed = new Cell(SCHEDULED, (where, name, value) => {
    if (value !== SCHEDULED) checkNonNegative(where, name, value, this.#dtype);
  });

  constructor(schedule: Schedule, dtype: DType) {
    this.#schedule = schedule;
    this.#dtype = dtype;
  }

  /**
   * η at step k. What a schedule has decayed below the smallest number of the dtype is 0.
   *
   * @throws RangeError where the schedule gives no finite number ≥ 0 of the dtype.
   */
  at(step: number): number {
    if (this.#fixed.value !== SCHEDULED) return this.#fixed.value;
    const eta = this.#schedule(step);
    if (this.#dtype === 'float32' && eta > 0 && Math.fround(eta) === 0) return 0;
    checkNonNegative('step', `learningRate of step ${step}`, eta, this.#dtype);
    return eta;
  }

  /**
   * η from now on, whatever the schedule says.
   *
   * @throws RangeError unless it is a finite number ≥ 0 of the dtype.
   */
  fix(eta: number): void {
    checkNonNegative('learningRate', 'the learning rate', eta, this.#dtype);
    this.#fixed.value = eta;
  }

  /** The number that has taken the schedule's place. */
  entry<D extends DType>(): StateEntry<D> {
    return { name: ENTRY, holds: this.#fixed };
  }
}
