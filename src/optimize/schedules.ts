// Learning-rate schedules: functions of the step k alone, so that a restored run continues exactly.

import { checkInteger, checkNonNegative, checkPositive } from '../core/check.js';
import { cosPi, power } from '../core/elementary.js';
import {
  fraction,
  guarded,
  integer,
  nonNegative,
  type Option,
  optionList,
  positive,
} from '../core/options.js';

/** η at step k = 0, 1, 2, … */
export type Schedule = (step: number) => number;

/** An option that is a learning rate: a number or a schedule. */
export const rate: Option<number | Schedule> = /* @__PURE__ */ nonNegative.or(
  /* @__PURE__ */ guarded('a schedule', isSchedule),
);

/**
 * A number stands for the constant schedule.
 *
 * @throws RangeError for a number that is not finite and ≥ 0.
 */
export function asSchedule(
  where: string,
  learningRate: number | Schedule,
  name = 'learningRate',
): Schedule {
  if (isSchedule(learningRate)) return learningRate;
  checkNonNegative(where, name, learningRate);
  return () => learningRate;
}

/**
 * η at every step.
 *
 * @throws RangeError unless `learningRate` is finite and ≥ 0.
 */
export function constant(learningRate: number): Schedule {
  return asSchedule('constant', learningRate);
}

const STEP_DECAY_OPTIONS = /* @__PURE__ */ optionList({
  learningRate: nonNegative,
  factor: positive,
  every: /* @__PURE__ */ integer(1),
});

/**
 * η·factor^⌊k/every⌋.
 *
 * @throws RangeError unless `learningRate` is finite and ≥ 0, `factor` finite and > 0, and `every` an
 *   integer ≥ 1, or where an option is unknown.
 */
export function stepDecay(options: {
  /** The learning rate η at first. */
  readonly learningRate: number;
  /** What it is multiplied by. */
  readonly factor: number;
  /** After how many steps it is, again and again. */
  readonly every: number;
}): Schedule {
  STEP_DECAY_OPTIONS.read('stepDecay', options);
  const { learningRate, factor, every } = options;
  checkNonNegative('stepDecay', 'learningRate', learningRate);
  checkPositive('stepDecay', 'factor', factor);
  checkInteger('stepDecay', 'every', every, 1);
  return (step) => learningRate * power(factor, Math.floor(step / every));
}

const COSINE_OPTIONS = /* @__PURE__ */ optionList({
  learningRate: nonNegative,
  steps: /* @__PURE__ */ integer(1),
  floor: /* @__PURE__ */ fraction.default(0),
});

/**
 * Cosine annealing: from η at k = 0 down to floor·η at k = steps, and constant after that:
 * η·(floor + (1 − floor)·(1 + cos(πk/steps))/2). Source: Loshchilov and Hutter 2016, equation 5.
 *
 * @throws RangeError unless `learningRate` is finite and ≥ 0, `steps` an integer ≥ 1, and `floor` in
 *   [0, 1), or where an option is unknown.
 */
export function cosine(options: {
  /** The learning rate η at first. */
  readonly learningRate: number;
  /** The steps until it is at its lowest. */
  readonly steps: number;
  /** The share of η that remains, in [0, 1) (default 0). */
  readonly floor?: number;
}): Schedule {
  const { floor } = COSINE_OPTIONS.read('cosine', options);
  const { learningRate, steps } = options;
  checkNonNegative('cosine', 'learningRate', learningRate);
  checkInteger('cosine', 'steps', steps, 1);
  return (step) => {
    const progress = Math.min(step / steps, 1);
    return learningRate * (floor + ((1 - floor) * (1 + cosPi(progress))) / 2);
  };
}

const WARM_UP_OPTIONS = /* @__PURE__ */ optionList({
  steps: /* @__PURE__ */ integer(1),
  schedule: /* @__PURE__ */ nonNegative.or(/* @__PURE__ */ guarded('a schedule', isSchedule)),
});

/**
 * Linear warm-up: (k+1)/steps of `schedule`'s first value over the first steps, then `schedule`.
 *
 * @throws RangeError unless `steps` is an integer ≥ 1, for a `schedule` that is a number but not finite
 *   and ≥ 0, and where an option is unknown; TypeError where `schedule` is of another type.
 */
export function warmUp(options: {
  /** How many steps the warm-up takes. */
  readonly steps: number;
  /** What comes after it, a learning rate or a schedule. */
  readonly schedule: number | Schedule;
}): Schedule {
  WARM_UP_OPTIONS.read('warmUp', options);
  const { steps } = options;
  checkInteger('warmUp', 'steps', steps, 1);
  const schedule = asSchedule('warmUp', options.schedule, 'schedule');
  return (step) => (step < steps ? (schedule(0) * (step + 1)) / steps : schedule(step - steps));
}

/** Whether `value` may be a schedule. */
function isSchedule(value: unknown): value is Schedule {
  return typeof value === 'function';
}
