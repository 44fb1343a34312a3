// The damped inverse of a Nyström factor: what it equals, and how far it is from (A + ρI)⁻¹.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { DTYPES, type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, identity, zeros } from '../../src/core/matrix.js';
import { randomKey } from '../../src/core/random.js';
import { eigvalsh } from '../../src/linalg/eigh.js';
import { type Eigenpairs, nystromEigenpairs } from '../../src/nystrom/factor.js';
import {
  applyLowRankInverse,
  effectiveDimension,
  type InverseOptions,
  lowRankInverse,
} from '../../src/nystrom/inverse.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import {
  combine,
  distance,
  gaussian,
  type Matrix,
  norm,
  product,
  uniform,
} from '../support/matrices.js';
import {
  approximation,
  dampedInverse,
  INPUTS,
  KINDS,
  type Pairs,
  SPECTRA,
  sketchOf,
  spectralNorm,
  tinyShift,
} from '../support/nystrom.js';
import { withSpectrum } from '../support/spectra.js';
import { dense, WRONG } from './wrong.js';

/** c of the rounding bounds below. */
const ROUNDING = 4;

const setups = fc.record({
  spectrum: fc.constantFrom(...Object.values(SPECTRA)),
  kind: fc.constantFrom(...KINDS),
  width: fc.integer({ min: 1, max: 16 }),
  seed: fc.nat(1_000_000),
  rho: fc.constantFrom(1, 0.1, 0.01),
});
type Setup = typeof setups extends fc.Arbitrary<infer T> ? T : never;

function factored({ spectrum, kind, width, seed }: Setup, dtype: DType) {
  const A = withSpectrum('float64', spectrum, seed);
  const sketch = drawSketch(kind, { inputs: INPUTS, width }, dtype, randomKey(seed));
  const C = sketchOf(A, sketch, dtype);
  return { A, sketch, C, pairs: nystromEigenpairs(C, sketch) };
}

/** The inverse as a dense matrix, in float64. */
function inverse(pairs: Pairs, dtype: DType, options: InverseOptions): Matrix {
  const whole: Eigenpairs = { shift: 0, retries: 0, ...pairs };
  const I = identity(dtype, pairs.U.rows);
  return convert(applyLowRankInverse(I, lowRankInverse(whole, dtype, options)), 'float64');
}

/** Relative errors of U and V count against 1/c, and the oracle's own against its condition. */
function roundingOf(dtype: DType, rho: number, largest: number): number {
  return (ROUNDING * EPSILON[dtype] + (INPUTS * EPSILON.float64 * (largest + rho)) / rho) / rho;
}

describe.each(DTYPES)('(Â + ρI)⁻¹, %s', (dtype) => {
  test.prop([setups], { numRuns: 30 })('is the inverse of the dense Â + ρI', (setup) => {
    const { pairs } = factored(setup, dtype);
    const P = inverse(pairs, dtype, { damping: setup.rho });
    const exact = dampedInverse(approximation(pairs), setup.rho);
    const tolerance = roundingOf(dtype, setup.rho, pairs.eigenvalues[0]);
    expect(spectralNorm(combine(1, P, -1, exact))).toBeLessThanOrEqual(tolerance);
  });

  test.prop([setups], { numRuns: 30 })(
    'with a trace, is that of Â + tail·I on the complement, its eigenvalues at least the tail',
    (setup) => {
      const { A, pairs } = factored(setup, dtype);
      const { rho, width } = setup;
      const trace = eigvalsh(A).reduce((sum, value) => sum + value, 0);
      const captured = pairs.eigenvalues.reduce((sum, value) => sum + value, 0);
      // Â ⪯ A + νI has the trace to spare, up to the shift in each captured direction.
      expect(captured).toBeLessThanOrEqual(trace + width * pairs.shift);

      const tail = Math.max(0, trace - captured) / (INPUTS - width);
      const { c } = lowRankInverse(pairs, dtype, { damping: rho, trace });
      expect(c).toBe(rho + tail);
      const raised = pairs.eigenvalues.map((value) => Math.max(value, tail) - tail);
      const filled = combine(
        1,
        approximation({ U: pairs.U, eigenvalues: raised }),
        tail,
        identity('float64', INPUTS),
      );
      const P = inverse(pairs, dtype, { damping: rho, trace });
      const tolerance = roundingOf(dtype, c, pairs.eigenvalues[0]);
      const error = spectralNorm(combine(1, P, -1, dampedInverse(filled, rho)));
      expect(error).toBeLessThanOrEqual(tolerance);
    },
  );

  test.prop([setups, fc.boolean()], { numRuns: 30 })(
    'is symmetric with eigenvalues between 1/(λ̂₁ + c) and 1/c',
    (setup, withTail) => {
      const { A, pairs } = factored(setup, dtype);
      const trace = eigvalsh(A).reduce((sum, value) => sum + value, 0);
      const options = withTail ? { damping: setup.rho, trace } : { damping: setup.rho };
      const { c } = lowRankInverse(pairs, dtype, options);
      const P = inverse(pairs, dtype, options);
      const tolerance = roundingOf(dtype, c, pairs.eigenvalues[0]);
      for (let i = 0; i < INPUTS; i++) {
        for (let j = 0; j < i; j++) {
          expect(Math.abs(P.at(i, j) - P.at(j, i))).toBeLessThanOrEqual(tolerance);
        }
      }
      const values = eigvalsh(P);
      expect(values[0]).toBeLessThanOrEqual(1 / c + tolerance);
      expect(values[INPUTS - 1]).toBeGreaterThanOrEqual(1 / (pairs.eigenvalues[0] + c) - tolerance);
    },
  );

  test.prop([setups, fc.boolean()], { numRuns: 30 })(
    'has roots whose squares it is, and whose squares are they',
    (setup, withTail) => {
      const { A, pairs } = factored(setup, dtype);
      const trace = eigvalsh(A).reduce((sum, value) => sum + value, 0);
      const options = { damping: setup.rho, ...(withTail ? { trace } : {}) };
      const { c } = lowRankInverse(pairs, dtype, options);
      const [whole, half, quarter] = ([1, 2, 4] as const).map((root) =>
        inverse(pairs, dtype, { ...options, root }),
      );
      const pairsOf = [
        [half, whole, c],
        [quarter, half, Math.sqrt(c)],
      ] as const;
      for (const [root, squared, scale] of pairsOf) {
        const error = spectralNorm(combine(1, product(root, 'N', root, 'N'), -1, squared));
        expect(error).toBeLessThanOrEqual(3 * roundingOf(dtype, scale, pairs.eigenvalues[0]));
        // Of the positive ones.
        expect(eigvalsh(root)[INPUTS - 1]).toBeGreaterThan(0);
      }
    },
  );

  test.prop([setups], { numRuns: 30 })('P = G(Â + ρI)⁻¹ for every G', (setup) => {
    const { pairs } = factored(setup, dtype);
    const G = convert(gaussian(uniform(setup.seed), 3, INPUTS), dtype);
    const before = G.clone();
    const P = applyLowRankInverse(G, lowRankInverse(pairs, dtype, { damping: setup.rho }));
    expect(P).toMatchObject({ dtype, rows: 3, cols: INPUTS });
    expect(G).toEqual(before);
    const wide = convert(G, 'float64');
    const exact = product(wide, 'N', dampedInverse(approximation(pairs), setup.rho), 'N');
    const tolerance = norm(wide) * roundingOf(dtype, setup.rho, pairs.eigenvalues[0]);
    expect(distance(P, exact)).toBeLessThanOrEqual(tolerance);
  });
});

/**
 * How far P is beyond Proposition 3.1 of arXiv:2110.02820, ‖E‖/(ρ(ρ + ‖E‖)) with E the error of the
 * true Nyström approximation. E ⪰ −νI instead of E ⪰ 0 adds at most 2ν/ρ².
 */
function inverseExcess(A: Matrix, P: Matrix, E: number, nu: number, rho: number): number {
  const error = spectralNorm(combine(1, P, -1, dampedInverse(A, rho)));
  return error - E / (rho * (rho + E)) - (2 * nu) / rho ** 2;
}

describe.each(DTYPES)('‖(Â + ρI)⁻¹ − (A + ρI)⁻¹‖ ≤ ‖E‖/(ρ(ρ + ‖E‖)), %s', (dtype) => {
  const measure = (setup: Setup) => {
    const { A, sketch, C, pairs } = factored(setup, dtype);
    const E = spectralNorm(combine(1, A, -1, approximation(pairs)));
    const { rho } = setup;
    const limit = roundingOf(dtype, rho, spectralNorm(A)) + (ROUNDING * tinyShift(C)) / rho ** 2;
    const excess = (P: Matrix) => inverseExcess(A, P, E, pairs.shift, rho);
    return { sketch, C, pairs, limit, excess };
  };

  test.prop([setups], { numRuns: 30 })('holds up to O(ν/ρ²)', (setup) => {
    const { pairs, limit, excess } = measure(setup);
    expect(excess(inverse(pairs, dtype, { damping: setup.rho }))).toBeLessThanOrEqual(limit);
  });

  describe.each(KINDS)('%s, on a matrix of rank 5 with a sketch of 8 columns', (kind) => {
    const rho = 0.1;
    const setup: Setup = { spectrum: SPECTRA.rankFive, kind, width: 8, seed: 1, rho };
    const { sketch, C, pairs, limit, excess } = measure(setup);
    const damping = { damping: rho };

    test('holds for the dense construction', () => {
      const P = inverse(dense(C, sketch, pairs.shift), dtype, damping);
      expect(excess(P)).toBeLessThanOrEqual(limit);
    });

    test.each(['L⁻¹ instead of L⁻ᵀ', 'the published variant', 'the eigenvalues halved'] as const)(
      'fails with %s',
      (wrong) => {
        const P = inverse(WRONG[wrong](C, sketch, pairs.shift), dtype, damping);
        expect(excess(P)).toBeGreaterThan(10 * limit);
      },
    );

    test('fails where damping is counted twice', () => {
      const twice = { ...pairs, eigenvalues: pairs.eigenvalues.map((value) => value + rho) };
      expect(excess(inverse(twice, dtype, damping))).toBeGreaterThan(10 * limit);
    });

    test('fails where the complement is not inverted', () => {
      const ones = pairs.eigenvalues.map(() => 1);
      const projector = approximation({ U: pairs.U, eigenvalues: ones });
      const P = product(inverse(pairs, dtype, damping), 'N', projector, 'N');
      expect(excess(P)).toBeGreaterThan(10 * limit);
    });
  });
});

describe('the tail', () => {
  const eigenvalues = Float64Array.of(3, 0.5);
  const U = identity('float64', 4).view(0, 0, 4, 2).clone();
  const pairs: Eigenpairs = { U, eigenvalues, shift: 0, retries: 0 };

  test('stands for what the trace has beyond the captured eigenvalues', () => {
    // (6.5 − 3.5)/2 = 1.5 each: above λ̂₂, which is raised to it.
    const P = inverse(pairs, 'float64', { damping: 0.5, trace: 6.5 });
    const expected = [1 / 3.5, 1 / 2, 1 / 2, 1 / 2];
    expected.forEach((value, i) => {
      expect(P.at(i, i)).toBeCloseTo(value, 14);
    });
  });

  test('is never negative', () => {
    expect(lowRankInverse(pairs, 'float64', { damping: 0.5, trace: 1 }).c).toBe(0.5);
  });

  test('is nothing where every direction is captured', () => {
    const all = { ...pairs, U: identity('float64', 2) };
    expect(lowRankInverse(all, 'float64', { damping: 0.5, trace: 100 }).c).toBe(0.5);
  });
});

describe('the effective dimension Σ λ̂/(λ̂ + ρ)', () => {
  const spectrum = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 20 });
  const damping = fc.double({ min: 1e-6, max: 1e6, noNaN: true });

  test.prop([spectrum, damping])('is the trace of Â(Â + ρI)⁻¹', (values, rho) => {
    const A = zeros('float64', values.length, values.length);
    values.forEach((value, i) => {
      A.set(i, i, value);
    });
    const share = product(A, 'N', dampedInverse(A, rho), 'N');
    const trace = values.reduce((sum, _, i) => sum + share.at(i, i), 0);
    const found = effectiveDimension(Float64Array.from(values), rho);
    expect(Math.abs(found - trace)).toBeLessThanOrEqual(10 * values.length * EPSILON.float64);
  });

  test.prop([spectrum, damping, damping])(
    'falls as ρ grows, from the rank towards 0',
    (values, one, other) => {
      const eigenvalues = Float64Array.from(values);
      const [low, high] = [Math.min(one, other), Math.max(one, other)];
      const [most, least] = [low, high].map((rho) => effectiveDimension(eigenvalues, rho));
      expect(least).toBeLessThanOrEqual(most);
      expect(least).toBeGreaterThanOrEqual(0);
      expect(most).toBeLessThanOrEqual(values.filter((value) => value > 0).length);
    },
  );

  test('is half the rank where every eigenvalue is ρ', () => {
    expect(effectiveDimension(Float64Array.of(2, 2, 2), 2)).toBe(1.5);
  });
});

describe('refusals', () => {
  const pairs = {
    U: identity('float64', 3),
    eigenvalues: new Float64Array(3),
    shift: 0,
    retries: 0,
  };

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('damping %d', (damping) => {
    expect(() => lowRankInverse(pairs, 'float64', { damping })).toThrow(
      new RangeError(`lowRankInverse: damping is ${damping}, expected a finite number > 0`),
    );
    expect(() => effectiveDimension(pairs.eigenvalues, damping)).toThrow(
      new RangeError(`effectiveDimension: damping is ${damping}, expected a finite number > 0`),
    );
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('trace %d', (trace) => {
    expect(() => lowRankInverse(pairs, 'float64', { damping: 1, trace })).toThrow(
      new RangeError(`lowRankInverse: trace is ${trace}, expected a finite number >= 0`),
    );
  });

  test.each([0, 3, 0.5, Number.NaN])('root %d', (root) => {
    const options = { damping: 1, root };
    expect(() => Reflect.apply(lowRankInverse, undefined, [pairs, 'float64', options])).toThrow(
      `lowRankInverse: root is ${root}, expected 1, 2 or 4`,
    );
  });

  test.each(['f32', undefined])('the dtype %o', (dtype) => {
    expect(() => Reflect.apply(lowRankInverse, undefined, [pairs, dtype, { damping: 1 }])).toThrow(
      /^lowRankInverse: dtype is .*, expected 'float32' or 'float64'$/,
    );
  });

  test('a gradient with other columns', () => {
    const whole = lowRankInverse(pairs, 'float64', { damping: 1 });
    expect(() => applyLowRankInverse(zeros('float64', 2, 4), whole)).toThrow(
      new RangeError('applyLowRankInverse: G is 2×4, expected 2×3'),
    );
  });
});
