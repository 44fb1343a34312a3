// The same integers in every array that may hold them, those of another realm included.

import { runInNewContext } from 'node:vm';

/** `values`, which must fit a byte, under the name of each kind of array. */
export function integerIndices(values: readonly number[]): [string, ArrayLike<number>][] {
  const foreign: Int32Array = runInNewContext(`Int32Array.from([${values.join()}])`);
  return [
    ['Array', values],
    ['Int8Array', Int8Array.from(values)],
    ['Uint8Array', Uint8Array.from(values)],
    ['Int16Array', Int16Array.from(values)],
    ['Uint16Array', Uint16Array.from(values)],
    ['Int32Array', Int32Array.from(values)],
    ['Uint32Array', Uint32Array.from(values)],
    ['Float32Array', Float32Array.from(values)],
    ['Float64Array', Float64Array.from(values)],
    ['Int32Array of another realm', foreign],
  ];
}
