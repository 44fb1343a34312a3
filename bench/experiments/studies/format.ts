// Numbers of several seeds, as people read them.

import { formatMeasured } from '../../report/format.js';
import { deviation, mean } from '../../report/statistics.js';

/** Mean ± standard deviation; the value alone where there is one, and nothing where there is none. */
export function formatSpread(values: readonly number[]): string {
  if (values.length === 0) return '–';
  const centre = formatMeasured(mean(values));
  return values.length === 1 ? centre : `${centre} ± ${formatMeasured(deviation(values))}`;
}
