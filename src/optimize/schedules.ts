// Learning-rate schedules: functions of the step k alone, so that a restored run continues exactly.

import { checkFraction, checkInteger, checkNonNegative, checkPositive } from '../core/check.js';
import { cosPi, power } from '../core/elementary.js';

/** η at step k = 0, 1, 2, … */
export type Schedule = (step: number) => number;

/**
 * A number stands for the constant schedule.
 *
 * @throws RangeError for a number that is not finite and ≥ 0.
 */
export function asSchedule(where: string, learningRate: number | Schedule): Schedule {
  if (typeof learningRate === 'function') return learningRate;
  checkNonNegative(where, 'learningRate', learningRate);
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

/**
 * η·factor^⌊k/every⌋.
 *
 * @throws RangeError unless `learningRate` is finite and ≥ 0, `factor` finite and > 0, and `every` an
 *   integer ≥ 1.
 */
export function stepDecay(options: {
  readonly learningRate: number;
  readonly factor: number;
  readonly every: number;
}): Schedule {
  const { learningRate, factor, every } = options;
  checkNonNegative('stepDecay', 'learningRate', learningRate);
  checkPositive('stepDecay', 'factor', factor);
  checkInteger('stepDecay', 'every', every, 1);
  return (step) => learningRate * power(factor, Math.floor(step / every));
}

/**
 * Cosine annealing: from η at k = 0 down to floor·η at k = steps, and constant after that:
 * η·(floor + (1 − floor)·(1 + cos(πk/steps))/2). Source: Loshchilov and Hutter 2016, equation 5.
 *
 * @throws RangeError unless `learningRate` is finite and ≥ 0, `steps` an integer ≥ 1, and `floor` in
 *   [0, 1).
 */
export function cosine(options: {
  readonly learningRate: number;
  readonly steps: number;
  /** The share of η that remains, in [0, 1) (default 0). */
  readonly floor?: number;
}): Schedule {
  const { learningRate, steps, floor = 0 } = options;
  checkNonNegative('cosine', 'learningRate', learningRate);
  checkInteger('cosine', 'steps', steps, 1);
  checkFraction('cosine', 'floor', floor);
  return (step) => {
    const progress = Math.min(step / steps, 1);
    return learningRate * (floor + ((1 - floor) * (1 + cosPi(progress))) / 2);
  };
}

/**
 * Linear warm-up: (k+1)/steps of `schedule`'s first value over the first steps, then `schedule`.
 *
 * @throws RangeError unless `steps` is an integer ≥ 1, and for a `schedule` that is a number but not
 *   finite and ≥ 0.
 */
export function warmUp(options: {
  readonly steps: number;
  readonly schedule: number | Schedule;
}): Schedule {
  const { steps } = options;
  checkInteger('warmUp', 'steps', steps, 1);
  const schedule = asSchedule('warmUp', options.schedule);
  return (step) => (step < steps ? (schedule(0) * (step + 1)) / steps : schedule(step - steps));
}
