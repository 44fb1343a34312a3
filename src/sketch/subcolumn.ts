// The subcolumn sketch: S made of r distinct columns of I, chosen uniformly.

import type { DType } from '../core/dtype.js';
import { type RandomKey, sampleWithoutReplacement } from '../core/random.js';
import { checkDraw, type SketchShape } from './shape.js';
import type { Sketch } from './sketch.js';

/**
 * Draws r of p columns of I uniformly without replacement, so that E[SSᵀ] = (r/p)·I.
 *
 * A wider sketch extends a narrower one. Cost: O(p).
 *
 * @throws RangeError for an unknown dtype, or unless 1 ≤ width ≤ inputs are integers; TypeError where
 *   `key` is no key.
 *
 * Source: NysAct, Algorithm 1, line 3.
 */
export function subcolumn<D extends DType>(
  shape: SketchShape,
  dtype: D,
  key: RandomKey,
): Sketch<D> {
  checkDraw('subcolumn', shape, dtype, key);
  const { inputs, width } = shape;
  const indices = sampleWithoutReplacement(key, inputs, width);
  return { kind: 'columns', inputs, width, indices };
}
