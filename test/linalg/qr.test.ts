import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type DType, EPSILON, LARGEST } from '../../src/core/dtype.js';
import { NonFiniteError } from '../../src/core/errors.js';
import { convert, type DenseMatrix, identity, zeros } from '../../src/core/matrix.js';
import { factorTransposed, type ThinQr, thinQr } from '../../src/linalg/qr.js';
import {
  build,
  distance,
  gaussian,
  type Matrix,
  map,
  norm,
  product,
  uniform,
} from '../support/matrices.js';
import { randomOrthogonal } from '../support/spectra.js';

const DTYPES: readonly DType[] = ['float32', 'float64'];
/** Constant of every rounding bound below: error ≤ C·m·ε·‖A‖; sums run over m rows. */
const C = 8;

/** m×n: one column, inside one block, at its edges, several blocks, square. */
const SHAPES: readonly (readonly [number, number])[] = [
  [1, 1],
  [9, 1],
  [20, 10],
  [32, 31],
  [40, 32],
  [50, 33],
  [120, 65],
  [70, 70],
];

function wide(A: DenseMatrix): Matrix {
  return convert(A, 'float64');
}

/** QᵀQ = I, R upper triangular with a diagonal ≥ 0, QR = A. */
function expectFactorisation(A: DenseMatrix, { Q, R }: ThinQr<DType>): void {
  const { rows: m, cols: n } = A;
  const eps = EPSILON[A.dtype];
  expect([Q.rows, Q.cols, R.rows, R.cols]).toEqual([m, n, n, n]);
  expect([Q.dtype, R.dtype]).toEqual([A.dtype, A.dtype]);
  const orthogonality = distance(product(wide(Q), 'T', wide(Q), 'N'), identity('float64', n));
  expect(orthogonality).toBeLessThanOrEqual(C * m * eps);
  for (let i = 0; i < n; i++) {
    expect(R.at(i, i)).toBeGreaterThanOrEqual(0);
    for (let j = 0; j < i; j++) expect(R.at(i, j)).toBe(0);
  }
  const residual = distance(product(wide(Q), 'N', wide(R), 'N'), A);
  expect(residual).toBeLessThanOrEqual(C * m * eps * norm(wide(A)));
}

describe.each(DTYPES)('thinQr, %s', (dtype) => {
  describe.each(SHAPES)('%i×%i', (m, n) => {
    test('full rank', () => {
      const A = convert(gaussian(uniform(m + n), m, n), dtype);
      expectFactorisation(A, thinQr(A));
    });

    test('zero', () => {
      const A = zeros(dtype, m, n);
      expectFactorisation(A, thinQr(A));
    });

    test('rank 2', () => {
      const random = uniform(m * n);
      const left = gaussian(random, m, 2);
      const A = convert(product(left, 'N', gaussian(random, 2, n), 'N'), dtype);
      expectFactorisation(A, thinQr(A));
    });

    test('all ones', () => {
      const A = convert(
        build(m, n, () => 1),
        dtype,
      );
      expectFactorisation(A, thinQr(A));
    });

    test('zero and repeated columns among others', () => {
      const G = gaussian(uniform(n), m, n);
      const A = convert(
        build(m, n, (i, j) => (j % 3 === 0 ? 0 : G.at(i, j - (j % 2)))),
        dtype,
      );
      expectFactorisation(A, thinQr(A));
    });

    test('graded columns keep their digits: each column of QR is close to its own column of A', () => {
      const G = gaussian(uniform(7 * n), m, n);
      const A = convert(
        build(m, n, (i, j) => G.at(i, j) * 10 ** ((-20 * j) / n)),
        dtype,
      );
      const { Q, R } = thinQr(A);
      expectFactorisation(A, { Q, R });
      const QR = product(wide(Q), 'N', wide(R), 'N');
      for (let j = 0; j < n; j++) {
        const column = A.view(0, j, m, 1);
        const error = distance(QR.view(0, j, m, 1), column);
        expect(error).toBeLessThanOrEqual(C * m * EPSILON[dtype] * norm(wide(column)));
      }
    });
  });

  test('the input is not changed, and the same input gives the same bits', () => {
    const A = convert(gaussian(uniform(1), 80, 40), dtype);
    const before = A.data.slice();
    const first = thinQr(A);
    const second = thinQr(A);
    expect(A.data).toEqual(before);
    expect(second.Q.data).toEqual(first.Q.data);
    expect(second.R.data).toEqual(first.R.data);
  });

  test('a view is factored like its copy', () => {
    const A = convert(gaussian(uniform(2), 60, 50), dtype).view(3, 4, 50, 40);
    expect(thinQr(A).R.data).toEqual(thinQr(A.clone()).R.data);
  });

  test('R beyond the range of the dtype is an error, not Infinity', () => {
    const A = convert(
      build(4, 2, () => 1),
      dtype,
    );
    A.data.fill(LARGEST[dtype]);
    expect(() => thinQr(A)).toThrow(NonFiniteError);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    '%d is refused with its place',
    (value) => {
      const A = zeros(dtype, 5, 3);
      A.set(4, 1, value);
      expect(() => thinQr(A)).toThrow(/thinQr: A holds .* at row 4, column 1/);
    },
  );
});

test.prop([fc.integer({ min: 1, max: 40 }), fc.nat(40), fc.nat(10_000)], {
  numRuns: 60,
})(
  'uniqueness: the factors of QR, with R positive on its diagonal, are Q and R',
  (n, more, seed) => {
    const m = n + more;
    const Q = randomOrthogonal(m, seed).view(0, 0, m, n).clone();
    const random = uniform(seed);
    const R = build(n, n, (i, j) => (i === j ? 1 + random() : i < j ? (random() - 0.5) / n : 0));
    const factors = thinQr(product(Q, 'N', R, 'N'));
    const tolerance = 2 * C * m * EPSILON.float64 * norm(R);
    expect(distance(factors.Q, Q)).toBeLessThanOrEqual(tolerance);
    expect(distance(factors.R, R)).toBeLessThanOrEqual(tolerance);
  },
);

test.each([2 ** 600, 2 ** -600, 2 ** 1010, 2 ** -1000])(
  'scaling by a power of two passes through exactly: A·%d',
  (unit) => {
    const A = gaussian(uniform(3), 45, 35);
    const plain = thinQr(A);
    const scaled = thinQr(map(A, (a) => a * unit));
    expect(scaled.Q.data).toEqual(plain.Q.data);
    expect(scaled.R.data).toEqual(map(plain.R, (a) => a * unit).data);
  },
);

test('the smallest numbers have an orthogonal Q and an exact R', () => {
  for (const value of [5e-324, 2 ** -1060]) {
    const A = map(identity('float64', 3), (a) => a * value);
    const { Q, R } = thinQr(A);
    expect(Q.toArrays().map((row) => row.map(Math.abs))).toEqual(identity('float64', 3).toArrays());
    expect(R.toArrays().map((row) => row.map(Math.abs))).toEqual(A.toArrays());
  }
});

test('float32 at 1e±30', () => {
  for (const unit of [1e30, 1e-30]) {
    const A = convert(
      map(gaussian(uniform(4), 45, 35), (a) => a * unit),
      'float32',
    );
    expectFactorisation(A, thinQr(A));
  }
});

test('fewer rows than columns are refused', () => {
  expect(() => thinQr(zeros('float64', 2, 3))).toThrow(
    'thinQr: A is 2×3, expected at least as many rows as columns',
  );
});

test('no columns give no factors', () => {
  const { Q, R } = thinQr(zeros('float64', 3, 0));
  expect([Q.rows, Q.cols, R.rows, R.cols]).toEqual([3, 0, 0, 0]);
});

test.each([1, 5, 40])('factorTransposed overwrites whatever Qᵀ and Rᵀ held, n = %i', (n) => {
  const At = gaussian(uniform(n), n, 2 * n);
  const factored = (held: number) => {
    const [Qt, Rt] = [build(n, 2 * n, () => held), build(n, n, () => held)];
    factorTransposed(At.clone(), Qt, Rt);
    return [Qt, Rt];
  };
  const clean = factored(0);
  for (const held of [7, Number.NaN]) expect(factored(held)).toEqual(clean);
});
