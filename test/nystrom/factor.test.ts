// The eigenpairs that nystromEigenpairs returns: their form, their scaling, degenerate and bad input.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { DTYPES, type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, type DenseMatrix, identity, zeros } from '../../src/core/matrix.js';
import { randomKey } from '../../src/core/random.js';
import { scale } from '../../src/kernels/level1.js';
import { nystromEigenpairs } from '../../src/nystrom/factor.js';
import { applyLowRankInverse, lowRankInverse } from '../../src/nystrom/inverse.js';
import { drawSketch, type SketchKind } from '../../src/sketch/distributions.js';
import { denseSketch, type Sketch } from '../../src/sketch/sketch.js';
import {
  build,
  combine,
  distance,
  gaussian,
  inner,
  type Matrix,
  norm,
  product,
  uniform,
} from '../support/matrices.js';
import {
  approximation,
  INPUTS,
  KINDS,
  SPECTRA,
  sketchOf,
  spectralNorm,
  tinyShift,
} from '../support/nystrom.js';
import { withSpectrum } from '../support/spectra.js';

/** c of the rounding bounds below. */
const ROUNDING = 4;

const spectra = fc.constantFrom(...Object.values(SPECTRA));
const widths = fc.integer({ min: 1, max: 16 });
const seeds = fc.nat(1_000_000);
const CASES = KINDS.flatMap((kind) => DTYPES.map((dtype) => ({ kind, dtype })));

function draw<D extends DType>(
  kind: SketchKind,
  inputs: number,
  width: number,
  dtype: D,
  seed = 1,
): Sketch<D> {
  return drawSketch(kind, { inputs, width }, dtype, randomKey(seed));
}

function scaled<D extends DType>(alpha: number, C: DenseMatrix<D>): DenseMatrix<D> {
  const copy = C.clone();
  scale(alpha, copy);
  return copy;
}

describe.each(CASES)('nystromEigenpairs, $kind, $dtype', ({ kind, dtype }) => {
  const sketched = (spectrum: readonly number[], width: number, seed: number) => {
    const A = withSpectrum('float64', spectrum, seed);
    const sketch = draw(kind, INPUTS, width, dtype, seed);
    return { A, sketch, C: sketchOf(A, sketch, dtype) };
  };
  /** The factor of the second moment of the rows of X. */
  const factorOfRows = (X: Matrix, width: number) => {
    const A = combine(1 / X.rows, product(X, 'T', X, 'N'), 0, zeros('float64', X.cols, X.cols));
    const sketch = draw(kind, X.cols, width, dtype);
    return { A, pairs: nystromEigenpairs(sketchOf(A, sketch, dtype), sketch) };
  };

  test.prop([spectra, widths, seeds], { numRuns: 40 })(
    'U has orthonormal columns, the eigenvalues are ≥ 0 and descend, C stays as it is',
    (spectrum, width, seed) => {
      const { sketch, C } = sketched(spectrum, width, seed);
      const before = C.clone();
      const { U, eigenvalues, shift, retries } = nystromEigenpairs(C, sketch);
      expect(C).toEqual(before);
      expect(U).toMatchObject({ dtype: 'float64', rows: INPUTS, cols: width });
      const error = distance(product(U, 'T', U, 'N'), identity('float64', width));
      // k reflections of length p (Higham, Accuracy and Stability, Thm 19.13), and ‖I‖F = √k.
      const operations = INPUTS * width * Math.sqrt(width);
      expect(error).toBeLessThanOrEqual(ROUNDING * operations * EPSILON.float64);
      expect(eigenvalues).toHaveLength(width);
      expect(eigenvalues).toEqual(eigenvalues.toSorted().toReversed());
      expect(eigenvalues[width - 1]).toBeGreaterThanOrEqual(0);
      expect(Math.abs(shift / tinyShift(C) - 1)).toBeLessThanOrEqual(1e-12);
      expect(retries).toBe(0);
    },
  );

  test.prop([spectra, widths, seeds, fc.nat()], { numRuns: 40 })(
    'a rank below the width keeps the largest pairs, bit for bit',
    (spectrum, width, seed, choice) => {
      const { sketch, C } = sketched(spectrum, width, seed);
      const rank = 1 + (choice % width);
      const all = nystromEigenpairs(C, sketch);
      const kept = nystromEigenpairs(C, sketch, { rank });
      expect(kept.eigenvalues).toEqual(all.eigenvalues.slice(0, rank));
      expect(kept.U).toEqual(all.U.view(0, 0, INPUTS, rank).clone());
    },
  );

  test.prop([spectra, widths, seeds, fc.integer({ min: -20, max: 20 })], { numRuns: 40 })(
    'the factor of 4ⁿA is 4ⁿ times that of A, bit for bit',
    (spectrum, width, seed, n) => {
      const { sketch, C } = sketched(spectrum, width, seed);
      const one = nystromEigenpairs(C, sketch);
      const other = nystromEigenpairs(scaled(4 ** n, C), sketch);
      expect(other.U).toEqual(one.U);
      expect(other.eigenvalues).toEqual(one.eigenvalues.map((value) => 4 ** n * value));
      expect(other.shift).toBe(4 ** n * one.shift);
    },
  );

  const extremes = dtype === 'float32' ? [1e-15, 1e15] : [1e-150, 1e150];
  test.each([...extremes, 0.3, 1e3])('the factor of αA is α times that of A: α = %d', (alpha) => {
    for (const spectrum of Object.values(SPECTRA)) {
      const { A, sketch, C } = sketched(spectrum, 4, 5);
      const one = nystromEigenpairs(C, sketch);
      const { eigenvalues, U } = nystromEigenpairs(scaled(alpha, C), sketch);
      const other = { U, eigenvalues: eigenvalues.map((value) => value / alpha) };
      const error = distance(approximation(other), approximation(one));
      expect(error).toBeLessThanOrEqual(ROUNDING * INPUTS * EPSILON[dtype] * spectralNorm(A));
    }
  });

  test('C = 0 gives a factor of zeros, and P = G/ρ', () => {
    const sketch = draw(kind, 6, 3, dtype);
    const pairs = nystromEigenpairs(zeros(dtype, 6, 3), sketch, { rank: 2 });
    expect(pairs).toEqual({
      U: zeros('float64', 6, 2),
      eigenvalues: new Float64Array(2),
      shift: 0,
      retries: 0,
    });
    const G = convert(gaussian(uniform(1), 2, 6), dtype);
    const P = applyLowRankInverse(G, lowRankInverse(pairs, dtype, { damping: 0.5 }));
    expect(P).toEqual(scaled(2, G));
  });

  test('one row x: Â = xxᵀ whatever the width', () => {
    for (const width of [1, 4, 12]) {
      const x = gaussian(uniform(width), 1, 12);
      const { A, pairs } = factorOfRows(x, width);
      const tolerance = ROUNDING * 12 * pairs.shift * (1 + width);
      expect(distance(approximation(pairs), A)).toBeLessThanOrEqual(tolerance);
      expect(Math.abs(pairs.eigenvalues[0] - norm(x) ** 2)).toBeLessThanOrEqual(tolerance);
    }
  });

  test('constant activations: Â is the matrix of ones', () => {
    for (const width of [1, 5, 10]) {
      const { A, pairs } = factorOfRows(
        build(7, 10, () => 1),
        width,
      );
      const tolerance = ROUNDING * 10 * pairs.shift * (1 + width);
      expect(distance(approximation(pairs), A)).toBeLessThanOrEqual(tolerance);
    }
  });

  test('dead inputs stay dead: Âᵢᵢ ≤ ν', () => {
    const X = gaussian(uniform(3), 40, 10);
    const dead = [0, 4, 9];
    for (let i = 0; i < X.rows; i++) for (const j of dead) X.set(i, j, 0);
    for (const width of [1, 4, 8]) {
      const { pairs } = factorOfRows(X, width);
      const A = approximation(pairs);
      for (const j of dead) expect(A.at(j, j)).toBeLessThanOrEqual(2 * pairs.shift);
    }
  });

  test('one column: λ̂ = ‖y‖²/(sᵀy) − ν and U = y/‖y‖ with y = C + νs', () => {
    const { sketch, C } = sketched(SPECTRA.polynomial, 1, 7);
    const { U, eigenvalues, shift } = nystromEigenpairs(C, sketch);
    const s = denseSketch(sketch, 'float64');
    const y = combine(1, convert(C, 'float64'), shift, s);
    const expected = norm(y) ** 2 / inner(s, y) - shift;
    const tolerance = ROUNDING * INPUTS * EPSILON.float64;
    expect(Math.abs(eigenvalues[0] / expected - 1)).toBeLessThanOrEqual(tolerance);
    const sign = Math.sign(inner(U, y));
    expect(distance(combine(sign * norm(y), U, 0, y), y)).toBeLessThanOrEqual(tolerance * norm(y));
  });

  test('as many columns as inputs: Â = A', () => {
    for (const spectrum of Object.values(SPECTRA)) {
      const { A, sketch, C } = sketched(spectrum, INPUTS, 9);
      const S = denseSketch(sketch, 'float64');
      const { eigenvalues, U, shift } = nystromEigenpairs(C, sketch);
      // A square Gaussian S costs its condition number, here about p.
      const growth = kind === 'subcolumn' ? 1 : INPUTS * norm(S);
      const error = distance(approximation({ U, eigenvalues }), A);
      expect(error).toBeLessThanOrEqual(ROUNDING * growth * shift);
    }
  });

  test('B is the symmetric part of SᵀY', () => {
    const I = identity(dtype, 2);
    const sketch: Sketch =
      kind === 'gaussian'
        ? { kind: 'dense', inputs: 2, width: 2, S: I }
        : { kind: 'columns', inputs: 2, width: 2, indices: Int32Array.of(0, 1) };
    const C = zeros(dtype, 2, 2);
    C.set(0, 0, 2);
    C.set(0, 1, 1);
    C.set(1, 1, 2);
    // C·[2 ½; ½ 2]⁻¹·Cᵀ
    const expected = build(2, 2, (i, j) => (i === j ? 8 : 2) / 3.75);
    const pairs = nystromEigenpairs(C, sketch);
    const error = distance(approximation(pairs), expected);
    expect(error).toBeLessThanOrEqual(ROUNDING * pairs.shift);
  });

  test('a given shift is used as it is', () => {
    const { sketch, C } = sketched(SPECTRA.polynomial, 4, 1);
    expect(nystromEigenpairs(C, sketch, { shift: 0.25 })).toMatchObject({
      shift: 0.25,
      retries: 0,
    });
  });
});
