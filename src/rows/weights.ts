// How much each row counts: a list of weights, checked and copied.

import { checkNonNegative, isList } from '../core/check.js';
import { type DType, LARGEST } from '../core/dtype.js';
import { guarded, type Option } from '../core/options.js';

/** The option of weights: what they hold is checked by {@link copyOfWeights}. */
export const weightList: Option<ArrayLike<number>> = /* @__PURE__ */ guarded(
  'an array of numbers',
  isList,
);

/**
 * One weight for each of `rows` rows, copied: the caller's may change.
 *
 * @throws RangeError where there are too few or too many, one is negative or not finite, or their sum
 *   or its inverse is not > 0 and finite in `dtype`.
 */
export function copyOfWeights(
  where: string,
  dtype: DType,
  rows: number,
  weights: ArrayLike<number> | undefined,
): Float64Array | undefined {
  if (weights === undefined) return undefined;
  if (weights.length !== rows) {
    throw new RangeError(
      `${where}: weights has ${weights.length} elements, expected one for each of ${rows} rows`,
    );
  }
  for (let i = 0; i < rows; i++) {
    const weight = weights[i];
    // Looked at here already, because a name for each weight would cost more than the sum.
    if (!(Number.isFinite(weight) && weight >= 0)) checkNonNegative(where, `weights[${i}]`, weight);
  }
  const copy = Float64Array.from(weights);
  const sum = countOf(rows, copy);
  // 1/Σw must be representable too: it is what the moments are multiplied by.
  if (1 / sum <= LARGEST[dtype] && sum <= LARGEST[dtype]) return copy;
  throw new RangeError(
    `${where}: the weights sum to ${sum}, expected a sum > 0 within the range of ${dtype}`,
  );
}

/** What so many rows count for: Σw, each 1 where there are no weights. */
export function countOf(rows: number, weights: Float64Array | undefined): number {
  return weights === undefined ? rows : weights.reduce((sum, weight) => sum + weight, 0);
}
