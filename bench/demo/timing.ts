// Step times relative to a baseline's, robust against a machine whose speed drifts.

import { quantile } from '../report/statistics.js';

/** How the steps were taken. */
export interface Rhythm {
  /** Steps of one optimiser before the next one's turn. */
  readonly stepsPerTurn: number;
  /** Turns from one refresh to the next: the first of so many is dearer than the others. */
  readonly turnsPerCycle: number;
}

/**
 * Time per step relative to the baseline's, over whole cycles.
 *
 * Each turn is compared with the baseline's turn in the same round, which is over before the
 * machine's speed has drifted far. With ρ₁ the median of these ratios over first turns and ρ the
 * median over all others, the result is (ρ₁ + (n−1)ρ)/n for n turns in a cycle.
 *
 * @throws RangeError where there is no whole cycle, or the two lists differ in length.
 */
export function stepTimeRatio(
  milliseconds: readonly number[],
  baseline: readonly number[],
  { stepsPerTurn, turnsPerCycle: n }: Rhythm,
): number {
  if (milliseconds.length !== baseline.length) {
    throw new RangeError(
      `stepTimeRatio: ${milliseconds.length} steps, expected the baseline's ${baseline.length}`,
    );
  }
  const base = meansOf(baseline, stepsPerTurn);
  const turns = meansOf(milliseconds, stepsPerTurn);
  const ratios = turns
    .slice(0, turns.length - (turns.length % n))
    .map((time, turn) => time / base[turn]);
  if (ratios.length === 0) {
    throw new RangeError(
      `stepTimeRatio: ${milliseconds.length} steps, expected at least ${n * stepsPerTurn}`,
    );
  }
  const first = quantile(
    ratios.filter((_, turn) => turn % n === 0),
    0.5,
  );
  if (n === 1) return first;
  const other = quantile(
    ratios.filter((_, turn) => turn % n !== 0),
    0.5,
  );
  return (first + (n - 1) * other) / n;
}

/** The mean of each whole piece of `length` values. */
export function meansOf(values: readonly number[], length: number): number[] {
  return Array.from({ length: Math.floor(values.length / length) }, (_, k) => {
    const piece = values.slice(k * length, (k + 1) * length);
    return piece.reduce((sum, value) => sum + value, 0) / length;
  });
}
