import { describe, expect, test } from 'vitest';
import { allocate, BYTES, EPSILON, LARGEST } from '../../src/core/dtype.js';

describe.each(['float32', 'float64'] as const)('%s', (dtype) => {
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
