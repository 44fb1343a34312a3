import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { EPSILON } from '../../src/core/dtype.js';
import { NotConvergedError } from '../../src/core/errors.js';
import { identity, zeros } from '../../src/core/matrix.js';
import { diagonaliseTridiagonal } from '../../src/linalg/ql.js';
import { Rotations } from '../../src/linalg/rotations.js';
import {
  orthogonalFactor,
  type Tridiagonal,
  tridiagonalise,
} from '../../src/linalg/tridiagonal.js';
import {
  build,
  combine,
  distance,
  gaussian,
  type Matrix,
  norm,
  product,
  transpose,
  uniform,
} from '../support/matrices.js';

const EPS = EPSILON.float64;
/** Constant of every rounding bound below: error ≤ C·n·ε·‖A‖. */
const C = 5;

/** T as a full matrix. */
function full({ diagonal, offDiagonal }: Tridiagonal): Matrix {
  return build(diagonal.length, diagonal.length, (i, j) => {
    if (i === j) return diagonal[i];
    return Math.abs(i - j) === 1 ? offDiagonal[Math.min(i, j)] : 0;
  });
}

/** QᵀDQ − A is small for the rows of Q. */
function expectSimilar(Q: Matrix, D: Matrix, A: Matrix): void {
  const n = A.rows;
  const tolerance = C * n * EPS;
  expect(distance(product(Q, 'N', Q, 'T'), identity('float64', n))).toBeLessThanOrEqual(tolerance);
  const rebuilt = product(product(Q, 'T', D, 'N'), 'N', Q, 'N');
  expect(distance(rebuilt, A)).toBeLessThanOrEqual(tolerance * norm(A));
}

test.each([1, 2, 3, 4, 31, 33, 34, 35, 66, 67, 200])('A = QTQᵀ, n = %i', (n) => {
  const G = gaussian(uniform(n), n, n);
  const A = combine(1, G, 1, transpose(G));
  const W = A.clone();
  const T = tridiagonalise(W);
  const Qt = zeros('float64', n, n);
  orthogonalFactor(W, Qt);
  expectSimilar(Qt, full(T), A);
});

/** T = JΛJᵀ by QL; the rows of J are returned beside Λ. */
function diagonalise(T: Tridiagonal, maxSweeps = 30): { values: Matrix; J: Matrix } {
  const n = T.diagonal.length;
  const J = identity('float64', n);
  diagonaliseTridiagonal('test', T, new Rotations(J), maxSweeps);
  return { values: build(n, n, (i, j) => (i === j ? T.diagonal[i] : 0)), J };
}

function tridiagonal(diagonal: readonly number[], offDiagonal: readonly number[]): Tridiagonal {
  return {
    diagonal: Float64Array.from(diagonal),
    offDiagonal: Float64Array.from([...offDiagonal, 0]),
  };
}

const element = fc.oneof(
  fc.double({ min: -1, max: 1, noNaN: true }),
  fc.constantFrom(0, 1, -1, 1e-8, 1e-16, 1e-100, 1e-150, 1e-200, 5e-324),
);
const pairs = fc.array(fc.tuple(element, element), { minLength: 1, maxLength: 25 });

/** JJᵀ = I and JᵀΛJ = T, for ‖T‖ of order 1 or below. */
function expectDiagonalised(diagonal: readonly number[], offDiagonal: readonly number[]): void {
  const T = full(tridiagonal(diagonal, offDiagonal));
  const { values, J } = diagonalise(tridiagonal(diagonal, offDiagonal));
  const tolerance = C * T.rows * EPS;
  const I = identity('float64', T.rows);
  expect(distance(product(J, 'N', J, 'T'), I)).toBeLessThanOrEqual(tolerance);
  const rebuilt = product(product(J, 'T', values, 'N'), 'N', J, 'N');
  expect(distance(rebuilt, T)).toBeLessThanOrEqual(tolerance * Math.max(1, norm(T)));
}

/** The sweeps that T took, each a chain of rotations from below to above; undefined if they were too few. */
const sweepsOf = (T: Tridiagonal, maxSweeps: number): number | undefined => {
  let sweeps = 0;
  let last = -1;
  const rotations = new Rotations(identity('float64', T.diagonal.length));
  const add = rotations.add.bind(rotations);
  rotations.add = (i, c, s) => {
    if (i !== last - 1) sweeps++;
    last = i;
    add(i, c, s);
  };
  try {
    diagonaliseTridiagonal('test', T, rotations, maxSweeps);
  } catch (error) {
    if (error instanceof NotConvergedError) return undefined;
    throw error;
  }
  return sweeps;
};
const random = (n: number, seed: number) => {
  const draw = uniform(seed);
  const numbers = (length: number) => Array.from({ length }, () => 2 * draw() - 1);
  return tridiagonal(numbers(n), numbers(n - 1));
};

describe('QL', () => {
  test.prop([pairs], { numRuns: 400 })(
    'T = JΛJᵀ for every tridiagonal T, split, graded and underflowing ones among them',
    (elements) => {
      expectDiagonalised(
        elements.map(([d]) => d),
        elements.slice(1).map(([, e]) => e),
      );
    },
  );

  test.each([
    ['elements too small for their squares, alone', [0, 1e-320], [1e-320]],
    [
      'elements too small for their squares, among others',
      [0.43894262248218197, 0, 5e-324, 1e-160, 1e-100, 1e-50, 1e-160, -1e-100],
      [0, 1e-100, 1e-120, 1e-100, 2, 0.5, 1e-8],
    ],
    ['one small link between two blocks', [1e-8, 0, 0], [1, 1e-160]],
  ])('T = JΛJᵀ: %s', (_, diagonal, offDiagonal) => {
    expectDiagonalised(diagonal, offDiagonal);
  });

  test('the second difference matrix has the eigenvalues 2 − 2cos(kπ/(n+1))', () => {
    const n = 50;
    const T = tridiagonal(
      Array.from({ length: n }, () => 2),
      Array.from({ length: n - 1 }, () => -1),
    );
    diagonaliseTridiagonal('test', T, undefined, 30);
    const values = T.diagonal.toSorted();
    for (let k = 1; k <= n; k++) {
      const exact = 2 - 2 * Math.cos((k * Math.PI) / (n + 1));
      expect(Math.abs(values[k - 1] - exact)).toBeLessThanOrEqual(C * n * EPS * 4);
    }
  });

  test("Wilkinson's matrix: pairs of eigenvalues that agree to many digits", () => {
    const n = 41;
    const T = tridiagonal(
      Array.from({ length: n }, (_, i) => Math.abs(i - 20) / 20),
      Array.from({ length: n - 1 }, () => 1 / 20),
    );
    const A = full(T);
    const { values, J } = diagonalise(T);
    expectSimilar(J, values, A);
    const sorted = Array.from(T.diagonal).toSorted((a, b) => b - a);
    expect(Math.abs(sorted[0] - sorted[1])).toBeLessThanOrEqual(C * n * EPS);
  });

  test.prop([fc.integer({ min: 2, max: 6 }), fc.nat()], { numRuns: 200 })(
    'never takes more sweeps than it may',
    (n, seed) => {
      // Sweeps of one rotation each follow one another unseen: the count is a lower bound.
      expect(sweepsOf(random(n, seed), 1) ?? 0).toBeLessThanOrEqual(n);
    },
  );

  test.each([20, 50, 200])('takes about 2.2 sweeps an eigenvalue, n = %i', (n) => {
    const G = gaussian(uniform(n), n, n);
    const A = combine(1, G, 1, transpose(G));
    const T = tridiagonalise(combine(1 / norm(A), A, 0, A));
    const sweeps = sweepsOf(T, 30) ?? Number.NaN;
    expect(sweeps).toBeLessThanOrEqual(2.6 * n);
    expect(sweeps).toBeGreaterThanOrEqual(n);
  });

  test('the bound on sweeps holds, and the error counts them', () => {
    const T = tridiagonal([1, 2, 3, 4], [1, 1, 1]);
    try {
      diagonaliseTridiagonal('caller', T, undefined, 1);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(NotConvergedError);
      if (error instanceof NotConvergedError) {
        expect(error.sweeps).toBe(4);
        expect(error.message).toBe('caller: no convergence within 4 sweeps');
      }
    }
  });
});
