// The subcolumn sketch: S made of r distinct columns of I, chosen uniformly.

import { type RandomKey, sampleWithoutReplacement } from '../core/random.js';
import { checkSketchShape, type SketchShape } from './shape.js';

/** A drawn subcolumn sketch: column j of S is column `indices[j]` of I. Has no dtype. */
export interface SubcolumnSketch extends SketchShape {
  readonly kind: 'subcolumn';
  /** r distinct integers of 0 … p − 1, in the order drawn. */
  readonly indices: Int32Array;
}

/**
 * Draws r of p columns of I uniformly without replacement, so that E[SSᵀ] = (r/p)·I.
 *
 * A wider sketch extends a narrower one. Cost: O(p).
 *
 * @throws RangeError unless 1 ≤ width ≤ inputs are integers.
 *
 * Source: NysAct, Algorithm 1, line 3.
 */
export function drawSubcolumn({ inputs, width }: SketchShape, key: RandomKey): SubcolumnSketch {
  checkSketchShape('drawSubcolumn', { inputs, width });
  return {
    kind: 'subcolumn',
    inputs,
    width,
    indices: sampleWithoutReplacement(key, inputs, width),
  };
}
