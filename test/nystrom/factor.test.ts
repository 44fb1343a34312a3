// The eigenpairs that nystromEigenpairs returns: their form, their scaling, degenerate and bad input.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { NonFiniteError, NotPositiveDefiniteError } from '../../src/core/errors.js';
import { convert, type DenseMatrix, identity, zeros } from '../../src/core/matrix.js';
import { randomKey } from '../../src/core/random.js';
import { scale } from '../../src/kernels/level1.js';
import { nystromEigenpairs, referenceEigenpairs } from '../../src/nystrom/factor.js';
import { applyLowRankInverse, lowRankInverse } from '../../src/nystrom/inverse.js';
import { denseSketch, drawSketch, type Sketch, type SketchKind } from '../../src/sketch/sketch.js';
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
  DTYPES,
  denseAs,
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

  test.prop([spectra, widths, seeds], { seed: 1, numRuns: 40 })(
    'U has orthonormal columns, the eigenvalues are ≥ 0 and descend, C stays as it is',
    (spectrum, width, seed) => {
      const { sketch, C } = sketched(spectrum, width, seed);
      const before = C.clone();
      const { U, eigenvalues, shift, retries } = nystromEigenpairs(C, sketch);
      expect(C).toEqual(before);
      expect(U).toMatchObject({ dtype: 'float64', rows: INPUTS, cols: width });
      const error = distance(product(U, 'T', U, 'N'), identity('float64', width));
      expect(error).toBeLessThanOrEqual(ROUNDING * width * EPSILON.float64);
      expect(eigenvalues).toHaveLength(width);
      expect(eigenvalues).toEqual(eigenvalues.toSorted().reverse());
      expect(eigenvalues[width - 1]).toBeGreaterThanOrEqual(0);
      expect(Math.abs(shift / tinyShift(C) - 1)).toBeLessThanOrEqual(1e-12);
      expect(retries).toBe(0);
    },
  );

  test.prop([spectra, widths, seeds, fc.nat()], { seed: 2, numRuns: 40 })(
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

  test.prop([spectra, widths, seeds, fc.integer({ min: -20, max: 20 })], { seed: 3, numRuns: 40 })(
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

  test('a given shift is used as it is', () => {
    const { sketch, C } = sketched(SPECTRA.polynomial, 4, 1);
    expect(nystromEigenpairs(C, sketch, { shift: 0.25 })).toMatchObject({
      shift: 0.25,
      retries: 0,
    });
  });

  describe('where the Cholesky factorisation breaks down', () => {
    /** A = diag(1, −δ, 0, …) with S the first two columns of I. */
    const S = identity('float64', 16).view(0, 0, 16, 2).clone();
    const sketch: Sketch<DType> =
      kind === 'gaussian'
        ? denseAs<DType>(S, dtype)
        : { kind, inputs: 16, width: 2, indices: Int32Array.of(0, 1) };
    const slightlyIndefinite = (delta: number) => {
      const C = zeros<DType>(dtype, 16, 2);
      C.set(0, 0, 1);
      C.set(1, 1, -delta);
      return C;
    };
    const tiny = tinyShift(slightlyIndefinite(0));

    test('ν grows tenfold until it holds, and the retries are counted', () => {
      for (const [delta, retries] of [
        [0, 0],
        [3 * tiny, 1],
        [30 * tiny, 2],
        [300 * tiny, 3],
      ]) {
        const pairs = nystromEigenpairs(slightlyIndefinite(delta), sketch);
        expect(pairs.retries).toBe(retries);
        expect(Math.abs(pairs.shift / (10 ** retries * tiny) - 1)).toBeLessThanOrEqual(1e-3);
        expect(Math.abs(pairs.eigenvalues[0] - 1)).toBeLessThanOrEqual(10 * EPSILON.float64);
        expect(pairs.eigenvalues[1]).toBe(0);
      }
    });

    test('a shift of 0 becomes one of rounding size', () => {
      const pairs = nystromEigenpairs(slightlyIndefinite(0), sketch, { shift: 0 });
      expect(pairs).toMatchObject({ retries: 1, shift: tiny });
    });

    test('a negative definite A is refused, at every size', () => {
      for (const inputs of [1, 2, 5, 20, 32, 64, 100]) {
        for (const width of [1, Math.ceil(inputs / 3), inputs]) {
          const drawn = draw(kind, inputs, width, dtype);
          const C = scaled(-1, denseSketch(drawn, dtype));
          expect(() => nystromEigenpairs(C, drawn)).toThrow(NotPositiveDefiniteError);
          expect(() => nystromEigenpairs(C, drawn, { shift: 1e-3 })).toThrow(
            NotPositiveDefiniteError,
          );
        }
      }
    });

    test('the tries are bounded where even the shift underflows', () => {
      const C = zeros<DType>(dtype, 16, 2);
      C.set(0, 0, dtype === 'float32' ? -(2 ** -149) : -Number.MIN_VALUE);
      expect(() => nystromEigenpairs(C, sketch)).toThrow(NotPositiveDefiniteError);
    });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    '%d anywhere in C is a NonFiniteError',
    (value) => {
      const { sketch, C } = sketched(SPECTRA.polynomial, 4, 1);
      for (const [i, j] of [
        [0, 0],
        [INPUTS - 1, 3],
        [7, 2],
      ]) {
        const spoilt = C.clone();
        spoilt.set(i, j, value);
        const error = new NonFiniteError('the sketched second moment');
        expect(() => nystromEigenpairs(spoilt, sketch)).toThrow(error);
        expect(() => referenceEigenpairs(spoilt, sketch, 1)).toThrow(error);
      }
    },
  );

  test('shapes, ranks and shifts that do not fit are refused', () => {
    const sketch = draw(kind, 6, 3, dtype);
    const C = zeros(dtype, 6, 3);
    for (const wrong of [zeros(dtype, 5, 3), zeros(dtype, 6, 2)]) {
      const message = `C is ${wrong.rows}×${wrong.cols}, expected 6×3`;
      expect(() => nystromEigenpairs(wrong, sketch)).toThrow(
        new RangeError(`nystromEigenpairs: ${message}`),
      );
      expect(() => referenceEigenpairs(wrong, sketch, 1)).toThrow(
        new RangeError(`referenceEigenpairs: ${message}`),
      );
    }
    for (const rank of [0, 4, 1.5, Number.NaN]) {
      expect(() => nystromEigenpairs(C, sketch, { rank })).toThrow(
        new RangeError(`nystromEigenpairs: rank is ${rank}, expected an integer >= 1 and <= 3`),
      );
    }
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => nystromEigenpairs(C, sketch, { shift: bad })).toThrow(
        new RangeError(`nystromEigenpairs: shift is ${bad}, expected a finite number >= 0`),
      );
      expect(() => referenceEigenpairs(C, sketch, bad)).toThrow(
        new RangeError(`referenceEigenpairs: rho is ${bad}, expected a finite number >= 0`),
      );
    }
  });
});

test.each(DTYPES)('a sketch with a column of zeros is refused after bounded tries, %s', (dtype) => {
  const S = build(8, 2, (i, j) => (j === 0 ? 1 + i : 0));
  const sketch = denseAs(S, dtype);
  const C = sketchOf(identity('float64', 8), sketch, dtype);
  expect(() => nystromEigenpairs(C, sketch)).toThrow(
    expect.objectContaining({ name: 'NotPositiveDefiniteError', pivot: 1 }),
  );
});

describe('a matrix of rank r from a sketch of r columns', () => {
  /** Relative spectral error of Â. */
  const errors = (kind: SketchKind, rank: number, seed: number) => {
    const spectrum = Array.from({ length: 64 }, (_, j) => (j < rank ? 1 / (1 + j) : 0));
    const A = withSpectrum('float64', spectrum, seed);
    const sketch = draw(kind, 64, rank, 'float64', seed);
    const C = sketchOf(A, sketch, 'float64');
    const error = (pairs: ReturnType<typeof nystromEigenpairs>) =>
      spectralNorm(combine(1, A, -1, approximation(pairs)));
    return [
      error(nystromEigenpairs(C, sketch)),
      error(referenceEigenpairs(C, sketch, 0.01)),
    ] as const;
  };

  // Relative errors on 15 matrices each. Corrected: the shift and its growth, 3e-14 to 2e-10, median
  // 1e-12. Reference: 0.27 to 2.7, median 0.5 (subcolumn) and 0.7 (Gaussian).
  test.each(KINDS)('is reproduced by the corrected variant, not by the reference: %s', (kind) => {
    const found = [2, 5, 10].flatMap((rank) => [1, 2, 3, 4, 5].map((s) => errors(kind, rank, s)));
    const corrected = found.map(([error]) => error).sort((a, b) => a - b);
    const reference = found.map(([, error]) => error).sort((a, b) => a - b);
    expect(corrected[7]).toBeLessThanOrEqual(2e-12);
    expect(corrected[14]).toBeLessThanOrEqual(1e-9);
    expect(reference[0]).toBeGreaterThanOrEqual(0.25);
    expect(reference[7]).toBeGreaterThanOrEqual(0.5);
  });
});
