import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { logOfProbability, normalQuantile } from '../../src/core/quantile.js';
import { normalCdf } from '../support/statistics.js';

/**
 * p, Φ⁻¹(p) and ln p, from arithmetic with 50 digits: both tails to their ends, and both sides of
 * every seam between two approximations (p = e⁻²⁵, 0.075, 0.925).
 */
const EXACT: readonly (readonly [p: number, quantile: number, logarithm: number])[] = [
  [5e-324, -38.467405617144344, -744.4400719213812],
  [1e-300, -37.0470962993612, -690.7755278982137],
  [2 ** -54, -8.292361075813595, -37.42994775023705],
  [3 * 2 ** -54, -8.160707840858583, -36.33133546156894],
  [2 ** -50, -7.956038125481531, -34.657359027997266],
  [2 ** -45, -7.515155294158908, -31.191623125197538],
  [1.388794386496402e-11, -6.657904643501103, -25],
  [1.3887943878851967e-11, -6.657904643354088, -24.999999999],
  [1e-9, -5.9978070150076865, -20.72326583694641],
  [1e-6, -4.753424308822899, -13.815510557964274],
  [1e-4, -3.7190164854556804, -9.210340371976182],
  [1e-3, -3.0902323061678136, -6.907755278982137],
  [0.01, -2.326347874040841, -4.605170185988091],
  [0.07499999999999998, -1.4395314709384561, -2.5902671654458267],
  [0.075, -1.439531470938456, -2.5902671654458267],
  [0.07500000000000001, -1.439531470938456, -2.5902671654458262],
  [0.2, -0.8416212335729142, -1.6094379124341003],
  [0.25, -0.6744897501960817, -1.3862943611198906],
  [0.375, -0.31863936396437514, -0.9808292530117262],
  [0.5 - 2 ** -10, -0.0024478816191106775, -0.6951022153957487],
  [0.5 - 2 ** -30, -2.3344794983332983e-9, -0.6931471824225904],
  [0.5 - 2 ** -54, -1.3914582123358836e-16, -0.6931471805599454],
  [0.5 + 2 ** -52, 5.565832849343534e-16, -0.6931471805599448],
  [0.75, 0.6744897501960817, -0.2876820724517809],
  [0.925, 1.4395314709384561, -0.0779615414697118],
  [0.99, 2.3263478740408408, -0.01005033585350145],
  [1 - 2 ** -53, 8.209536151601387, -1.1102230246251565e-16],
];

/** Relative error bounds: 4 and 2 times the machine epsilon. */
const QUANTILE_BOUND = 2 ** -50;
const LOG_BOUND = 2 ** -51;

function relativeError(value: number, exact: number): number {
  return Math.abs((value - exact) / exact);
}

describe('normalQuantile', () => {
  test.each(EXACT)('is accurate to 2⁻⁵⁰ at p = %s', (p, quantile) => {
    expect(relativeError(normalQuantile(p), quantile)).toBeLessThanOrEqual(QUANTILE_BOUND);
  });

  test('the median is 0', () => {
    expect(normalQuantile(0.5)).toBe(0);
  });

  test.prop([fc.integer({ min: 1, max: 2 ** 52 - 1 })], { numRuns: 500 })(
    'is odd about ½ to the last bit',
    (j) => {
      const p = j * 2 ** -53;
      expect(normalQuantile(1 - p)).toBe(-normalQuantile(p));
    },
  );

  test.prop([fc.double({ min: 1e-3, max: 1 - 1e-3, noNaN: true })], { numRuns: 500 })(
    'inverts the distribution function',
    (p) => {
      expect(Math.abs(normalCdf(normalQuantile(p)) - p)).toBeLessThanOrEqual(1e-15);
    },
  );

  test.each([0, 1, -0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses p = %s', (p) => {
    expect(() => normalQuantile(p)).toThrow(
      new RangeError(`normalQuantile: p is ${p}, expected 0 < p < 1`),
    );
  });
});

describe('logOfProbability', () => {
  test.each(EXACT)('is accurate to 2⁻⁵¹ at %s', (p, _quantile, logarithm) => {
    expect(relativeError(logOfProbability(p), logarithm)).toBeLessThanOrEqual(LOG_BOUND);
  });

  test('ln 1 is 0', () => {
    expect(logOfProbability(1)).toBe(0);
  });

  test.prop([fc.double({ min: 2 ** -54, max: 0.5, noNaN: true })], { numRuns: 2000 })(
    'agrees with the logarithm of the engine, which may err by an ulp itself',
    (p) => {
      expect(relativeError(logOfProbability(p), Math.log(p))).toBeLessThanOrEqual(2 * LOG_BOUND);
    },
  );
});
