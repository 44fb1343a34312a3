// advance: the next window of an accumulator follows the factor of the last.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { DTYPES, type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, zeros } from '../../src/core/matrix.js';
import {
  type ActivationSketch,
  type ActivationSketchOptions,
  activationSketch,
} from '../../src/nystrom/activation-sketch.js';
import { type Eigenpairs, nystromEigenpairs } from '../../src/nystrom/factor.js';
import {
  build,
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
  denseAs,
  INPUTS,
  nuclearNorm,
  SPECTRA,
  type SpectrumName,
  sketchOf,
  smallestEigenvalue,
} from '../support/nystrom.js';
import { randomOrthogonal } from '../support/spectra.js';

const RANK = 6;
const KINDS = ['gaussian', 'subcolumn', 'power'] as const;
const CASES = KINDS.flatMap((kind) => DTYPES.map((dtype) => ({ kind, dtype })));
const seeds = fc.nat(1_000_000);
const spectra = fc.constantFrom<SpectrumName[]>('exponential', 'polynomial', 'step', 'clustered');

function make(options: Partial<ActivationSketchOptions<DType>>): ActivationSketch<DType> {
  const { dtype = 'float64', ...rest } = options;
  return activationSketch<DType>({ inputs: INPUTS, rank: RANK, ...rest, dtype });
}

function momentOf(X: Matrix): Matrix {
  const sum = product(X, 'T', X, 'N');
  return combine(1 / X.rows, sum, 0, sum);
}

/** Rows whose second moment has this spectrum. */
function rowsWith(spectrum: readonly number[], seed: number): Matrix {
  const Q = randomOrthogonal(INPUTS, seed);
  return build(INPUTS, INPUTS, (i, j) => Q.at(j, i) * Math.sqrt(INPUTS * spectrum[i]));
}

function errorOf(A: Matrix, pairs: Eigenpairs): number {
  return nuclearNorm(combine(1, A, -1, approximation(pairs)));
}

/** What so many windows of shifts and rounding may add to a bound. */
function slackOf(A: Matrix, windows: number, dtype: DType): number {
  return 4 * windows * INPUTS ** 1.5 * EPSILON[dtype] * norm(A);
}

const rows = (m: number, seed: number) => gaussian(uniform(seed), m, INPUTS);

const repeated = <T>(times: number, value: T) => Array.from({ length: times }, () => value);

function expectRefused(
  a: ActivationSketch<DType>,
  b: ActivationSketch<DType>,
  message: string,
): void {
  const before = [a.factor(), b.factor()];
  expect(() => a.merge(b)).toThrow(new RangeError(message));
  expect([a.factor(), b.factor()]).toEqual(before);
}

/** The factors of windows that show the batches of each. */
function factorsOf(
  sketch: ActivationSketch<DType>,
  windows: readonly (readonly Matrix[])[],
  options: Parameters<ActivationSketch<DType>['advance']>[1] = {},
): Eigenpairs[] {
  return windows.map((batches, w) => {
    for (const X of batches) sketch.observe(X);
    const factor = sketch.factor();
    if (w + 1 < windows.length) sketch.advance(factor, options);
    return factor;
  });
}

describe.each(CASES)('windows that follow each other, $kind, $dtype', ({ kind, dtype }) => {
  test.prop([spectra, fc.boolean(), fc.constantFrom(0, 2), seeds], { numRuns: 15 })(
    'T2: with a constant A, errors fall',
    (name, carry, oversample, seed) => {
      const X = rowsWith(SPECTRA[name], seed);
      const A = momentOf(X);
      // What was kept stays in the range of S.
      const sketch = make({ kind, dtype, seed, oversample, decay: 0.8 });
      const fresh = oversample;
      const errors = factorsOf(sketch, repeated(5, [X, X]), { carry, fresh }).map((pairs) =>
        errorOf(A, pairs),
      );
      const slack = slackOf(A, 5, dtype);
      for (let w = 1; w < errors.length; w++) {
        expect(errors[w]).toBeLessThanOrEqual(errors[w - 1] + slack);
      }
    },
  );

  test.prop([seeds], { numRuns: 10 })('T2: to that of the best of the rank', (seed) => {
    const values = Array.from({ length: INPUTS }, (_, j) => 2 ** -j);
    const X = rowsWith(values, seed);
    const A = momentOf(X);
    const sketch = make({ kind, dtype, seed, oversample: 2 });
    const errors = factorsOf(sketch, repeated(10, [X])).map((pairs) => errorOf(A, pairs));
    const best = values.slice(RANK).reduce((sum, value) => sum + value, 0);
    expect(errors[9]).toBeLessThanOrEqual(1.01 * best + slackOf(A, 10, dtype));
  });

  test.prop([spectra, fc.constantFrom(0.5, 0.9, 1), fc.constantFrom(0, 2), seeds], { numRuns: 15 })(
    'T1: 0 ⪯ Â ⪯ Ā over all windows, where the average is carried',
    (name, decay, fresh, seed) => {
      const sketch = make({ kind, dtype, seed, decay, oversample: fresh });
      const windows = [0, 1, 2].map((w) =>
        [0, 1].map((u) => rowsWith(SPECTRA[name], seed + 2 * w + u)),
      );
      let average = zeros('float64', INPUTS, INPUTS);
      let total = 0;
      factorsOf(sketch, windows, { carry: true }).forEach((pairs, w) => {
        for (const X of windows[w]) {
          total = decay * total + 1;
          average = combine(1 - 1 / total, average, 1 / total, momentOf(X));
        }
        const approximate = approximation(pairs);
        const slack = slackOf(average, 3, dtype);
        expect(smallestEigenvalue(approximate)).toBeGreaterThanOrEqual(-slack);
        expect(smallestEigenvalue(combine(1, average, -1, approximate))).toBeGreaterThanOrEqual(
          -slack,
        );
      });
    },
  );

  test('without fresh columns, S is U, and a window forgets the one before', () => {
    const [X, Y] = [1, 2].map((seed) => rowsWith(SPECTRA.polynomial, seed));
    const [first, second] = factorsOf(make({ kind, dtype, seed: 3 }), [[X], [Y]], { fresh: 0 });
    const sketch = denseAs(first.U, dtype);
    const expected = approximation(
      nystromEigenpairs(convert(sketchOf(momentOf(Y), sketch, dtype), dtype), sketch),
    );
    expect(distance(approximation(second), expected)).toBeLessThanOrEqual(
      100 * INPUTS * EPSILON[dtype] * norm(expected),
    );
  });
});

describe.each(DTYPES)('merge in a later window, %s', (dtype) => {
  const base = gaussian(uniform(99), 3 * INPUTS, INPUTS);
  const sizes = fc.integer({ min: 1, max: 9 });
  /** How far two factors are apart, in units of rounding. */
  const apart = (a: ActivationSketch<DType>, b: ActivationSketch<DType>) => {
    const [A, B] = [a.factor(), b.factor()].map((factor) => approximation(factor));
    return distance(A, B) / (INPUTS * EPSILON[dtype] * norm(B));
  };

  test.prop(
    [
      fc.constantFrom('gaussian', 'subcolumn'),
      fc.boolean(),
      fc.constantFrom(0, 3),
      sizes,
      sizes,
      seeds,
    ],
    { numRuns: 20 },
  )('is what one accumulator of all rows has', (kind, carry, probes, m, n, seed) => {
    const options = { kind, dtype, probes, seed: 3 };
    const [a, b, third, both] = [0, 1, 2, 3].map(() => make(options));
    const observe = (X: Matrix, Y: Matrix) => {
      a.observe(X);
      b.observe(Y);
      both.observe(X).observe(Y);
    };
    observe(base, rows(m, seed));
    const factor = third.merge(a).merge(b).factor();
    for (const sketch of [a, b, both]) sketch.advance(factor, { carry });
    observe(combine(0.5, base, 0, base), rows(n, seed + 1));
    expect(apart(a.merge(b), both)).toBeLessThanOrEqual(8);
    const [found, expected] = [a, both].map((sketch) => sketch.factor().errorEstimate);
    expect(typeof found).toBe(probes > 0 ? 'number' : 'undefined');
    if (found !== undefined && expected !== undefined) {
      const rounding = 100 * INPUTS * EPSILON[dtype] * norm(momentOf(base));
      expect(Math.abs(found - expected)).toBeLessThanOrEqual(rounding);
    }
  });

  const ahead = (of: Matrix, options: Partial<ActivationSketchOptions<DType>> = {}) => {
    const sketch = make({ dtype, ...options }).observe(of);
    return sketch.advance(sketch.factor(), { fresh: 0 }).observe(base);
  };

  test('refuses another window', () => {
    const behind = make({ dtype }).observe(base);
    expectRefused(
      behind,
      ahead(base),
      'merge: the other accumulator is in window 1, expected window 0',
    );
    expectRefused(
      ahead(base),
      behind,
      'merge: the other accumulator is in window 0, expected window 1',
    );
  });

  test('refuses one that advanced from another factor', () => {
    expectRefused(
      ahead(base),
      ahead(rows(9, 1)),
      'merge: the other accumulator has another sketch, expected the same inputs, rank, kind, seed and dtype, and the same factors to advance from',
    );
  });

  test('refuses other probes', () => {
    const message =
      'merge: the other accumulator has other probes, expected as many of the same seed';
    expectRefused(ahead(base, { probes: 2 }), ahead(base), message);
    expectRefused(ahead(base), ahead(base, { probes: 2 }), message);
    expectRefused(ahead(base, { probes: 2 }), ahead(base, { probes: 3 }), message);
  });
});

test.each([false, true])('probes see the average that the factor is of, carried: %s', (carry) => {
  // P(err²/‖E‖²F outside) ≤ 1e-6 for 32 probes.
  const [low, high] = [0.15, 3];
  const sketch = make({ seed: 5, probes: INPUTS });
  const windows = [1, 2].map((seed) => [rowsWith(SPECTRA.exponential, seed)]);
  const [, pairs] = factorsOf(sketch, windows, { carry });
  const moments = windows.map(([X]) => momentOf(X));
  const average = carry ? combine(0.5, moments[0], 0.5, moments[1]) : moments[1];
  const truth = norm(combine(1, average, -1, approximation(pairs)));
  const ratio = ((sketch.factor().errorEstimate ?? Number.NaN) / truth) ** 2;
  expect(ratio).toBeGreaterThan(low);
  expect(ratio).toBeLessThan(high);
});

test.each([false, true])('may come before anything is observed, carried: %s', (carry) => {
  const X = rowsWith(SPECTRA.polynomial, 1);
  const factor = make({ seed: 1 }).observe(X).factor();
  const [started, followed] = [make({ seed: 2 }), make({ seed: 2 }).observe(X)];
  started.advance(factor, { carry, fresh: 1 });
  expect(() => started.factor()).toThrow(new RangeError('factor: nothing was observed yet'));
  started.observe(X);
  followed.advance(factor, { fresh: 1 }).observe(X);
  expect(started.factor()).toEqual(followed.factor());
});

test.each<[string, (sketch: ActivationSketch<DType>) => unknown, string]>([
  [
    'a factor of other inputs',
    (sketch) =>
      sketch.advance(
        activationSketch({ inputs: 3, rank: 2 })
          .observe(gaussian(uniform(1), 9, 3))
          .factor(),
      ),
    `advance: U of pairs is 3×2, expected ${INPUTS}×2`,
  ],
  [
    'no factor',
    (sketch) => sketch.advance(JSON.parse('null')),
    'advance: pairs is null, expected eigenpairs',
  ],
  [
    'fresh columns that are no number of them',
    (sketch) => sketch.advance(sketch.factor(), { fresh: 0.5 }),
    'advance: fresh is 0.5, expected an integer >= 0',
  ],
])('%s: refused, and nothing has changed', (_, act, message) => {
  const sketch = make({ seed: 1 }).observe(rowsWith(SPECTRA.polynomial, 1));
  const before = sketch.factor();
  expect(() => act(sketch)).toThrow(message);
  expect(sketch.factor()).toEqual(before);
});
