// Rows of an embedding: any list of integers will do, and nothing else.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { oneHotRows } from '../../src/rows/one-hot.js';
import { integerIndices } from '../support/lists.js';

const backend = cpuBackend('float64');

/** How often each of the words came. */
function counts(indices: ArrayLike<number>, cols: number): number[] {
  const a = backend.allocate(1, cols);
  oneHotRows(backend, indices, { cols }).sum(1, 0, a);
  return backend.readSync(a).toArrays()[0];
}

describe('oneHotRows', () => {
  test.each(integerIndices([3, 1, 3]))('counts the words of a list: %s', (_name, indices) => {
    expect(counts(indices, 4)).toEqual([0, 1, 0, 2]);
  });

  test('takes indices up to p − 1 where p is larger than a byte or two can hold', () => {
    const found = counts(Uint32Array.of(70_000, 0, 70_000), 70_001);
    expect([found[0], found[70_000]]).toEqual([1, 2]);
  });

  test('indices and weights are copies', () => {
    const indices = Int32Array.of(0, 1, 1);
    const weights = [1, 2, 3];
    const rows = oneHotRows(backend, indices, { cols: 2, weights });
    indices.fill(0);
    weights.fill(9);
    const a = backend.allocate(1, 2);
    rows.sum(1, 0, a);
    expect(backend.readSync(a).toArrays()).toEqual([[1, 5]]);
    rows.sum(1, 0, a, 2);
    expect(backend.readSync(a).toArrays()).toEqual([[1, 2]]);
    expect(Array.from(rows.weights ?? [])).toEqual([1, 2, 3]);
  });

  test.each<[string, unknown, unknown]>([
    ['indices[1] is 4, expected an integer >= 0 and <= 3', [0, 4], { cols: 4 }],
    ['indices[0] is -1, expected an integer >= 0 and <= 3', Int8Array.of(-1), { cols: 4 }],
    ['indices[0] is 0.5, expected an integer', Float32Array.of(0.5), { cols: 4 }],
    ['indices[0] is NaN, expected an integer', [Number.NaN], { cols: 4 }],
    ["indices[0] is '1', expected an integer", ['1'], { cols: 4 }],
    ['indices[0] is 1n, expected an integer', BigInt64Array.of(1n), { cols: 4 }],
    ['indices[1] is undefined, expected an integer', { length: 2, 0: 1 }, { cols: 4 }],
    ['indices[0] is 4294967297, expected an integer', [2 ** 32 + 1], { cols: 2 ** 31 - 1 }],
    ['the number of indices is 0, expected an integer >= 1', [], { cols: 4 }],
    ['cols is undefined, expected an integer >= 1', [0], {}],
    ['cols is 0, expected an integer >= 1', [0], { cols: 0 }],
    ['cols is 2147483648, expected an integer >= 1 and <= 2147483647', [0], { cols: 2 ** 31 }],
    ['weights has 1 elements, expected one for each of 2 rows', [0, 1], { cols: 4, weights: [1] }],
    [
      "unknown option 'weight', expected one of cols, weights, exampleOf; did you mean 'weights'?",
      [0],
      { cols: 4, weight: 4 },
    ],
  ])('refuses: %s', (message, indices, options) => {
    const call = () => Reflect.apply(oneHotRows, undefined, [backend, indices, options]);
    expect(call).toThrow(RangeError);
    expect(call).toThrow(`oneHotRows: ${message}`);
  });

  test.each<[string, unknown[]]>([
    ['indices is undefined, expected an array of numbers', [backend, undefined, { cols: 4 }]],
    ['indices is 3, expected an array of numbers', [backend, 3, { cols: 4 }]],
    ['options is undefined, expected an object', [backend, [0]]],
    ['weights is 1, expected an array of numbers', [backend, [0], { cols: 4, weights: 1 }]],
    ['backend is [object Int32Array], expected a backend', [Int32Array.of(0), { cols: 4 }]],
  ])('refuses by type: %s', (message, values) => {
    const call = () => Reflect.apply(oneHotRows, undefined, values);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(`oneHotRows: ${message}`);
  });
});
