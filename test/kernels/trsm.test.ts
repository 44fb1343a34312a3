// trsm undoes the multiplication by a triangle, on either side and transposed or not.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { type DenseMatrix, type Op, zeros } from '../../src/core/matrix.js';
import { gemm } from '../../src/kernels/gemm.js';
import { frobeniusNorm } from '../../src/kernels/level1.js';
import { trsm } from '../../src/kernels/trsm.js';
import { DTYPES, expectRefused, fill, framed, integers, matrix, reals, values } from './support.js';

const CASES = [
  ['left', 'N'],
  ['left', 'T'],
  ['right', 'N'],
  ['right', 'T'],
] as const;

type Side = (typeof CASES)[number][0];

/** L with zeros above the diagonal, for products. */
function lower<D extends DType>(L: DenseMatrix<D>): DenseMatrix<D> {
  const T = L.clone();
  fill(T, (i, j) => (j > i ? 0 : L.at(i, j)));
  return T;
}

/** op(L)·X or X·op(L). */
function multiplied<D extends DType>(
  side: Side,
  op: Op,
  L: DenseMatrix<D>,
  X: DenseMatrix<D>,
): DenseMatrix<D> {
  const B = zeros(X.dtype, X.rows, X.cols);
  if (side === 'left') gemm(1, lower(L), op, X, 'N', 0, B);
  else gemm(1, X, 'N', lower(L), op, 0, B);
  return B;
}

describe.each(DTYPES)('trsm in %s', (dtype) => {
  /** A triangle with unit diagonal and 0 or ±1 below; NaN above, where nothing may read. */
  function unitTriangle(n: number, s: number) {
    const element = integers(s);
    return framed(dtype, n, n, (i, j) => (j > i ? Number.NaN : i === j ? 1 : Math.sign(element())));
  }

  describe.each(CASES)('%s, %s', (side, op) => {
    const shape = (n: number, m: number) =>
      side === 'left' ? ([n, m] as const) : ([m, n] as const);

    test.prop(
      [
        fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 40, max: 110 })),
        fc.integer({ min: 0, max: 70 }),
        fc.integer({ min: 0, max: 2 ** 30 }),
      ],
      { numRuns: 60 },
    )('op(L)⁻¹ of op(L)·X is X, exactly on integers', (n, m, s) => {
      const l = unitTriangle(n, s);
      const X = matrix(dtype, ...shape(n, m), integers(s + 1));
      const B = multiplied(side, op, l.A, X);
      const b = framed(dtype, B.rows, B.cols, (i, j) => B.at(i, j));
      trsm(side, op, 1, l.A, b.A);
      expect(values(b.A)).toEqual(values(X));
      l.expectFrameIntact();
      b.expectFrameIntact();
    });

    test.each([
      [1, 3],
      [47, 5],
      [48, 64],
      [49, 65],
      [130, 33],
      [200, 1],
    ])('‖op(L)X − αB‖ is of rounding size, n = %i, %i right-hand sides', (n, m) => {
      const safety = 4;
      const element = reals(n);
      const L = matrix(dtype, n, n, (i, j) => (i === j ? 2 + element() : element() / Math.sqrt(n)));
      const B = matrix(dtype, ...shape(n, m), element);
      const X = B.clone();
      trsm(side, op, -0.5, L, X);
      const residual = multiplied(side, op, L, X);
      fill(residual, (i, j) => residual.at(i, j) + 0.5 * B.at(i, j));
      const tolerance = safety * n * EPSILON[dtype] * frobeniusNorm(lower(L)) * frobeniusNorm(X);
      expect(frobeniusNorm(residual)).toBeLessThanOrEqual(tolerance);
    });

    test.each([0, Number.NaN, Number.POSITIVE_INFINITY])(
      'a diagonal element %d is refused by index before B changes',
      (value) => {
        for (const [n, index] of [
          [1, 0],
          [120, 119],
        ] as const) {
          const L = matrix(dtype, n, n, (i, j) => (i === j ? 1 : 0));
          L.set(index, index, value);
          const B = matrix(dtype, ...shape(n, 4), reals(2));
          expectRefused(
            B,
            () => trsm(side, op, 1, L, B),
            `trsm: L holds ${value} at index ${index} of its diagonal, expected a finite number other than 0`,
          );
        }
      },
    );

    test('with α = 0 the NaN in B does not survive', () => {
      const B = matrix(dtype, ...shape(60, 3), () => Number.NaN);
      trsm(side, op, 0, unitTriangle(60, 1).A, B);
      expect(values(B)).toEqual(values(zeros(dtype, B.rows, B.cols)));
    });

    test('a NaN in B reaches its own right-hand side and no other', () => {
      const B = matrix(dtype, ...shape(100, 5), reals(3));
      const first = (side === 'left') === (op === 'N') ? 0 : 99;
      if (side === 'left') B.set(first, 2, Number.NaN);
      else B.set(2, first, Number.NaN);
      const L = matrix(dtype, 100, 100, () => 1);
      trsm(side, op, 1, L, B);
      for (let i = 0; i < B.rows; i++) {
        for (let j = 0; j < B.cols; j++) {
          const own = (side === 'left' ? j : i) === 2;
          expect(Number.isNaN(B.at(i, j)), `(${i}, ${j})`).toBe(own);
        }
      }
    });

    test('L and B may be disjoint blocks of one matrix', () => {
      const whole = matrix(dtype, 10, 10, (i, j) => (i === j ? 3 : i - j));
      const B = side === 'left' ? whole.view(0, 5, 5, 5) : whole.view(5, 0, 5, 5);
      const expected = B.clone();
      trsm(side, op, 1, whole.view(0, 0, 5, 5).clone(), expected);
      trsm(side, op, 1, whole.view(0, 0, 5, 5), B);
      expect(B.clone().data).toEqual(expected.data);
    });
  });

  describe('refusals', () => {
    const L: DenseMatrix = matrix(dtype, 3, 3, () => 1);
    const B: DenseMatrix = matrix(dtype, 3, 2, (i, j) => i + j);
    const wrong: DenseMatrix = zeros(dtype === 'float32' ? 'float64' : 'float32', 3, 3);

    test.each<[string, DenseMatrix, () => void, RegExp]>([
      ['dtype', B, () => trsm('left', 'N', 1, wrong, B), /^trsm: L holds float/],
      ['square', B, () => trsm('left', 'N', 1, zeros(dtype, 3, 2), B), /^trsm: L is 3×2/],
      [
        'left',
        B,
        () => trsm('left', 'N', 1, zeros(dtype, 2, 2), B),
        /^trsm: B is 3×2, expected 2×2/,
      ],
      ['right', B, () => trsm('right', 'N', 1, L, B), /^trsm: B is 3×2, expected 3×3/],
      ['overlap', L, () => trsm('left', 'N', 1, L, L), /^trsm: B shares memory with L/],
    ])('%s', (_, output, call, message) => {
      expectRefused(output, call, message);
    });

    test('an unknown side or op', () => {
      const message = "trsm: side is 'up', expected 'left' or 'right'";
      // @ts-expect-error: the types refuse it too
      expectRefused(B, () => trsm('up', 'N', 1, L, B), message);
      // @ts-expect-error: the types refuse it too
      expectRefused(B, () => trsm('left', 'C', 1, L, B), "trsm: op is 'C', expected 'N' or 'T'");
    });
  });
});
