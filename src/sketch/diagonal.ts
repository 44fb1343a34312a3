// The diagonal sketch: columns of I, chosen with probability in proportion to the diagonal of A.

import { checkAttached, checkInteger, checkType, isList } from '../core/check.js';
import { isTypedArray } from '../core/dtype.js';
import { checkKey, fillUniform, type RandomKey } from '../core/random.js';
import type { SketchOf } from '../kernels/kernels.js';
import type { SketchShape } from './shape.js';

/**
 * Draws `width` of the p columns of I one after another without replacement, each with probability in
 * proportion to `weights` among those that are left: the diagonal of A, so that columns of much energy are
 * seen. Once all that are left weigh 0, the first of them is taken.
 *
 * A wider sketch extends a narrower one. Cost: O(p·width). E[SSᵀ] is not (r/p)·I, which a Nyström factor does
 * not ask for: it depends on the range of S alone.
 *
 * @param weights p numbers ≥ 0.
 * @throws RangeError unless 1 ≤ width ≤ p are integers, or a weight is negative or not finite; TypeError where
 *   `weights` are no Float64Array, or `key` is no key.
 *
 * Source: Frieze, Kannan and Vempala 2004, and Drineas and Mahoney 2005, where columns are drawn with
 * replacement.
 */
export function diagonalColumns(
  weights: Float64Array,
  width: number,
  key: RandomKey,
): SketchShape & SketchOf<never> {
  const where = 'diagonalColumns';
  const fits = isTypedArray(weights, 'float64') && isList(weights);
  checkType(where, 'weights', weights, fits, 'a Float64Array');
  checkAttached(where, 'weights', weights);
  const inputs = weights.length;
  checkInteger(where, 'width', width, 1, inputs);
  weights.forEach((weight, i) => {
    if (Number.isFinite(weight) && weight >= 0) return;
    throw new RangeError(`${where}: weights[${i}] is ${weight}, expected a finite number >= 0`);
  });
  checkKey(where, key);
  const u = new Float64Array(width);
  fillUniform(key, u);
  // Sums of scaled weights cannot overflow.
  const largest = weights.reduce((most, weight) => Math.max(most, weight), 0);
  const left = weights.map((weight) => (largest > 0 ? weight / largest : 0));
  const isTaken = new Uint8Array(inputs);
  const indices = Int32Array.from(u, (x) => {
    const total = left.reduce((sum, weight) => sum + weight, 0);
    const index = total > 0 ? placeOf(left, x * total) : isTaken.indexOf(0);
    left[index] = 0;
    isTaken[index] = 1;
    return index;
  });
  return { kind: 'columns', inputs, width, indices };
}

/** The first index up to which the weights sum to more than `threshold`. */
function placeOf(weights: Float64Array, threshold: number): number {
  let sum = 0;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    sum += weights[i];
    last = i;
    if (sum > threshold) break;
  }
  // Rounding may leave the whole sum at the threshold.
  return last;
}
