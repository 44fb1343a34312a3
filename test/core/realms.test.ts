// What is of another realm, as Jest, vm and iframes have them, or of another copy of the library.

import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { checkMatrix, DenseMatrix, isDenseMatrix } from '../../src/core/matrix.js';
import { fillNormal, fillUniform, randomKey } from '../../src/core/random.js';

describe('arrays of another realm', () => {
  test.each(['float32', 'float64'] as const)('are wrapped as own arrays, in %s', (dtype) => {
    const Foreign = runInNewContext(dtype === 'float32' ? 'Float32Array' : 'Float64Array');
    const Own = dtype === 'float32' ? Float32Array : Float64Array;
    const data = Foreign.of(0, 1, 2, 3, 4);
    expect(data).not.toBeInstanceOf(Own);
    const A = new DenseMatrix(dtype, 2, 2, data.subarray(1));
    expect(A.data).toBeInstanceOf(Own);
    expect(A.toArrays()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    A.set(1, 1, 9);
    expect(data[4]).toBe(9);
  });

  test.each([fillUniform, fillNormal])('are filled as own arrays, by %o', (fill) => {
    const key = randomKey(3);
    const [own, foreign] = [new Float32Array(50), runInNewContext('new Float32Array(50)')];
    fill(key, own);
    fill(key, foreign);
    expect(Array.from(foreign)).toEqual(Array.from(own));
  });
});

test('knows the matrices of another copy of the library', async () => {
  const copy = '../../src/core/matrix.js?copy';
  const other: typeof import('../../src/core/matrix.js') = await import(copy);
  expect(other.DenseMatrix).not.toBe(DenseMatrix);
  expect(isDenseMatrix(other.zeros('float32', 1, 2))).toBe(true);
  expect(() => checkMatrix('f', 'A', other.zeros('float32', 1, 2))).not.toThrow();
});
