// The statistics of what enters a layer that methods look at.

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

/**
 * a = diag(XᵀX) over rows, 1×p: all that there is of XᵀX where every row is one of I. Cost of an update:
 * O(m + p) of such rows, O(mp) of others.
 */
export function activationDiagonal(p: number, average: Averaging): Statistic<'a'> {
  return {
    name: 'a',
    rows: 1,
    cols: p,
    average,
    of: ({ X }, weight, keep, a) => X.diagonal(weight, keep, a),
  };
}
