// Overflow, told beforehand from bounds: what has become infinite cannot be taken back.

import { type DType, LARGEST } from './dtype.js';

/** The largest bound that passes: the rest of the range is for rounding and for partial sums. */
const LIMIT: Readonly<Record<DType, number>> = {
  float32: LARGEST.float32 / 4,
  float64: LARGEST.float64 / 4,
};

/**
 * What is smaller can be added to any finite number and leaves it finite: half a unit in the last place of
 * the largest one.
 */
export const HARMLESS: Readonly<Record<DType, number>> = { float32: 2 ** 103, float64: 2 ** 970 };

/**
 * `bound`, of the elements of something, must lie within the range of `dtype`.
 *
 * @throws RangeError where it does not, or is NaN.
 */
export function checkRange(where: string, name: string, bound: number, dtype: DType): void {
  if (bound <= LIMIT[dtype]) return;
  throw new RangeError(
    `${where}: ${name} could reach ${bound}, expected <= ${LIMIT[dtype]} to stay within ${dtype}`,
  );
}
