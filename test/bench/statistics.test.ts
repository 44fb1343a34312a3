// Summaries of measurements.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import {
  deviation,
  geometricMean,
  logLogSlope,
  mean,
  quantile,
  quartiles,
} from '../../bench/report/statistics.js';

const positive = fc.double({ min: 1e-6, max: 1e6, noNaN: true });

describe('quantile', () => {
  test('is known on five numbers, in any order', () => {
    expect(quartiles([5, 1, 4, 2, 3])).toEqual({ lower: 2, median: 3, upper: 4 });
    expect(quantile([0, 10], 0.25)).toBe(2.5);
    expect(quantile([7], 0.9)).toBe(7);
  });

  test.prop([fc.array(positive, { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true })])(
    'lies within the sample and grows with q',
    (values, q) => {
      const value = quantile(values, q);
      expect(value).toBeGreaterThanOrEqual(Math.min(...values));
      expect(value).toBeLessThanOrEqual(Math.max(...values));
      expect(quantile(values, q / 2)).toBeLessThanOrEqual(value);
    },
  );

  test('keeps infinity and refuses NaN, nothing, and q beyond [0, 1]', () => {
    expect(quantile([1, Infinity, Infinity], 0.75)).toBe(Infinity);
    expect(() => quantile([1, Number.NaN], 0.5)).toThrow('quantile: values holds NaN');
    expect(() => quantile([], 0.5)).toThrow('quantile: values is empty');
    expect(() => quantile([1], Number.NaN)).toThrow('quantile: q is NaN');
  });
});

describe('geometricMean', () => {
  test.prop([fc.array(positive, { minLength: 1, maxLength: 20 })])(
    'of reciprocals is the reciprocal',
    (values) => {
      const product = geometricMean(values) * geometricMean(values.map((value) => 1 / value));
      expect(Math.abs(product - 1)).toBeLessThanOrEqual(1e-12);
    },
  );

  test('is known, and refuses what has no logarithm', () => {
    expect(geometricMean([1, 4, 16])).toBeCloseTo(4, 12);
    expect(() => geometricMean([1, 0])).toThrow('geometricMean: a value is 0');
    expect(() => geometricMean([])).toThrow('geometricMean: no values');
  });
});

describe('logLogSlope', () => {
  test.prop([positive, fc.double({ min: -4, max: 4, noNaN: true })])(
    'recovers the exponent of a power law',
    (factor, exponent) => {
      const x = [64, 128, 300, 785];
      const slope = logLogSlope(
        x,
        x.map((value) => factor * value ** exponent),
      );
      expect(Math.abs(slope - exponent)).toBeLessThanOrEqual(1e-9);
    },
  );

  test('refuses what determines no slope', () => {
    expect(() => logLogSlope([2, 2], [1, 3])).toThrow('all x are equal');
    expect(() => logLogSlope([1, 2], [1])).toThrow('x has 2 elements, y has 1');
    expect(() => logLogSlope([1, 2], [1, Number.NaN])).toThrow('a value is NaN');
  });
});

describe('mean and deviation', () => {
  test('are known on three numbers, and one alone deviates from nothing', () => {
    expect(mean([1, 2, 6])).toBe(3);
    // Squares 4, 1 and 9 over n − 1.
    expect(deviation([1, 2, 6])).toBe(Math.sqrt(7));
    expect(deviation([1])).toBeNaN();
  });
});
