import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type DType, EPSILON, LARGEST } from '../../src/core/dtype.js';
import { NotPositiveDefiniteError } from '../../src/core/errors.js';
import { convert, type DenseMatrix, identity, zeros } from '../../src/core/matrix.js';
import {
  addToDiagonal,
  cholesky,
  choleskyInPlace,
  solveCholesky,
  spdInverse,
} from '../../src/linalg/cholesky.js';
import { distance, gaussian, type Matrix, norm, product, uniform } from '../support/matrices.js';
import { geometric, withSpectrum } from '../support/spectra.js';

const DTYPES: readonly DType[] = ['float32', 'float64'];
/** Inside one block, at its edges, and over several. */
const SIZES = [1, 2, 63, 64, 65, 127, 129, 160];
/** Constant of every rounding bound below: error ≤ C·n·ε·‖A‖·‖B‖. */
const C = 2;

function wide(A: DenseMatrix): Matrix {
  return convert(A, 'float64');
}

/** The pivot at which a factorisation of A breaks down, or `undefined` where it succeeds. */
function failingPivot(A: DenseMatrix): number | undefined {
  try {
    choleskyInPlace(A);
  } catch (error) {
    if (error instanceof NotPositiveDefiniteError) return error.pivot;
    throw error;
  }
  return undefined;
}

/** LLᵀ for a unit lower triangular L, with pivot p made negative: it fails exactly there. */
function indefiniteAt(dtype: DType, n: number, p: number): DenseMatrix {
  const L = identity('float64', n);
  const random = uniform(n);
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) L.set(i, j, (random() - 0.5) / n);
  const D = identity('float64', n);
  D.set(p, p, -0.25);
  return convert(product(product(L, 'N', D, 'N'), 'N', L, 'T'), dtype);
}

describe.each(DTYPES)('cholesky, %s', (dtype) => {
  const eps = EPSILON[dtype];

  describe.each(SIZES)('n = %i', (n) => {
    const A = withSpectrum(dtype, geometric(n, 1, 0.01), n);

    test('A = LLᵀ with L lower triangular and a positive diagonal', () => {
      const L = cholesky(A);
      for (let i = 0; i < n; i++) {
        expect(L.at(i, i)).toBeGreaterThan(0);
        for (let j = i + 1; j < n; j++) expect(L.at(i, j)).toBe(0);
      }
      const error = distance(product(wide(L), 'N', wide(L), 'T'), A);
      expect(error).toBeLessThanOrEqual(C * n * eps * norm(wide(A)));
    });

    test('a Cholesky factor is its own factorisation: chol(LLᵀ) = L', () => {
      const L = withUnitDiagonal(dtype, n);
      const LLt = convert(product(wide(L), 'N', wide(L), 'T'), dtype);
      expect(distance(cholesky(LLt), L)).toBeLessThanOrEqual(20 * C * n * eps * norm(wide(L)));
    });

    test('solveCholesky: A·X = B', () => {
      const B = gaussian(uniform(n), n, 5);
      const X = convert(B, dtype);
      solveCholesky(cholesky(A), X);
      const residual = distance(product(wide(A), 'N', wide(X), 'N'), convert(B, dtype));
      expect(residual).toBeLessThanOrEqual(C * n * eps * norm(wide(A)) * norm(wide(X)));
    });

    test('spdInverse: A·A⁻¹ = I, exactly symmetric', () => {
      const inverse = spdInverse(A);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < i; j++) expect(inverse.at(i, j)).toBe(inverse.at(j, i));
      }
      const residual = distance(product(wide(A), 'N', wide(inverse), 'N'), identity(dtype, n));
      // Each of the two factors contributes a condition number √κ ≤ 10 more than a solve.
      const tolerance = 10 * C * n * eps * norm(wide(A)) * norm(wide(inverse));
      expect(residual).toBeLessThanOrEqual(tolerance);
    });

    test('only the lower triangle is read', () => {
      const half = A.clone();
      for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) half.set(i, j, Number.NaN);
      expect(cholesky(half).data).toEqual(cholesky(A).data);
      expect(spdInverse(half).data).toEqual(spdInverse(A).data);
    });
  });

  test('a view is factored in place, and nothing around it changes', () => {
    const frame = zeros(dtype, 74, 75);
    frame.data.fill(7);
    const A = withSpectrum(dtype, geometric(70, 1, 0.1), 3);
    const inner = frame.view(2, 3, 70, 70);
    for (let i = 0; i < 70; i++) for (let j = 0; j < 70; j++) inner.set(i, j, A.at(i, j));
    choleskyInPlace(inner);
    expect(inner.clone().data).toEqual(cholesky(A).data);
    const around = frame.data.filter((value) => value === 7).length;
    expect(around).toBe(74 * 75 - 70 * 70);
  });

  // First, middle and last block; first and last pivot of a block; last pivot of all.
  test.each([0, 5, 63, 64, 100, 127, 128, 149])('breaks down exactly at pivot %i', (p) => {
    expect(failingPivot(indefiniteAt(dtype, 150, p))).toBe(p);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'a single %d in the lower triangle breaks the pivot of its row',
    (value) => {
      const A = withSpectrum(dtype, geometric(130, 1, 0.1), 4);
      for (const [i, j] of [
        [0, 0],
        [9, 2],
        [64, 64],
        [80, 3],
        [100, 70],
        [129, 0],
        [129, 129],
      ]) {
        const spoilt = A.clone();
        spoilt.set(i, j, value);
        expect(failingPivot(spoilt)).toBe(i);
      }
    },
  );

  test('the zero matrix breaks down at pivot 0, and a singular one where its rank ends', () => {
    expect(failingPivot(zeros(dtype, 3, 3))).toBe(0);
    const ones = zeros(dtype, 70, 70);
    ones.data.fill(1);
    expect(failingPivot(ones)).toBe(1);
  });

  test('neither overflow nor underflow makes a factor that looks finite', () => {
    const A = identity(dtype, 2);
    A.set(0, 0, LARGEST[dtype]);
    A.set(1, 0, LARGEST[dtype]);
    A.set(1, 1, 1);
    expect(failingPivot(A)).toBe(1);
  });

  test('the empty matrix has an empty factor', () => {
    expect(cholesky(zeros(dtype, 0, 0)).rows).toBe(0);
    expect(spdInverse(zeros(dtype, 0, 0)).rows).toBe(0);
  });
});

/** A lower triangular matrix with diagonal 1 and small elements: well conditioned. */
function withUnitDiagonal(dtype: DType, n: number): DenseMatrix {
  const random = uniform(n + 1);
  const L = identity(dtype, n);
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) L.set(i, j, (random() - 0.5) / n);
  return L;
}

test.prop([fc.integer({ min: 1, max: 90 }), fc.nat(10_000)], { numRuns: 40 })(
  'A ≻ 0 ⇔ the factorisation succeeds: A + shift·I, λmin(A) = 1',
  (n, seed) => {
    const A = withSpectrum('float64', geometric(n, 4, 1), seed);
    const inside = A.clone();
    addToDiagonal(inside, -0.999);
    expect(failingPivot(inside)).toBeUndefined();
    const outside = A.clone();
    addToDiagonal(outside, -4.001);
    expect(failingPivot(outside)).toBe(0);
  },
);

test('a breakdown leaves the upper triangle as it was', () => {
  const A = indefiniteAt('float64', 80, 70);
  const before = A.clone();
  expect(failingPivot(A)).toBe(70);
  for (let i = 0; i < 80; i++) {
    for (let j = i + 1; j < 80; j++) expect(A.at(i, j)).toBe(before.at(i, j));
  }
});

test('cholesky and spdInverse leave their input alone', () => {
  const A = withSpectrum('float64', geometric(70, 1, 0.1), 5);
  const before = A.data.slice();
  cholesky(A);
  spdInverse(A);
  expect(A.data).toEqual(before);
});

test('the same input gives the same bits', () => {
  const A = withSpectrum('float32', geometric(100, 1, 0.1), 6);
  expect(spdInverse(A).data).toEqual(spdInverse(A).data);
});

test('addToDiagonal changes the diagonal alone', () => {
  const frame = zeros('float64', 4, 5);
  addToDiagonal(frame.view(1, 2, 3, 3), 2.5);
  expect(frame.toArrays()).toEqual([
    [0, 0, 0, 0, 0],
    [0, 0, 2.5, 0, 0],
    [0, 0, 0, 2.5, 0],
    [0, 0, 0, 0, 2.5],
  ]);
});

describe('misuse', () => {
  const rectangle = zeros('float64', 2, 3);
  const L = identity('float64', 3);

  test('matrices that are not square are refused', () => {
    const message = /A is 2×3, expected a square matrix/;
    expect(() => choleskyInPlace(rectangle)).toThrow(message);
    expect(() => cholesky(rectangle)).toThrow(message);
    expect(() => spdInverse(rectangle)).toThrow(message);
    expect(() => addToDiagonal(rectangle, 1)).toThrow(message);
    expect(() => solveCholesky(rectangle, rectangle)).toThrow(/L is 2×3/);
  });

  test('solveCholesky refuses wrong shapes, dtypes, overlap and a singular L, B untouched', () => {
    const B = zeros('float64', 2, 2);
    expect(() => solveCholesky(L, B)).toThrow(/solveCholesky: B is 2×2, expected 3×2/);
    const single: DenseMatrix = zeros('float32', 3, 2);
    expect(() => solveCholesky<DType>(L, single)).toThrow(TypeError);
    expect(() => solveCholesky(L, L)).toThrow(RangeError);
    const X = zeros('float64', 3, 1);
    X.data.fill(1);
    const singular = identity('float64', 3);
    for (const value of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
      singular.set(1, 1, value);
      expect(() => solveCholesky(singular, X)).toThrow(RangeError);
    }
    expect(Array.from(X.data)).toEqual([1, 1, 1]);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('addToDiagonal refuses %d', (value) => {
    const A = identity('float64', 2);
    expect(() => addToDiagonal(A, value)).toThrow(/addToDiagonal: value is/);
    expect(Array.from(A.data)).toEqual([1, 0, 0, 1]);
  });
});
