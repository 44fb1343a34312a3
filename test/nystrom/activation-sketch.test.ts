// What an accumulator of the sketched second moment computes: the laws that tie its calls together.

import { fc, test } from '@fast-check/vitest';
import { Matrix as MlMatrix } from 'ml-matrix';
import { describe, expect } from 'vitest';
import { DTYPES, type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, type DenseMatrix, identity, zeros } from '../../src/core/matrix.js';
import {
  type ActivationSketch,
  type ActivationSketchOptions,
  activationSketch,
} from '../../src/nystrom/activation-sketch.js';
import type { NystromFactor } from '../../src/nystrom/nystrom-factor.js';
import {
  build,
  combine,
  distance,
  gaussian,
  inner,
  type Matrix,
  norm,
  product,
  rounded,
  uniform,
} from '../support/matrices.js';
import { approximation, dampedInverse, KINDS, spectralNorm } from '../support/nystrom.js';

const CASES = KINDS.flatMap((kind) => DTYPES.map((dtype) => ({ kind, dtype })));
const INPUTS = 8;

/** c of the rounding bounds c·p·eps·‖A‖: sums of rows, and the condition of B where r < p. */
const ROUNDING = 8;

const seeds = fc.nat(1_000_000);
const batches = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });

function make(options: Partial<ActivationSketchOptions<DType>> & { dtype: DType }) {
  return activationSketch<DType>({ inputs: INPUTS, rank: 4, seed: 3, ...options });
}

/** m rows of normal numbers that `dtype` holds exactly. */
function rows(m: number, seed: number, dtype: DType): Matrix {
  return rounded(gaussian(uniform(seed), m, INPUTS), dtype);
}

function stacked(parts: readonly Matrix[]): Matrix {
  const all = parts.flatMap((X) => X.toArrays());
  return build(all.length, parts[0].cols, (i, j) => all[i][j]);
}

function secondMoment(X: Matrix): Matrix {
  return combine(1 / X.rows, product(X, 'T', X, 'N'), 0, zeros('float64', X.cols, X.cols));
}

/** How far two factors are apart, in units of rounding. */
function apart(a: ActivationSketch<DType>, b: ActivationSketch<DType>): number {
  const [A, B] = [a.factor(), b.factor()].map((factor) => approximation(factor));
  return distance(A, B) / (INPUTS * EPSILON[a.dtype] * norm(B));
}

/** How far Â is from A, in units of rounding. */
function errorOf(factor: NystromFactor<DType>, A: Matrix): number {
  return distance(approximation(factor), A) / (INPUTS * EPSILON[factor.dtype] * norm(A));
}

describe.each(CASES)('activationSketch, $kind, $dtype', ({ kind, dtype }) => {
  /** Every direction is seen, so that rounding is not divided by a tiny eigenvalue. */
  const base = () => rows(3 * INPUTS, 99, dtype);

  test.prop([batches, seeds], { numRuns: 20 })(
    'calls of observe add up to one call with all rows',
    (sizes, seed) => {
      const parts = [base(), ...sizes.map((m, i) => rows(m, seed + i, dtype))];
      const several = make({ kind, dtype });
      for (const X of parts) several.observe(X);
      const once = make({ kind, dtype }).observe(stacked(parts));
      expect(apart(several, once)).toBeLessThanOrEqual(ROUNDING);
      const [trace, expected] = [several.factor().trace, once.factor().trace];
      expect(Math.abs(trace / expected - 1)).toBeLessThanOrEqual(ROUNDING * EPSILON[dtype]);
    },
  );

  test.prop([batches, seeds, fc.constantFrom(0, 0.3, 0.9)], { numRuns: 20 })(
    'decay < 1 is the moving average from 0, with its bias correction',
    (sizes, seed, decay) => {
      const parts = [base(), ...sizes.map((m, i) => rows(m, seed + i, dtype)), base()];
      const t = parts.length;
      let A = zeros('float64', INPUTS, INPUTS);
      for (const X of parts) A = combine(decay, A, 1 - decay, secondMoment(X));
      A = combine(1 / (1 - decay ** t), A, 0, A);
      // As many columns as inputs, so that Â is A; a square Gaussian S costs its condition.
      const whole = make({ kind, dtype, decay, rank: INPUTS });
      for (const X of parts) whole.observe(X);
      const factor = whole.factor();
      expect(errorOf(factor, A)).toBeLessThanOrEqual(
        kind === 'gaussian' ? 20 * ROUNDING : ROUNDING,
      );
      const trace = inner(A, identity('float64', INPUTS));
      expect(Math.abs(factor.trace / trace - 1)).toBeLessThanOrEqual(ROUNDING * EPSILON[dtype]);

      // With fewer, the same average made of weighted rows.
      const averaged = make({ kind, dtype, decay });
      for (const X of parts) averaged.observe(X);
      const weights = parts.flatMap((X, i) =>
        X.toArrays().map(() => decay ** (t - 1 - i) / X.rows),
      );
      const weighted = make({ kind, dtype }).observe(stacked(parts), { weights });
      expect(apart(averaged, weighted)).toBeLessThanOrEqual(ROUNDING);
    },
  );

  test('a weight counts a row, and 0 leaves it out whatever it holds', () => {
    const X = base();
    const repeated = make({ kind, dtype }).observe(stacked([X, X.view(0, 0, 2, INPUTS)]));
    const twice = X.toArrays().map((_, i) => (i < 2 ? 2 : 1));
    const weighted = make({ kind, dtype }).observe(X, { weights: twice });
    expect(apart(weighted, repeated)).toBeLessThanOrEqual(ROUNDING);

    const padded = [...X.toArrays(), Array.from({ length: INPUTS }, () => Number.NaN)];
    const masked = make({ kind, dtype }).observe(padded, {
      weights: padded.map((_, i) => (i < X.rows ? 1 : 0)),
    });
    expect(apart(masked, make({ kind, dtype }).observe(X))).toBeLessThanOrEqual(ROUNDING);
  });

  test('bias appends the column of ones', () => {
    const X = base();
    const features = X.view(0, 0, X.rows, INPUTS - 1);
    const withOnes = build(X.rows, INPUTS, (i, j) => (j === INPUTS - 1 ? 1 : X.at(i, j)));
    const appended = make({ kind, dtype, bias: true }).observe(features).factor();
    const given = make({ kind, dtype }).observe(withOnes).factor();
    expect(appended.eigenvalues).toEqual(given.eigenvalues);
    expect(appended.U).toEqual(given.U);
  });

  test('every form of matrix gives the same factor', () => {
    const X = rounded(base(), 'float32');
    const G = rounded(rows(3, 5, dtype), 'float32');
    const forms = [
      (A: Matrix): DenseMatrix => A,
      (A: Matrix) => convert(A, 'float32'),
      (A: Matrix) => A.toArrays(),
      (A: Matrix) => A.toArrays().map((row) => Float64Array.from(row)),
      (A: Matrix) => A.data,
      (A: Matrix) => Float32Array.from(A.data),
      (A: Matrix) => new MlMatrix(A.toArrays()),
    ];
    const results = forms.map((form) => {
      const factor = make({ kind, dtype }).observe(form(X)).factor();
      return { factor, P: factor.precondition(form(G), { damping: 0.5 }) };
    });
    for (const result of results) expect(result).toEqual(results[0]);
    expect(results[0].P).toMatchObject({ dtype, rows: 3, cols: INPUTS });
  });

  test.prop([fc.integer({ min: 1, max: 20 }), seeds, fc.boolean()], { numRuns: 20 })(
    'precondition is G(Â + ρI)⁻¹, with the tail where asked',
    (m, seed, tail) => {
      const rho = 0.2;
      const factor = make({ kind, dtype })
        .observe(rows(m, seed, dtype))
        .factor();
      const G = rows(3, seed + 1, dtype);
      const captured = factor.eigenvalues.reduce((sum, value) => sum + value, 0);
      const rest = tail ? Math.max(0, factor.trace - captured) / (INPUTS - factor.U.cols) : 0;
      const raised = factor.eigenvalues.map((value) => Math.max(value - rest, 0));
      const filled = approximation({ U: factor.U, eigenvalues: raised });
      const c = rho + rest;
      const exact = product(G, 'N', dampedInverse(filled, c), 'N');
      const P = factor.precondition(G, { damping: rho, tail });
      // What V and the products round, and the dense oracle by its condition.
      const condition = (factor.eigenvalues[0] + c) / c;
      const rounding = ROUNDING * (EPSILON[dtype] + INPUTS * EPSILON.float64 * condition);
      expect(distance(P, exact)).toBeLessThanOrEqual((rounding * norm(G)) / c);
    },
  );

  test.each([INPUTS, INPUTS + 5])('rank %i with 8 inputs gives the exact inverse', (rank) => {
    const X = base();
    const rho = 0.3;
    const G = rows(4, 5, dtype);
    const factor = make({ kind, dtype, rank }).observe(X).factor();
    expect(factor.U.cols).toBe(INPUTS);
    const exact = product(G, 'N', dampedInverse(secondMoment(X), rho), 'N');
    const P = factor.precondition(G, { damping: rho });
    const error = distance(P, exact) / norm(exact);
    expect(error).toBeLessThanOrEqual((20 * ROUNDING * INPUTS * EPSILON[dtype]) / rho);
  });

  test('oversample widens the sketch and keeps the rank', () => {
    const X = base();
    const A = secondMoment(X);
    const error = (oversample: number) => {
      const { U, eigenvalues } = make({ kind, dtype, oversample }).observe(X).factor();
      expect([U.cols, eigenvalues.length]).toEqual([4, 4]);
      return spectralNorm(combine(1, A, -1, approximation({ U, eigenvalues })));
    };
    // With every column sketched, what is kept is the best approximation of rank 4.
    expect(error(INPUTS)).toBeLessThan(error(0));
    const best = make({ kind, dtype, rank: INPUTS }).observe(X).factor().eigenvalues[4];
    expect(Math.abs(error(INPUTS) / best - 1)).toBeLessThanOrEqual(1e3 * EPSILON[dtype]);
  });

  test('activations of zeros give P = G/ρ', () => {
    const factor = make({ kind, dtype })
      .observe(zeros(dtype, 5, INPUTS))
      .factor();
    expect(factor.trace).toBe(0);
    const G = rows(2, 1, dtype);
    for (const tail of [false, true]) {
      const P = factor.precondition(G, { damping: 0.25, tail });
      expect(convert(P, 'float64')).toEqual(combine(4, G, 0, G));
    }
  });

  test('the tail does not count unless it is asked for', () => {
    const factor = make({ kind, dtype }).observe(base()).factor();
    const G = rows(2, 1, dtype);
    const damping = 0.25;
    const P = factor.precondition(G, { damping });
    expect(P).toEqual(factor.precondition(G, { damping, tail: false }));
    expect(P).not.toEqual(factor.precondition(G, { damping, tail: true }));
  });

  test('the seed decides the factor', () => {
    const [first, again, other] = [7, 7, 8].map((seed) =>
      make({ kind, dtype, seed }).observe(base()).factor(),
    );
    expect(again).toEqual(first);
    expect(other.eigenvalues).not.toEqual(first.eigenvalues);
  });

  test('effectiveDimension falls from the rank as damping grows', () => {
    const factor = make({ kind, dtype }).observe(base()).factor();
    const [tiny, middle, large] = [1e-9, 1, 1e9].map((rho) => factor.effectiveDimension(rho));
    expect(Math.abs(tiny - 4)).toBeLessThanOrEqual(1e-6);
    expect(middle).toBeLessThan(tiny);
    expect(large).toBeLessThanOrEqual(1e-6);
  });
});

describe.each(KINDS)('the dtype, %s', (kind) => {
  // Rows enough for a well-conditioned A: what the shift costs grows where AS is nearly singular.
  test.prop([fc.integer({ min: 2 * INPUTS, max: 40 }), seeds], { numRuns: 30 })(
    'float32 is float64 up to the rounding of C: about ν/ρ² on P',
    (m, seed) => {
      const rho = 0.1;
      const X = rows(m, seed, 'float32');
      const G = rows(2, seed + 1, 'float32');
      const [single, double] = DTYPES.map((dtype) => make({ kind, dtype }).observe(X).factor());
      const P = [single, double].map((factor) => factor.precondition(G, { damping: rho }));
      // To first order ‖δP‖ ≤ ‖G‖·‖δÂ‖/ρ², and applying V in float32 costs eps/ρ.
      const inFactor = (ROUNDING * single.shift) / rho ** 2;
      const inProduct = (ROUNDING * EPSILON.float32) / rho;
      expect(distance(P[0], P[1])).toBeLessThanOrEqual(norm(G) * (inFactor + inProduct));
      expect(distance(P[0], P[1])).toBeGreaterThan(0);
    },
  );
});
