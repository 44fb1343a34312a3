// Powers and cosines against exact arithmetic in whole numbers, and the laws that schedules lean on.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { EPSILON } from '../../src/core/dtype.js';
import { cosPi, power } from '../../src/core/elementary.js';

const eps = EPSILON.float64;
const fixed = { seed: 1 };
const exponent = fc.integer({ min: 0, max: 300 });

/** The float64 numbers as fractions: x·2¹⁰⁷⁴ is whole for every one of them. */
function scaled(x: number): bigint {
  let [value, shift] = [x, 0];
  while (!Number.isInteger(value)) {
    value *= 2;
    shift += 1;
  }
  return BigInt(value) << BigInt(1074 - shift);
}

describe('power', () => {
  test.prop([fc.double({ min: 0.5, max: 2, noNaN: true }), exponent], fixed)(
    'is xⁿ rounded to nearest',
    (x, n) => {
      // x = s/2⁶⁰ in whole numbers, so xⁿ = sⁿ/2⁶⁰ⁿ, which is compared at 2¹⁰⁷⁴ times its size.
      const exact = ((BigInt(x * 2 ** 60) ** BigInt(n)) << 1074n) >> BigInt(60 * n);
      const result = power(x, n);
      const error = scaled(result) - exact;
      // Half an ulp, which is at most eps/2 of the result, and a thousandth for what is not exact.
      const bound = scaled(result * eps * 0.501);
      expect(error <= bound && -error <= bound).toBe(true);
    },
  );

  test('has what the whole numbers have, to the ends of the range', () => {
    expect([power(3, 33), power(-3, 3), power(0, 0), power(0, 7), power(1, 2 ** 53 - 1)]).toEqual([
      3 ** 33,
      -27,
      1,
      0,
      1,
    ]);
    expect([power(2, 1023), power(2, 1024), power(0.5, 1074), power(0.5, 1076)]).toEqual([
      8.98846567431158e307,
      Number.POSITIVE_INFINITY,
      5e-324,
      0,
    ]);
    expect([power(1e200, 2), power(1e300, 1)]).toEqual([Number.POSITIVE_INFINITY, 1e300]);
  });

  test.prop([fc.double({ min: 0, max: 1, noNaN: true }), exponent], fixed)(
    'of a number up to 1 never rises with n',
    (x, n) => {
      expect(power(x, n + 1)).toBeLessThanOrEqual(power(x, n));
    },
  );

  test.each([-1, 0.5, Number.POSITIVE_INFINITY])('refuses the exponent %s', (n) => {
    expect(() => power(0.5, n)).toThrow(RangeError);
  });
});

describe('cosPi', () => {
  // From arithmetic with 50 digits: radicals of the pentagon, the triangle, the square.
  test.each([
    [0, 1],
    [1 / 6, Math.sqrt(3) / 2],
    [0.2, (1 + Math.sqrt(5)) / 4],
    [0.25, Math.SQRT1_2],
    [1 / 3, 0.5],
    [0.4, (Math.sqrt(5) - 1) / 4],
    [0.5, 0],
    [2 / 3, -0.5],
    [0.75, -Math.SQRT1_2],
    [1, -1],
  ])('of %f is the radical %f', (x, radical) => {
    // 2⁻⁵¹ of its own, and what x and the radical were rounded by.
    expect(Math.abs(cosPi(x) - radical)).toBeLessThanOrEqual(4 * eps);
  });

  test.prop([fc.double({ min: 0, max: 0.25, noNaN: true })], fixed)(
    'keeps the law of the double angle',
    (x) => {
      const half = cosPi(x);
      expect(Math.abs(cosPi(2 * x) - (2 * half * half - 1))).toBeLessThanOrEqual(12 * eps);
    },
  );

  test.prop([fc.integer({ min: 0, max: 1024 })], fixed)(
    'is odd about one half, to the last bit',
    (k) => {
      expect(cosPi(1 - k / 2048)).toBe(-cosPi(k / 2048));
    },
  );
});
