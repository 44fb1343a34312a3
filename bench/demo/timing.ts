// Step times relative to a baseline's, robust against a machine whose speed drifts.

import { quantile } from '../report/statistics.js';

/**
 * The median over stretches of `length` steps of (time of the stretch)/(time of the baseline's same
 * stretch). A stretch is as long as the costliest thing that recurs; steps beyond the last whole
 * stretch are left out.
 *
 * @throws RangeError where there is no whole stretch, or the two lists differ in length.
 */
export function stepTimeRatio(
  milliseconds: readonly number[],
  baseline: readonly number[],
  length: number,
): number {
  if (milliseconds.length !== baseline.length) {
    throw new RangeError(
      `stepTimeRatio: ${milliseconds.length} steps, expected the baseline's ${baseline.length}`,
    );
  }
  const [own, other] = [stretches(milliseconds, length), stretches(baseline, length)];
  if (own.length === 0) {
    throw new RangeError(
      `stepTimeRatio: ${milliseconds.length} steps, expected at least ${length}`,
    );
  }
  return quantile(
    own.map((time, k) => time / other[k]),
    0.5,
  );
}

/** The mean of every whole stretch of `length` values. */
export function stretches(values: readonly number[], length: number): number[] {
  return Array.from({ length: Math.floor(values.length / length) }, (_, k) => {
    const stretch = values.slice(k * length, (k + 1) * length);
    return stretch.reduce((sum, value) => sum + value, 0) / length;
  });
}
