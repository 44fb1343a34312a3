import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { allocate, BYTES, DTYPES, EPSILON, isTypedArray, LARGEST } from '../../src/core/dtype.js';

describe.each(DTYPES)('%s', (dtype) => {
  /** `x` as the dtype holds it. */
  const round = (x: number): number => {
    const cell = allocate(dtype, 1);
    cell[0] = x;
    return cell[0];
  };

  test('EPSILON is the gap between 1 and the next number', () => {
    expect(round(1 + EPSILON[dtype])).toBe(1 + EPSILON[dtype]);
    expect(round(1 + EPSILON[dtype] / 2)).toBe(1);
  });

  test('LARGEST is the last finite number', () => {
    expect(round(LARGEST[dtype])).toBe(LARGEST[dtype]);
    expect(round(LARGEST[dtype] * (1 + EPSILON[dtype]))).toBe(Number.POSITIVE_INFINITY);
  });

  test('BYTES is the size of an element', () => {
    expect(allocate(dtype, 3).byteLength).toBe(3 * BYTES[dtype]);
  });

  test('allocate gives zeros in an array of the dtype', () => {
    expect(allocate(dtype, 2)).toEqual(
      dtype === 'float32' ? Float32Array.of(0, 0) : Float64Array.of(0, 0),
    );
    expect(allocate(dtype, 0)).toHaveLength(0);
  });
});

test.each(['f32', 'float16', 'toString', undefined, null])('allocate refuses %o', (dtype) => {
  const shown = typeof dtype === 'string' ? `'${dtype}'` : dtype;
  expect(() => Reflect.apply(allocate, undefined, [dtype, 2])).toThrow(
    new RangeError(`allocate: dtype is ${shown}, expected 'float32' or 'float64'`),
  );
});

test('isTypedArray tells the array of a dtype from all else', () => {
  const arrays = [new Float32Array(1), new Float64Array(1), new Int32Array(1), [1], null, 'x'];
  expect(arrays.map((value) => isTypedArray(value, 'float32'))).toEqual(
    arrays.map((_, i) => i === 0),
  );
  expect(arrays.map((value) => isTypedArray(value, 'float64'))).toEqual(
    arrays.map((_, i) => i === 1),
  );
  const foreign: unknown = runInNewContext('new Float32Array(1)');
  expect(foreign).not.toBeInstanceOf(Float32Array);
  expect(isTypedArray(foreign, 'float32')).toBe(true);
});
