// Rows of a tensor: its last axis is the columns, every other position is a row.

import type { Tensor } from '@tensorflow/tfjs';
import { heldRows } from '../../rows/dense.js';
import { inSuccession } from '../../rows/examples.js';
import type { Rows } from '../../rows/rows.js';
import type { RowsHost } from './host.js';

/**
 * The tensor as rows, of float32 whatever its dtype, with a column of ones where there is a bias. Its first
 * axis is that of examples, unless `exampleOf` tells the example of each row.
 *
 * @throws RangeError where the tensor has no elements.
 */
export function positions(
  { tf, backend }: RowsHost,
  tensor: Tensor,
  bias: boolean,
  exampleOf?: () => Int32Array,
): Rows<'float32'> {
  const floats = tf.cast(tensor, 'float32');
  const slot = backend.adopt(floats, 'rows');
  floats.dispose();
  try {
    const [examples] = tensor.shape;
    const inOrder = () => inSuccession(slot.rows, examples);
    return heldRows(backend, slot, bias, exampleOf ?? inOrder);
  } catch (error) {
    backend.free(slot);
    throw error;
  }
}
