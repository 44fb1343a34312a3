// The Gaussian sketch: S with independent entries N(0, 1/p).

import type { DType } from '../core/dtype.js';
import { zeros } from '../core/matrix.js';
import type { RandomKey } from '../core/random.js';
import { activeKernels } from '../kernels/selection.js';
import { checkDraw, type SketchShape } from './shape.js';
import type { Sketch } from './sketch.js';

/**
 * Draws S (p×r) with independent entries N(0, 1/p), rounded to `dtype`, so that E[SSᵀ] = (r/p)·I.
 *
 * Entry (i, j) is number j·p + i of the key's stream: a wider sketch extends a narrower one, and
 * the float32 sketch is the float64 sketch, rounded. Cost: p·r normals.
 *
 * @throws RangeError for an unknown dtype, or unless 1 ≤ width ≤ inputs are integers; TypeError where
 *   `key` is no key.
 *
 * Source: NysAct, Algorithm 1, line 3.
 */
export function gaussian<D extends DType>(shape: SketchShape, dtype: D, key: RandomKey): Sketch<D> {
  checkDraw('gaussian', shape, dtype, key);
  const { inputs, width } = shape;
  const S = zeros(dtype, inputs, width);
  activeKernels().fillNormal(key, 1 / Math.sqrt(inputs), S);
  return { kind: 'dense', inputs, width, S };
}
