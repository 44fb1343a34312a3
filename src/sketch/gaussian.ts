// The Gaussian sketch: S with independent entries N(0, 1/p).

import { allocate, type DType } from '../core/dtype.js';
import { type DenseMatrix, zeros } from '../core/matrix.js';
import { fillNormal, type RandomKey } from '../core/random.js';
import { checkSketchShape, type SketchShape } from './shape.js';

/** A drawn Gaussian sketch. */
export interface GaussianSketch<D extends DType = DType> extends SketchShape {
  readonly kind: 'gaussian';
  /** S, p×r. */
  readonly S: DenseMatrix<D>;
}

/**
 * Draws S (p×r) with independent entries N(0, 1/p), rounded to `dtype`, so that E[SSᵀ] = (r/p)·I.
 *
 * Entry (i, j) is number j·p + i of the key's stream: a wider sketch extends a narrower one, and
 * the float32 sketch is the float64 sketch, rounded. Cost: p·r normals.
 *
 * @throws RangeError unless 1 ≤ width ≤ inputs are integers.
 *
 * Source: NysAct, Algorithm 1, line 3.
 */
export function drawGaussian<D extends DType>(
  { inputs, width }: SketchShape,
  dtype: D,
  key: RandomKey,
): GaussianSketch<D> {
  checkSketchShape('drawGaussian', { inputs, width });
  const columns = allocate(dtype, inputs * width);
  fillNormal(key, columns, { scale: 1 / Math.sqrt(inputs) });
  const S = zeros(dtype, inputs, width);
  const elements = S.data;
  for (let j = 0; j < width; j++) {
    const from = j * inputs;
    for (let i = 0; i < inputs; i++) elements[i * width + j] = columns[from + i];
  }
  return { kind: 'gaussian', inputs, width, S };
}
