import { fc, test } from '@fast-check/vitest';
import { EigenvalueDecomposition } from 'ml-matrix';
import { describe, expect } from 'vitest';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { NonFiniteError, NotConvergedError } from '../../src/core/errors.js';
import { convert, type DenseMatrix, identity, zeros } from '../../src/core/matrix.js';
import { type Eigh, eigh, eigvalsh } from '../../src/linalg/eigh.js';
import { toMlMatrix } from '../../src/ml-matrix.js';
import {
  build,
  combine,
  distance,
  gaussian,
  type Matrix,
  map,
  norm,
  product,
  transpose,
  uniform,
} from '../support/matrices.js';
import { geometric, randomOrthogonal, withSpectrum } from '../support/spectra.js';

const DTYPES: readonly DType[] = ['float32', 'float64'];
/** Jacobi below 13; then QL, whose blocks have 32 columns and leave the last two alone. */
const SIZES = [1, 2, 3, 12, 13, 33, 34, 35, 67, 100];
/** Constant of every rounding bound below: error ≤ C·n·ε·‖A‖. */
const C = 5;

const SPECTRA: Readonly<Record<string, (n: number) => number[]>> = {
  simple: (n) => Array.from({ length: n }, (_, i) => n - 2 * i),
  clustered: (n) => Array.from({ length: n }, (_, i) => (i % 3) + 1e-12 * i),
  graded: (n) => geometric(n, 1, 1e-14),
  'graded upwards': (n) => geometric(n, 1e-14, 1),
  'rank-deficient': (n) => Array.from({ length: n }, (_, i) => (i < n / 3 ? i + 1 : 0)),
  'rank 1': (n) => Array.from({ length: n }, (_, i) => (i === 0 ? 5 : 0)),
  repeated: (n) => Array.from({ length: n }, () => 3),
  'two-fold': (n) => Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 1 : -1)),
  zero: (n) => Array.from({ length: n }, () => 0),
};

function wide(A: DenseMatrix): Matrix {
  return convert(A, 'float64');
}

function descending(values: ArrayLike<number>): number[] {
  return Array.from(values).toSorted((a, b) => b - a);
}

function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.max(0, ...Array.from(a, (value, i) => Math.abs(value - b[i])));
}

/** VᵀV = I, AV = V·diag(λ), λ descending. */
function expectDecomposition(A: DenseMatrix, { eigenvalues, vectors }: Eigh<DType>): void {
  const n = A.rows;
  const eps = EPSILON[A.dtype];
  expect(vectors.dtype).toBe(A.dtype);
  expect(Array.from(eigenvalues)).toEqual(descending(eigenvalues));
  const V = wide(vectors);
  const orthogonality = distance(product(V, 'T', V, 'N'), identity('float64', n));
  expect(orthogonality).toBeLessThanOrEqual(C * n * eps);
  const scaled = build(n, n, (i, j) => V.at(i, j) * eigenvalues[j]);
  const residual = distance(product(wide(A), 'N', V, 'N'), scaled);
  expect(residual).toBeLessThanOrEqual(C * n * eps * norm(wide(A)));
}

describe.each(DTYPES)('eigh, %s', (dtype) => {
  const eps = EPSILON[dtype];

  describe.each(Object.entries(SPECTRA))('%s spectrum', (_, spectrum) => {
    test.each(SIZES)('n = %i', (n) => {
      const A = withSpectrum(dtype, spectrum(n), n + 1);
      const result = eigh(A);
      expectDecomposition(A, result);
      const tolerance = C * n * eps * norm(wide(A));
      const exact = descending(spectrum(n));
      expect(maxDifference(result.eigenvalues, exact)).toBeLessThanOrEqual(tolerance);
      expect(maxDifference(eigvalsh(A), exact)).toBeLessThanOrEqual(tolerance);
    });
  });

  test.each([5, 40])('only the lower triangle is read, n = %i', (n) => {
    const A = withSpectrum(dtype, geometric(n, 1, 0.01), 2);
    const half = A.clone();
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) half.set(i, j, Number.NaN);
    expect(eigh(half)).toEqual(eigh(A));
    expect(eigvalsh(half)).toEqual(eigvalsh(A));
  });

  test.each([5, 40])('the input is not changed and the bits repeat, n = %i', (n) => {
    const A = withSpectrum(dtype, geometric(n, 1, 0.01), 3);
    const before = A.data.slice();
    expect(eigh(A)).toEqual(eigh(A));
    expect(A.data).toEqual(before);
  });

  test.each([5, 40])('a view is treated like its copy, n = %i', (n) => {
    const A = withSpectrum(dtype, geometric(n + 6, 1, 0.01), 4).view(2, 2, n, n);
    expect(eigh(A)).toEqual(eigh(A.clone()));
  });

  test.each([1, 4, 50])('a diagonal matrix gives its diagonal, sorted and exact, n = %i', (n) => {
    const A = zeros(dtype, n, n);
    const random = uniform(n);
    for (let i = 0; i < n; i++) A.set(i, i, random() - 0.5);
    const diagonal = descending(Array.from({ length: n }, (_, i) => A.at(i, i)));
    const { eigenvalues, vectors } = eigh(A);
    expect(Array.from(eigenvalues)).toEqual(diagonal);
    expect(Array.from(eigvalsh(A))).toEqual(diagonal);
    expect(vectors.data.filter((value) => Math.abs(value) === 1)).toHaveLength(n);
    expect(vectors.data.filter((value) => value === 0)).toHaveLength(n * n - n);
  });

  test.each([
    [4, 2, 1],
    [40, 30, 2],
    [40, 39, 0],
  ])('NaN and Infinity are refused with their place, n = %i at (%i, %i)', (n, i, j) => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const A = identity(dtype, n);
      A.set(i, j, value);
      const place = `A holds ${value} at row ${i}, column ${j}`;
      expect(() => eigh(A)).toThrow(`eigh: ${place}`);
      expect(() => eigvalsh(A)).toThrow(`eigvalsh: ${place}`);
    }
  });

  test('the empty matrix has no eigenvalues', () => {
    const { eigenvalues, vectors } = eigh(zeros(dtype, 0, 0));
    expect([eigenvalues.length, vectors.rows, vectors.cols]).toEqual([0, 0, 0]);
    expect(eigvalsh(zeros(dtype, 0, 0))).toHaveLength(0);
  });
});

describe('scaling', () => {
  test.each([8, 45])('×2^k passes through exactly, n = %i', (n) => {
    const A = withSpectrum('float64', geometric(n, 1, 1e-3), 5);
    const plain = eigh(A);
    for (const unit of [2 ** 664, 2 ** -664, 2 ** 1000]) {
      const scaled = eigh(map(A, (a) => a * unit));
      expect(scaled.vectors).toEqual(plain.vectors);
      expect(scaled.eigenvalues).toEqual(plain.eigenvalues.map((value) => value * unit));
    }
  });

  test.each([8, 45])('×1e±200 in float64 and ×1e±30 in float32, n = %i', (n) => {
    const spectrum = geometric(n, 1, 1e-6);
    for (const [dtype, unit] of [
      ['float64', 1e200],
      ['float64', 1e-200],
      ['float32', 1e30],
      ['float32', 1e-30],
    ] as const) {
      const A = withSpectrum(
        dtype,
        spectrum.map((value) => value * unit),
        6,
      );
      const { eigenvalues, vectors } = eigh(A);
      const unscaled = map(wide(A), (a) => a / unit);
      const tolerance = C * n * EPSILON[dtype] * norm(unscaled);
      const values = eigenvalues.map((value) => value / unit);
      expect(maxDifference(values, spectrum)).toBeLessThanOrEqual(tolerance);
      const V = wide(vectors);
      const scaled = build(n, n, (i, j) => V.at(i, j) * values[j]);
      expect(distance(product(unscaled, 'N', V, 'N'), scaled)).toBeLessThanOrEqual(tolerance);
    }
  });

  test('the smallest and the largest numbers', () => {
    for (const value of [5e-324, 2 ** -1060, Number.MAX_VALUE]) {
      for (const n of [1, 14]) {
        const A = map(identity('float64', n), (a) => a * value);
        A.set(n - 1, n - 1, -value);
        const spectrum = descending(Array.from({ length: n }, (_, i) => A.at(i, i)));
        expect(Array.from(eigh(A).eigenvalues)).toEqual(spectrum);
        expect(Array.from(eigvalsh(A))).toEqual(spectrum);
      }
    }
  });

  test.each([3, 14])('elements whose squares underflow count as 0 beside a 1, n = %i', (n) => {
    for (const small of [5e-324, 1e-300, 1e-170, 1e-150]) {
      const A = zeros('float64', n, n);
      A.set(0, 0, 1);
      for (let i = 2; i < n; i++) {
        A.set(i, i - 1, small);
        A.set(i - 1, i, small);
      }
      expectDecomposition(A, eigh(A));
      const exact = [1, ...Array.from({ length: n - 1 }, () => 0)];
      expect(maxDifference(eigvalsh(A), exact)).toBeLessThanOrEqual(C * n * EPSILON.float64);
    }
  });

  test('an eigenvalue beyond the range of float64 is an error, not Infinity', () => {
    for (const n of [2, 40]) {
      const A = zeros('float64', n, n);
      A.data.fill(Number.MAX_VALUE);
      expect(() => eigh(A)).toThrow(NonFiniteError);
      expect(() => eigvalsh(A)).toThrow(NonFiniteError);
    }
  });
});

/** A random symmetric matrix. */
function symmetric(n: number, seed: number): Matrix {
  const G = gaussian(uniform(seed), n, n);
  return combine(1, G, 1, transpose(G));
}

const sizes = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 13, max: 60 }));
const LAWS = { numRuns: 40 };

describe('laws', () => {
  test.prop([sizes, fc.nat(10_000)], LAWS)('Σλ = tr A and Σλ² = ‖A‖²', (n, seed) => {
    const A = symmetric(n, seed);
    const { eigenvalues } = eigh(A);
    const sum = eigenvalues.reduce((a, b) => a + b, 0);
    const trace = Array.from({ length: n }, (_, i) => A.at(i, i)).reduce((a, b) => a + b, 0);
    expect(Math.abs(sum - trace)).toBeLessThanOrEqual(C * n * EPSILON.float64 * norm(A));
    const squares = Math.sqrt(eigenvalues.reduce((a, b) => a + b * b, 0));
    expect(Math.abs(squares - norm(A))).toBeLessThanOrEqual(C * n * EPSILON.float64 * norm(A));
  });

  test.prop([sizes, fc.nat(10_000)], LAWS)(
    'Cauchy interlacing: λᵢ(A) ≥ λᵢ(B) ≥ λᵢ₊₁(A) for a principal submatrix B',
    (n, seed) => {
      const A = symmetric(n, seed);
      const outer = eigh(A).eigenvalues;
      const inner = eigh(A.view(0, 0, n - 1, n - 1)).eigenvalues;
      const slack = C * n * EPSILON.float64 * norm(A);
      inner.forEach((value, i) => {
        expect(value).toBeLessThanOrEqual(outer[i] + slack);
        expect(value).toBeGreaterThanOrEqual(outer[i + 1] - slack);
      });
    },
  );

  test.prop([sizes, fc.nat(10_000), fc.double({ min: 1e-12, max: 10, noNaN: true })], LAWS)(
    'Weyl: |λᵢ(A + E) − λᵢ(A)| ≤ ‖E‖₂, and some eigenvalue moves by ‖E‖₂ when E = tI',
    (n, seed, size) => {
      const A = symmetric(n, seed);
      const E = withSpectrum('float64', geometric(n, size, size / 10), seed + 1);
      const slack = C * n * EPSILON.float64 * (norm(A) + norm(E));
      const before = eigh(A).eigenvalues;
      const after = eigh(combine(1, A, 1, E)).eigenvalues;
      // E is positive definite here, so that every eigenvalue also rises, by λmin(E) at least.
      after.forEach((value, i) => {
        expect(value - before[i]).toBeLessThanOrEqual(size + slack);
        expect(value - before[i]).toBeGreaterThanOrEqual(size / (n === 1 ? 1 : 10) - slack);
      });
    },
  );

  test.prop([sizes, fc.nat(10_000)], LAWS)('similarity: λ(QAQᵀ) = λ(A)', (n, seed) => {
    const A = symmetric(n, seed);
    const Q = randomOrthogonal(n, seed);
    const rotated = product(product(Q, 'N', A, 'N'), 'N', Q, 'T');
    const error = maxDifference(eigvalsh(rotated), eigvalsh(A));
    expect(error).toBeLessThanOrEqual(2 * C * n * EPSILON.float64 * norm(A));
  });

  test.prop([sizes, fc.nat(10_000)], LAWS)(
    'the values of eigvalsh are those of eigh',
    (n, seed) => {
      const A = symmetric(n, seed);
      const error = maxDifference(eigvalsh(A), eigh(A).eigenvalues);
      expect(error).toBeLessThanOrEqual(C * n * EPSILON.float64 * norm(A));
    },
  );

  test.prop([sizes, fc.nat(10_000)], LAWS)('ml-matrix finds the same eigenvalues', (n, seed) => {
    const A = symmetric(n, seed);
    const options = { assumeSymmetric: true };
    const theirs = descending(new EigenvalueDecomposition(toMlMatrix(A), options).realEigenvalues);
    const error = maxDifference(eigh(A).eigenvalues, theirs);
    expect(error).toBeLessThanOrEqual(C * n * EPSILON.float64 * norm(A));
  });
});

test('small matrices: graded positive definite eigenvalues keep their leading digits', () => {
  // A = DBD with B well conditioned: its eigenvalues are determined to relative accuracy.
  const n = 6;
  const B = withSpectrum('float64', geometric(n, 2, 1), 9);
  const A = build(n, n, (i, j) => B.at(i, j) * 10 ** (-4 * (i + j)));
  const { eigenvalues } = eigh(A);
  // The product of the eigenvalues is det B · Π10^(−8i), and the smallest is far below ε·‖A‖.
  const determinant = geometric(n, 2, 1).reduce((a, b) => a * b, 1);
  const expected = Math.log(determinant) - Math.log(10) * 8 * ((n * (n - 1)) / 2);
  const actual = eigenvalues.reduce((sum, value) => sum + Math.log(value), 0);
  expect(eigenvalues[n - 1]).toBeLessThan(1e-30);
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-12);
});

describe('bounds and misuse', () => {
  test.each([8, 40])('too few sweeps are reported, not looped over, n = %i', (n) => {
    const A = symmetric(n, 1);
    try {
      eigh(A, { maxSweeps: 1 });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(NotConvergedError);
      if (error instanceof NotConvergedError) {
        expect(error.message).toMatch(/^eigh: no convergence/);
        expect(error.sweeps).toBe(n <= 12 ? 1 : n);
      }
    }
    expect(() => eigvalsh(A, { maxSweeps: 1 })).toThrow(NotConvergedError);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'maxSweeps = %d is refused',
    (maxSweeps) => {
      const A = identity('float64', 2);
      expect(() => eigh(A, { maxSweeps })).toThrow(/eigh: maxSweeps is/);
      expect(() => eigvalsh(A, { maxSweeps })).toThrow(/eigvalsh: maxSweeps is/);
    },
  );

  test('matrices that are not square are refused', () => {
    const A = zeros('float64', 2, 3);
    expect(() => eigh(A)).toThrow('eigh: A is 2×3, expected a square matrix');
    expect(() => eigvalsh(A)).toThrow('eigvalsh: A is 2×3, expected a square matrix');
  });
});
