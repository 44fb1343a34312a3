// The columns that a caller picks, as kernels take them.

import { checkInteger, checkType, isList } from '../core/check.js';

/**
 * `indices` as an Int32Array of this realm. An array of any kind and realm is taken.
 *
 * @throws TypeError if `indices` is no array; RangeError if an index is no integer in [0, count).
 */
export function takeIndices(where: string, indices: ArrayLike<number>, count: number): Int32Array {
  checkType(where, 'indices', indices, isList(indices), 'an array of integers');
  checkIndices(where, (j) => `indices[${j}]`, indices, count);
  return indices instanceof Int32Array ? indices : Int32Array.from(indices);
}

/** All must be integers in [0, count); number j is called `name(j)`. */
export function checkIndices(
  where: string,
  name: (j: number) => string,
  indices: ArrayLike<number>,
  count: number,
): void {
  for (let j = 0; j < indices.length; j++) {
    const index = indices[j];
    // A name for each index would cost more than all else.
    if (Number.isInteger(index) && index >= 0 && index < count) continue;
    checkInteger(where, name(j), index, 0, count - 1);
  }
}
