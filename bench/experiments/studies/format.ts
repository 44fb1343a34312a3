// Numbers of several seeds, as people read them and as curves show them.

import { formatMeasured } from '../../report/format.js';
import type { Point } from '../../report/line-chart.js';
import { deviation, mean } from '../../report/statistics.js';

/** Mean ± standard deviation; the value alone where there is one, and nothing where there is none. */
export function formatSpread(values: readonly number[]): string {
  if (values.length === 0) return '–';
  const centre = formatMeasured(mean(values));
  return values.length === 1 ? centre : `${centre} ± ${formatMeasured(deviation(values))}`;
}

/** The same of those runs that have a value, and of how many they are: × where none has one. */
export function formatSpreadOf(values: readonly number[], runs: number): string {
  if (runs > 0 && values.length === 0) return '×';
  return `${formatSpread(values)}${values.length < runs ? ` (${values.length} of ${runs})` : ''}`;
}

/** The mean at x, in a band of a standard deviation to both sides. */
export function pointOf(x: number, values: readonly number[]): Point {
  const y = mean(values);
  if (values.length < 2) return { x, y };
  const spread = deviation(values);
  return { x, y, low: y - spread, high: y + spread };
}
