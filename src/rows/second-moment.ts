// The statistic that most methods look at.

import type { Averaging, Statistic } from './accumulator.js';

/** A = XᵀX over rows, p×p. Cost of an update: O(mp²). */
export function activationMoment(p: number, average: Averaging): Statistic<'A'> {
  return {
    name: 'A',
    rows: p,
    cols: p,
    average,
    of: ({ X }, weight, keep, A) => X.secondMoment(weight, keep, A),
  };
}
