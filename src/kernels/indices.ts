// The columns that a caller picks, as kernels take them.

import { checkInteger, checkType, isList } from '../core/check.js';

/**
 * `indices` as an Int32Array of this realm. An array of any kind and realm is taken.
 *
 * @throws TypeError if `indices` is no array; RangeError if an index is no integer in [0, count).
 */
export function takeIndices(where: string, indices: ArrayLike<number>, count: number): Int32Array {
  checkType(where, 'indices', indices, isList(indices), 'an array of integers');
  for (let j = 0; j < indices.length; j++) {
    checkInteger(where, `indices[${j}]`, indices[j], 0, count - 1);
  }
  return indices instanceof Int32Array ? indices : Int32Array.from(indices);
}
