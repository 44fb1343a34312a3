// Sequences as rows, one a token.

import { checkInteger } from '../core/check.js';
import type { DType, TypedArrayOf } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import { integer, optionList } from '../core/options.js';
import { reshape } from './reshape.js';

/** The shape of a batch of sequences, features varying fastest. */
export interface SequenceShape {
  readonly batch: number;
  readonly time: number;
  readonly features: number;
}

const SHAPE = /* @__PURE__ */ optionList({
  batch: /* @__PURE__ */ integer(1),
  time: /* @__PURE__ */ integer(1),
  features: /* @__PURE__ */ integer(1),
});

/**
 * A batch of sequences [batch, time, features] as (batch·time)×features rows, one a token: a view.
 * The mask [batch, time], flat and of zeros and ones, then serves as `weights` as it is. Row i is of the example
 * ⌊i/time⌋, which `exampleOf` tells.
 *
 * @throws RangeError where the number of elements is not batch·time·features, or the shape has another
 *   field; TypeError where there is no shape, or the input is no matrix and no typed array of floats.
 */
export function flattenSequences<D extends DType>(
  input: DenseMatrix<D> | TypedArrayOf<D>,
  shape: SequenceShape,
): DenseMatrix<D> {
  const where = 'flattenSequences';
  SHAPE.read(where, shape, 'shape');
  const { batch, time, features } = shape;
  checkInteger(where, 'batch', batch, 1);
  checkInteger(where, 'time', time, 1);
  checkInteger(where, 'features', features, 1);
  return reshape(where, 'input', input, batch * time, features);
}
