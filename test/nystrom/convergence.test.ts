// docs/convergence.md, its statements about one step: both sides of each, on least squares.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { DTYPES } from '../../src/core/dtype.js';
import { nystromEigenpairs } from '../../src/nystrom/factor.js';
import { publishedEigenpairs } from '../../src/published/factor.js';
import { type LeastSquares, secondMoment } from '../support/least-squares.js';
import { build, combine, type Matrix } from '../support/matrices.js';
import { approximation, denseAs, SPECTRA, sketchOf, spectralNorm } from '../support/nystrom.js';
import {
  rateFor,
  STATEMENT_NAMES,
  type StatementName,
  type Step,
  sidesOf,
  tightness,
} from './statements.js';
import {
  GRADIENTS,
  invert,
  METHODS,
  type Setup,
  SPECTRUM_NAMES,
  stepOf,
  type Wrongly,
} from './steps.js';
import { WRONG } from './wrong.js';

/** A wrong P̃ must miss a bound by this many times what rounding may. */
const CLEARLY = 10;

const setups = fc.record({
  spectrum: fc.constantFrom(...SPECTRUM_NAMES),
  method: fc.constantFrom(...METHODS),
  gradient: fc.constantFrom(...GRADIENTS),
  width: fc.integer({ min: 1, max: 16 }),
  seed: fc.nat(1_000_000),
  damping: fc.constantFrom(1e-4, 1e-3, 1e-2, 0.1, 1, 10),
  batch: fc.integer({ min: 1, max: 8 }),
});

/** η over {@link rateFor}; one statement alone sets a limit. */
const rates = (name: StatementName) =>
  fc.constantFrom(...(name === 'a small step' ? [] : [10]), 1, 0.5, 0.01);

describe.each(DTYPES)('a step, %s', (dtype) => {
  describe.each(STATEMENT_NAMES)('%s', (name) => {
    test.prop([setups, rates(name)], { numRuns: 40 })('holds', (setup, rate) => {
      const step = stepOf(setup, dtype);
      const { left, right, unit } = sidesOf(name, { ...step, eta: rate * rateFor(name, step) });
      expect(left).toBeLessThanOrEqual(right + unit);
    });
  });
});

interface Mistake extends Pick<Setup, 'damping'> {
  readonly title: string;
  readonly wrongly: Wrongly;
  readonly violates: readonly StatementName[];
}

const RANK_FIVE = SPECTRA.rankFive[0];

/** What each of these breaks, on a matrix of rank 5 with a sketch of 8 columns. */
const MISTAKES: readonly Mistake[] = [
  {
    title: 'the published variant',
    damping: 1e-2,
    wrongly: { construct: (C, sketch) => publishedEigenpairs(C, sketch, 1e-2 * RANK_FIVE) },
    violates: ['the length of the step', "in the layer's own curvature"],
  },
  {
    title: 'L⁻¹ instead of L⁻ᵀ',
    damping: 1,
    wrongly: { construct: WRONG['L⁻¹ instead of L⁻ᵀ'] },
    violates: ['no less than FOOF', 'no less than a scaled gradient'],
  },
  {
    title: 'the eigenvalues halved',
    damping: 1,
    wrongly: { construct: WRONG['the eigenvalues halved'] },
    violates: ['the length of the step', "in the layer's own curvature"],
  },
  {
    title: 'half the damping',
    damping: 10,
    wrongly: {
      inversion: (pairs, dtype, options) =>
        invert(pairs, dtype, { ...options, damping: options.damping / 2 }),
    },
    violates: [
      'one step',
      'a small step',
      'no more than a scaled gradient',
      'the length of the step',
      "in the layer's own curvature",
    ],
  },
  {
    title: 'the damping counted twice',
    damping: 1,
    wrongly: {
      inversion: (pairs, dtype, options) =>
        invert(pairs, dtype, { ...options, damping: 2 * options.damping }),
    },
    violates: ['no less than FOOF', 'no less than a scaled gradient'],
  },
];

describe.each(DTYPES)('a wrong P̃, %s', (dtype) => {
  describe.each(['gaussian', 'subcolumn'] as const)('%s', (method) => {
    const cases = MISTAKES.flatMap(({ violates, ...mistake }) =>
      violates.map((name) => ({ ...mistake, name })),
    );
    test.each(cases)('$title violates: $name', ({ damping, wrongly, name }) => {
      for (const seed of [1, 2, 3]) {
        const shape = { spectrum: 'rankFive', gradient: 'anywhere', width: 8, batch: 1 } as const;
        const step = stepOf({ ...shape, method, damping, seed }, dtype, wrongly);
        const { left, right, unit } = sidesOf(name, { ...step, eta: rateFor(name, step) });
        expect(left).toBeGreaterThan(right + CLEARLY * unit);
      }
    });
  });

  test('every statement is violated by one', () => {
    const violated = new Set(MISTAKES.flatMap(({ violates }) => violates));
    expect(STATEMENT_NAMES.filter((name) => !violated.has(name))).toEqual([]);
  });
});

/** Two examples x = (2, 0), of residuals 1 and −3; the sketch takes one column of A = diag(4, 0). */
function oneDirection(column: number, rho: number): Omit<Step, 'eta'> {
  const X = build(2, 2, (_, j) => (j === 0 ? 2 : 0));
  const problem: LeastSquares = { X, Y: build(2, 1, (i) => (i === 0 ? -1 : 3)) };
  const A = secondMoment(X);
  const sketch = denseAs(
    build(2, 1, (i) => (i === column ? 1 : 0)),
    'float64',
  );
  const pairs = nystromEigenpairs(sketchOf(A, sketch, 'float64'), sketch);
  const error = spectralNorm(combine(1, A, -1, approximation(pairs)));
  const P = invert(pairs, 'float64', { damping: rho });
  const W: Matrix = build(1, 2, () => 0);
  return { problem, W, P, A, rho, nu: pairs.shift, error, rounding: 0, batch: 1 };
}

describe.each([0.01, 1, 3])('no bound could be smaller: with ρ = %d', (rho) => {
  const missed: readonly StatementName[] = [
    'one step',
    'a small step',
    'no more than a scaled gradient',
    'the length of the step',
    "in the layer's own curvature",
  ];
  const captured: readonly StatementName[] = [
    'no less than FOOF',
    'no less than a scaled gradient',
    'the length of the step',
    "in the layer's own curvature",
  ];
  test.each([
    ...missed.map((name) => ({ name, where: 'misses everything', column: 1 })),
    ...captured.map((name) => ({ name, where: 'misses nothing', column: 0 })),
  ])('an equality if the sketch $where: $name', ({ name, column }) => {
    const step = oneDirection(column, rho);
    expect(tightness(name, { ...step, eta: rateFor(name, step) })).toBeCloseTo(1, 8);
  });
});
