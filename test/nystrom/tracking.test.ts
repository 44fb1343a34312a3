// Sketches that follow the factor: each window is a step of subspace iteration.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { DTYPES, type DType, EPSILON } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { randomKey } from '../../src/core/random.js';
import { type Eigenpairs, nystromEigenpairs } from '../../src/nystrom/factor.js';
import { carriedSketch, trackingSketch } from '../../src/nystrom/tracking.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import { denseSketch } from '../../src/sketch/sketch.js';
import { build, combine, type Matrix, product } from '../support/matrices.js';
import {
  approximation,
  INPUTS,
  nuclearNorm,
  operatorNorm,
  SPECTRA,
  type SpectrumName,
  sketchOf,
  smallestEigenvalue,
  spectralNorm,
} from '../support/nystrom.js';
import { randomOrthogonal, withSpectrum } from '../support/spectra.js';
import { type Slips, type Window, type WindowPolicy, windowsOf } from './windows.js';

const seeds = fc.nat(1_000_000);
const spectra = fc.constantFrom<SpectrumName[]>('exponential', 'polynomial', 'step', 'clustered');
const RANK = 6;

function pairsOf(A: Matrix, rank: number, seed: number): Eigenpairs {
  const sketch = drawSketch(
    'gaussian',
    { inputs: INPUTS, width: rank },
    'float64',
    randomKey(seed),
  );
  return nystromEigenpairs(sketchOf(A, sketch, 'float64'), sketch);
}

/** ‖SᵀS − I‖. */
function skewness(S: Matrix): number {
  const identity = build(S.cols, S.cols, (i, j) => Number(i === j));
  return spectralNorm(combine(1, product(S, 'T', S, 'N'), -1, identity));
}

describe.each(DTYPES)('a sketch that tracks, %s', (dtype) => {
  // Every element is rounded: √(pk) of them.
  const rounding = 8 * INPUTS * EPSILON[dtype];

  test.prop([spectra, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 6 }), seeds])(
    'has orthonormal columns, the kept eigenvectors among what they span, and fresh ones',
    (name, rank, extra, seed) => {
      const pairs = pairsOf(withSpectrum('float64', SPECTRA[name], seed), rank, seed);
      const shape = { inputs: INPUTS, width: rank + extra };
      const fresh = drawSketch('gaussian', shape, dtype, randomKey(seed + 1));
      const S = denseSketch(trackingSketch(pairs, fresh, rank, dtype), 'float64');
      expect(skewness(S)).toBeLessThanOrEqual(rounding);
      const kept = pairs.eigenvalues.filter((value) => value > 0).length;
      const U = pairs.U.view(0, 0, INPUTS, kept).clone();
      const first = S.view(0, 0, INPUTS, kept).clone();
      const outside = combine(1, U, -1, product(first, 'N', product(first, 'T', U, 'N'), 'N'));
      expect(operatorNorm(outside)).toBeLessThanOrEqual(rounding);
      // What else it spans are the first columns of the fresh one.
      const rest = shape.width - kept;
      if (rest === 0) return;
      const Omega = denseSketch(fresh, 'float64').view(0, 0, INPUTS, rest).clone();
      const beside = combine(1, Omega, -1, product(S, 'N', product(S, 'T', Omega, 'N'), 'N'));
      expect(operatorNorm(beside)).toBeLessThanOrEqual(rounding * (1 + operatorNorm(Omega)));
    },
  );

  test('keeps no eigenvector whose eigenvalue is 0', () => {
    const A = withSpectrum('float64', SPECTRA.rankFive, 1);
    const pairs = pairsOf(A, 8, 2);
    const eigenvalues = pairs.eigenvalues.map((value, j) => (j < 5 ? value : 0));
    const fresh = drawSketch('gaussian', { inputs: INPUTS, width: 8 }, dtype, randomKey(3));
    const S = (kept: number) => trackingSketch({ ...pairs, eigenvalues }, fresh, kept, dtype);
    expect(S(8)).toEqual(S(5));
    expect(S(5)).not.toEqual(S(4));
  });
});

const sketchOfInputs = (inputs: number) =>
  drawSketch('gaussian', { inputs, width: 3 }, 'float64', randomKey(1));

describe('what does not fit is refused', () => {
  const A = withSpectrum('float64', SPECTRA.exponential, 1);
  const pairs = pairsOf(A, 3, 1);
  const S = sketchOfInputs(INPUTS);

  test('eigenvectors in another dtype than float64', () => {
    const U = convert(pairs.U, 'float32');
    const call = () => Reflect.apply(trackingSketch, undefined, [{ ...pairs, U }, S, 2, 'float64']);
    expect(call).toThrow('trackingSketch: U holds float32, expected float64');
  });

  test.each<[string, () => unknown]>([
    ['more kept than columns', () => trackingSketch(pairs, S, 4, 'float64')],
    ['kept that is no integer', () => trackingSketch(pairs, S, 1.5, 'float64')],
    ['other inputs', () => trackingSketch(pairs, sketchOfInputs(9), 2, 'float64')],
    ['other inputs to carry', () => carriedSketch(pairs, sketchOfInputs(9), 'float64')],
  ])('%s', (_, act) => {
    expect(act).toThrow(RangeError);
  });

  test('what leaves the range of float32', () => {
    const huge = { ...pairs, eigenvalues: pairs.eigenvalues.map(() => 1e300) };
    const narrow = drawSketch('gaussian', { inputs: INPUTS, width: 3 }, 'float32', randomKey(1));
    expect(() => carriedSketch(huge, narrow, 'float32')).toThrow(RangeError);
  });
});

test('what is carried is ÂS', () => {
  const A = withSpectrum('float64', SPECTRA.polynomial, 1);
  const pairs = pairsOf(A, 5, 2);
  const sketch = drawSketch('gaussian', { inputs: INPUTS, width: 7 }, 'float64', randomKey(3));
  const S = denseSketch(sketch, 'float64');
  const expected = product(approximation(pairs), 'N', S, 'N');
  const error = operatorNorm(combine(1, carriedSketch(pairs, sketch, 'float64'), -1, expected));
  expect(error).toBeLessThanOrEqual(4 * INPUTS * EPSILON.float64 * operatorNorm(expected));
});

/** Moments of windows: a matrix that turns a little at every update. */
function turning(name: SpectrumName, seed: number, windows: number, updates: number): Matrix[][] {
  const [A, B] = [seed, seed + 1].map((one) => withSpectrum('float64', SPECTRA[name], one));
  const total = windows * updates;
  return Array.from({ length: windows }, (_, w) =>
    Array.from({ length: updates }, (__, u) => {
      const share = (w * updates + u) / total;
      return combine(1 - share, A, share, B);
    }),
  );
}

/** By how much the factors exceed 0 ⪯ Â ⪯ Ā at most. */
function excess(windows: readonly Window[]): number {
  return Math.max(
    ...windows.map(({ pairs, average }) => {
      const approximate = approximation(pairs);
      return Math.max(
        -smallestEigenvalue(approximate),
        -smallestEigenvalue(combine(1, average, -1, approximate)),
      );
    }),
  );
}

/** Every window shifts by ν ≤ √p·eps·‖C‖F, and rounds as much. */
function shifts(windows: readonly Window[], dtype: DType): number {
  const largest = Math.max(...windows.map(({ average }) => spectralNorm(average)));
  const nu = Math.sqrt(INPUTS * RANK) * EPSILON[dtype] * largest;
  return 2 * windows.length * (nu + INPUTS * EPSILON.float64 * largest);
}

const CARRIED: WindowPolicy = { rank: RANK, kept: RANK, carries: true, decay: 0.8 };

describe.each(DTYPES)(
  'T1: 0 ⪯ Â ⪯ Ā over all windows, where the average is carried, %s',
  (dtype) => {
    test.prop([spectra, fc.integer({ min: 0, max: 3 }), fc.constantFrom(0.5, 0.9), seeds], {
      numRuns: 20,
    })('whatever turns', (name, fresh, decay, seed) => {
      const policy = { ...CARRIED, width: RANK + fresh, decay };
      const windows = windowsOf(turning(name, seed, 4, 3), policy, dtype, seed);
      expect(excess(windows)).toBeLessThanOrEqual(shifts(windows, dtype));
    });

    test.each<[string, Slips]>([
      ['κ left out', { forgetsKappa: true }],
      ['t reset', { resetsUpdates: true }],
    ])('and not with %s', (_, slips) => {
      const moments = turning('exponential', 1, 4, 3);
      const windows = windowsOf(moments, CARRIED, dtype, 1, slips);
      expect(excess(windows)).toBeGreaterThan(100 * shifts(windows, dtype));
    });
  },
);

const constant = (A: Matrix, windows: number): Matrix[][] =>
  Array.from({ length: windows }, () => [A, A]);

function errors(A: Matrix, windows: readonly Window[]): number[] {
  return windows.map(({ pairs }) => nuclearNorm(combine(1, A, -1, approximation(pairs))));
}

describe.each(DTYPES)('T2: with a constant A, %s', (dtype) => {
  test.prop([spectra, fc.boolean(), seeds], { numRuns: 20 })(
    'the error falls window by window',
    (name, carries, seed) => {
      const A = withSpectrum('float64', SPECTRA[name], seed);
      const policy = { ...CARRIED, width: RANK + 2, carries };
      const windows = windowsOf(constant(A, 6), policy, dtype, seed);
      const found = errors(A, windows);
      const slack = INPUTS * shifts(windows, dtype);
      for (let w = 1; w < found.length; w++) {
        expect(found[w]).toBeLessThanOrEqual(found[w - 1] + slack);
      }
    },
  );

  test.prop([seeds], { numRuns: 10 })('to that of the best of its rank', (seed) => {
    // Every window shrinks the angle to the leading eigenvectors by λ_{r+1}/λ_r = 1/2 at least.
    const values = Array.from({ length: INPUTS }, (_, j) => 2 ** -j);
    const A = withSpectrum('float64', values, seed);
    const policy = { ...CARRIED, width: RANK + 2, carries: false };
    const windows = windowsOf(constant(A, 10), policy, dtype, seed);
    const best = values.slice(RANK).reduce((sum, value) => sum + value, 0);
    const [first, last] = [0, 9].map((w) => errors(A, windows)[w]);
    expect(last).toBeLessThanOrEqual(1.01 * best + INPUTS * shifts(windows, dtype));
    expect(first).toBeGreaterThan(last);
  });

  test('and does not, where every window has a new sketch', () => {
    const A = withSpectrum('float64', SPECTRA.exponential, 1);
    const windows = windowsOf(constant(A, 6), { ...CARRIED, kept: 0, carries: false }, dtype, 1);
    const found = errors(A, windows);
    expect(found.some((error, w) => w > 0 && error > 1.01 * found[w - 1])).toBe(true);
  });
});

test('recovers after an abrupt change as a new sketch does, two windows later', () => {
  const found = (kept: number) =>
    Array.from({ length: 21 }, (_, seed) => {
      const values = SPECTRA.exponential;
      const A = withSpectrum('float64', values, seed);
      // Its leading eigenvectors are the last of A.
      const Q = randomOrthogonal(INPUTS, seed);
      const B = product(
        build(INPUTS, INPUTS, (i, j) => Q.at(i, j) * values[INPUTS - 1 - j]),
        'N',
        Q,
        'T',
      );
      const policy = { rank: RANK, kept, carries: false, decay: 0.8 };
      const windows = windowsOf([...constant(A, 4), ...constant(B, 3)], policy, 'float64', seed);
      return spectralNorm(combine(1, B, -1, approximation(windows[6].pairs)));
    }).toSorted((a, b) => a - b)[10];
  expect(found(RANK - 2)).toBeLessThanOrEqual(found(0));
});
