// What Gaussian sketches promise on average, estimated over seeded draws: two published bounds on
// the expected error, tight enough on these spectra that a wrong factor breaks them.

import { describe, expect, test } from 'vitest';
import { DTYPES, type DType } from '../../src/core/dtype.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { nystromEigenpairs } from '../../src/nystrom/factor.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import { denseSketch, type Sketch } from '../../src/sketch/sketch.js';
import { combine, type Matrix, product, transpose } from '../support/matrices.js';
import {
  approximation,
  INPUTS,
  nuclearNorm,
  type Pairs,
  SPECTRA,
  type SpectrumName,
  sketchOf,
  smallestEigenvalue,
  spectralNorm,
  tinyShift,
} from '../support/nystrom.js';
import { SEED } from '../support/seed.js';
import { withSpectrum } from '../support/spectra.js';
import { mean } from '../support/statistics.js';

const DRAWS = 100;
/**
 * Standard errors allowed above a bound, and demanded of a wrong factor: Student's t with 99 degrees of
 * freedom exceeds them with probability 1e-6. (Errors have their longer tail above, which makes it rarer.)
 */
const SIGMAS = 5.1;
/** What the shift may add to an error, in shifts: its growth in a sketch of WIDTH columns. */
const GROWTH = 100;
const WIDTH = 16;
const RANK = 4;

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** E‖A − Â‖₂ (Frangella, Tropp and Udell, arXiv:2110.02820, Prop. 2.2). */
function spectralBound(eigenvalues: readonly number[], r: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let s = 2; s <= r - 2; s++) {
    const head = (1 + (2 * (r - s)) / (s - 1)) * eigenvalues[r - s];
    const tail = ((2 * Math.E ** 2 * r) / (s ** 2 - 1)) * sum(eigenvalues.slice(r - s));
    least = Math.min(least, head + tail);
  }
  return least;
}

/** E‖A − Âᵣ‖₁ with a sketch of k > r + 1 columns (Tropp et al. 2017, arXiv:1706.05736, Thm 4.1). */
function nuclearBound(eigenvalues: readonly number[], r: number, k: number): number {
  return (1 + r / (k - r - 1)) * sum(eigenvalues.slice(r));
}

type Estimator = <D extends DType>(
  dtype: D,
  A: Matrix,
  sketch: Sketch<D>,
  other: Sketch<D>,
  rank: number,
) => Pairs;

const estimators = {
  ours: (dtype, A, sketch, _other, rank) =>
    nystromEigenpairs(sketchOf(A, sketch, dtype), sketch, { rank }),

  'the eigenvalues halved': (dtype, A, sketch, _other, rank) => {
    const { U, eigenvalues } = nystromEigenpairs(sketchOf(A, sketch, dtype), sketch, { rank });
    return { U, eigenvalues: eigenvalues.map((value) => value / 2) };
  },

  /** The shift is the least that lets the right formulas run on a core that is indefinite. */
  'the sketch redrawn after C was formed': (dtype, A, sketch, other, rank) => {
    const C = sketchOf(A, sketch, dtype);
    const S = denseSketch(other, 'float64');
    const W = product(S, 'T', product(A, 'N', denseSketch(sketch, 'float64'), 'N'), 'N');
    const indefinite = -smallestEigenvalue(combine(0.5, W, 0.5, transpose(W)));
    const shift = (1.001 * indefinite) / smallestEigenvalue(product(S, 'T', S, 'N'));
    return nystromEigenpairs(C, other, { rank, shift });
  },
} as const satisfies Record<string, Estimator>;

/** Mean and standard error of ‖A − Â‖ over the draws, and what the shift may add to it. */
function estimate(
  name: SpectrumName,
  dtype: DType,
  rank: number,
  measure: (E: Matrix) => number,
  estimator: Estimator,
) {
  const A = withSpectrum('float64', SPECTRA[name], 1);
  const shape = { inputs: INPUTS, width: WIDTH };
  const draw = (n: number) => drawSketch('gaussian', shape, dtype, foldIn(randomKey(SEED), n));
  const errors = Array.from({ length: DRAWS }, (_, n) => {
    const pairs = estimator(dtype, A, draw(n), draw(DRAWS + n), rank);
    return measure(combine(1, A, -1, approximation(pairs)));
  });
  const average = mean(errors);
  const variance = (mean(errors, (x) => (x - average) ** 2) * DRAWS) / (DRAWS - 1);
  const allowance = GROWTH * tinyShift(sketchOf(A, draw(0), dtype));
  return { average, standardError: Math.sqrt(variance / DRAWS), allowance };
}

const statements = [
  {
    statement: 'E‖A − Â‖₂ is below its bound',
    rank: WIDTH,
    measure: spectralNorm,
    bound: (eigenvalues: readonly number[]) => spectralBound(eigenvalues, WIDTH),
    meaningful: (eigenvalues: readonly number[]) => eigenvalues[0] / 2,
  },
  {
    statement: 'E‖A − Âᵣ‖₁, truncated from 16 columns to rank 4, is below its bound',
    rank: RANK,
    measure: nuclearNorm,
    bound: (eigenvalues: readonly number[]) => nuclearBound(eigenvalues, RANK, WIDTH),
    meaningful: (eigenvalues: readonly number[]) => sum(eigenvalues.slice(0, RANK)) / 2,
  },
];
const spectra: readonly SpectrumName[] = [
  'exponential',
  'polynomial',
  'step',
  'rankFive',
  'clustered',
];

describe.each(DTYPES)('Gaussian sketches, %s', (dtype) => {
  describe.each(statements)('$statement', ({ rank, measure, bound, meaningful }) => {
    test.each(spectra)('on the %s spectrum', (name) => {
      const limit = bound(SPECTRA[name]);
      expect(limit).toBeLessThan(meaningful(SPECTRA[name]));
      const { average, standardError, allowance } = estimate(
        name,
        dtype,
        rank,
        measure,
        estimators.ours,
      );
      expect(allowance).toBeLessThan(1e-3 * meaningful(SPECTRA[name]));
      expect(average).toBeLessThanOrEqual(limit + allowance + SIGMAS * standardError);
    });

    test.each(['the eigenvalues halved', 'the sketch redrawn after C was formed'] as const)(
      'but not with %s',
      (wrong) => {
        const { average, standardError, allowance } = estimate(
          'exponential',
          dtype,
          rank,
          measure,
          estimators[wrong],
        );
        const limit = bound(SPECTRA.exponential);
        expect(average).toBeGreaterThan(limit + allowance + SIGMAS * standardError);
      },
    );
  });
});
