// Probes of the error of a factor: what they say, and how far from the truth they are at which probability.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { DTYPES, type DType, EPSILON } from '../../src/core/dtype.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { activationSketch } from '../../src/nystrom/activation-sketch.js';
import { errorEstimate } from '../../src/nystrom/certificate.js';
import { nystromEigenpairs } from '../../src/nystrom/factor.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import { denseSketch, type Sketch } from '../../src/sketch/sketch.js';
import { combine, gaussian, type Matrix, norm, product, uniform } from '../support/matrices.js';
import { approximation, INPUTS, type Pairs, SPECTRA, sketchOf } from '../support/nystrom.js';
import { SEED } from '../support/seed.js';
import { withSpectrum } from '../support/spectra.js';
import { SIGNIFICANCE } from '../support/statistics.js';

const PROBES = 5;
const DRAWS = 600;
const key = randomKey(SEED);

function drawn<D extends DType>(width: number, dtype: D, number: number): Sketch<D> {
  return drawSketch('gaussian', { inputs: INPUTS, width }, dtype, foldIn(key, number));
}

function momentOf(X: Matrix): Matrix {
  const sum = product(X, 'T', X, 'N');
  return combine(1 / X.rows, sum, 0, sum);
}

/** ‖A − Â‖F. */
function errorOf(A: Matrix, pairs: Pairs): number {
  return norm(combine(1, A, -1, approximation(pairs)));
}

/** P(err² ≤ (1 − t)‖E‖²F). */
const lowerTail = (t: number) => (Math.exp(t) * (1 - t)) ** (PROBES / 2);
/** P(err² ≥ (1 + t)‖E‖²F). */
const upperTail = (t: number) => (Math.exp(-t) * (1 + t)) ** (PROBES / 2);

/**
 * By how much the shares of `ratios` err²/‖E‖²F in the tails exceed what they may be at most, over what n draws
 * exceed it by with probability ≤ SIGNIFICANCE (Hoeffding 1963): a right estimate stays ≤ 1.
 */
function excess(ratios: readonly number[]): number {
  const share = (within: (ratio: number) => boolean) =>
    ratios.filter(within).length / ratios.length;
  const tails = [
    ...[0.5, 0.8, 0.95].map((t) => share((ratio) => ratio <= 1 - t) - lowerTail(t)),
    ...[0.5, 1, 2, 4].map((t) => share((ratio) => ratio >= 1 + t) - upperTail(t)),
  ];
  return (
    Math.max(...tails) / Math.sqrt(Math.log(tails.length / SIGNIFICANCE) / (2 * ratios.length))
  );
}

test.prop([fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.nat(1_000_000)])(
  'is √(p/z)·‖(A − Â)Ψ‖F',
  (rank, probes, seed) => {
    const A = withSpectrum('float64', SPECTRA.polynomial, seed);
    const sketch = drawn(rank, 'float64', seed);
    const pairs = nystromEigenpairs(sketchOf(A, sketch, 'float64'), sketch);
    const psi = drawn(probes, 'float64', seed + 1);
    const E = combine(1, A, -1, approximation(pairs));
    const seen = norm(product(E, 'N', denseSketch(psi, 'float64'), 'N'));
    const expected = Math.sqrt(INPUTS / probes) * seen;
    const found = errorEstimate(pairs, sketchOf(A, psi, 'float64'), psi);
    const rounding = 8 * INPUTS * EPSILON.float64 * norm(A);
    expect(Math.abs(found - expected)).toBeLessThanOrEqual(rounding);
  },
);

describe.each(DTYPES)('the tails of an accumulator’s estimate, %s', (dtype) => {
  const X = gaussian(uniform(1), 200, INPUTS);
  for (let j = 0; j < INPUTS; j++)
    for (let i = 0; i < X.rows; i++) X.set(i, j, X.at(i, j) / (j + 1));
  const A = momentOf(X);

  test.each(['gaussian', 'subcolumn', 'power'] as const)('are within their bounds, %s', (kind) => {
    const ratios = Array.from({ length: DRAWS }, (_, n) => {
      const options = { inputs: INPUTS, rank: 4, kind, dtype, probes: PROBES } as const;
      const factor = activationSketch<DType>({ ...options, seed: 1e6 * SEED + n })
        .observe(X)
        .factor();
      return ((factor.errorEstimate ?? Number.NaN) / errorOf(A, factor)) ** 2;
    });
    expect(excess(ratios)).toBeLessThanOrEqual(1);
  });

  const wrong = {
    'the probes are the sketch itself': (_pairs, sketch) => sketch,
    'the eigenvalues are halved': (pairs, _sketch, psi) => {
      pairs.eigenvalues.forEach((value, j) => {
        pairs.eigenvalues[j] = value / 2;
      });
      return psi;
    },
  } as const satisfies Record<
    string,
    (pairs: ReturnType<typeof nystromEigenpairs>, sketch: Sketch, psi: Sketch) => Sketch
  >;

  test.each(['the probes are the sketch itself', 'the eigenvalues are halved'] as const)(
    'are not, where %s',
    (name) => {
      const ratios = Array.from({ length: DRAWS }, (_, n) => {
        const [sketch, psi] = [drawn(PROBES, dtype, 2 * n), drawn(PROBES, dtype, 2 * n + 1)];
        const pairs = nystromEigenpairs(sketchOf(A, sketch, dtype), sketch);
        const truth = errorOf(A, pairs);
        const probes = wrong[name](pairs, sketch, psi);
        return (errorEstimate(pairs, sketchOf(A, probes, dtype), probes) / truth) ** 2;
      });
      expect(excess(ratios)).toBeGreaterThan(2);
    },
  );
});

test('without probes there is no estimate', () => {
  const X = gaussian(uniform(1), 9, 6);
  const factor = activationSketch({ inputs: 6, rank: 2 }).observe(X).factor();
  expect(factor.errorEstimate).toBeUndefined();
});

test('probes change no factor', () => {
  const X = gaussian(uniform(1), 9, 6);
  const [factor, probed] = [0, 3].map((probes) =>
    activationSketch({ inputs: 6, rank: 2, probes }).observe(X).factor(),
  );
  expect([probed.U, probed.eigenvalues, probed.trace]).toEqual([
    factor.U,
    factor.eigenvalues,
    factor.trace,
  ]);
});

test('more probes than inputs are refused', () => {
  expect(() => activationSketch({ inputs: 4, rank: 2, probes: 5 })).toThrow(
    'activationSketch: probes is 5, expected an integer ',
  );
});
