// Rows of a tensor: its last axis is the columns, every other position is a row.

import type { Tensor } from '@tensorflow/tfjs';
import { slotRows } from '../../rows/dense.js';
import type { Rows } from '../../rows/rows.js';
import type { RowsHost } from './host.js';

/**
 * The tensor as rows, of float32 whatever its dtype, with a column of ones where there is a bias.
 *
 * @throws RangeError where the tensor has no elements.
 */
export function positions(
  { tf, backend }: RowsHost,
  tensor: Tensor,
  bias: boolean,
): Rows<'float32'> {
  const floats = tf.cast(tensor, 'float32');
  const slot = backend.adopt(floats, 'rows');
  floats.dispose();
  try {
    return slotRows(backend, slot, { bias });
  } catch (error) {
    backend.free(slot);
    throw error;
  }
}
