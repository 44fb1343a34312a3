// The learning rate of a run: a schedule, until a number takes its place.

import { Cell, type PlainState, type StateEntry } from '../backend/state.js';
import { checkNonNegative } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { Schedule } from './schedules.js';

/** Stands for "as the schedule says" in saved state. */
const SCHEDULED = -1;

/** The name of its entry, without what scopes it. */
const ENTRY = 'learningRate';

/** The number that has taken the schedule's place in a saved state, if one has. */
export function savedRate({ entries }: PlainState): number | undefined {
  for (const [name, value] of Object.entries(entries)) {
    if (name.split('/').at(-1) !== ENTRY || typeof value !== 'number') continue;
    if (value !== SCHEDULED) return value;
  }
  return undefined;
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
