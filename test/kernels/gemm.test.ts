// gemm by the random-vector check, by exact integer products, by its laws, and by its refusals.

import { fc, test } from '@fast-check/vitest';
import { Matrix } from 'ml-matrix';
import { describe, expect } from 'vitest';
import { EPSILON } from '../../src/core/dtype.js';
import { type DenseMatrix, type Op, zeros } from '../../src/core/matrix.js';
import { gemm } from '../../src/kernels/gemm.js';
import { transpose } from '../../src/kernels/movement.js';
import { toMlMatrix } from '../../src/ml-matrix.js';
import {
  at,
  DTYPES,
  expectProduct,
  expectRefused,
  fill,
  framed,
  integers,
  matrix,
  OP_PAIRS,
  operand,
  reals,
  values,
} from './support.js';

/** Sizes around the edges of the register tile (3 × 2), and empty. */
const size = fc.oneof(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 8, max: 40 }));
const factor = fc.constantFrom(0, 1, -1, 0.5, -1.75);
const ops = fc.constantFrom(...OP_PAIRS);
const seed = fc.integer({ min: 0, max: 2 ** 30 });

describe.each(DTYPES)('gemm in %s', (dtype) => {
  /** One product with every operand inside a frame. */
  function run(
    shape: readonly [m: number, k: number, n: number],
    [opA, opB]: readonly [Op, Op],
    alpha: number,
    beta: number,
    element: () => number,
  ) {
    const [m, k, n] = shape;
    const a = framed(dtype, opA === 'N' ? m : k, opA === 'N' ? k : m, element);
    const b = framed(dtype, opB === 'N' ? k : n, opB === 'N' ? n : k, element);
    const c = framed(dtype, m, n, element);
    const C0 = c.A.clone();
    gemm(alpha, a.A, opA, b.A, opB, beta, c.A);
    for (const frame of [a, b, c]) frame.expectFrameIntact();
    return { A: a.A, B: b.A, C0, C: c.A };
  }

  test.prop([size, size, size, ops, factor, factor, seed], { numRuns: 300 })(
    'C·t = αA(Bt) + βC₀t for random t, on views',
    (m, k, n, pair, alpha, beta, s) => {
      const { A, B, C0, C } = run([m, k, n], pair, alpha, beta, reals(s));
      expectProduct(alpha, A, pair[0], B, pair[1], beta, C0, C);
    },
  );

  test.prop([size, size, size, ops, seed], { numRuns: 200 })(
    'integer products are exact',
    (m, k, n, pair, s) => {
      const { A, B, C0, C } = run([m, k, n], pair, 2, -3, integers(s));
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let p = 0; p < k; p++) sum += at(A, pair[0], i, p) * at(B, pair[1], p, j);
          expect(C.at(i, j) + 0).toBe(2 * sum - 3 * C0.at(i, j) + 0);
        }
      }
    },
  );

  test.each([
    [95, 255, 3],
    [96, 256, 2],
    [97, 257, 4],
    [119, 256, 9],
    [59, 256, 9],
    [64, 64, 64],
    [99, 101, 93],
    [193, 513, 5],
    [3, 2, 1023],
    [4, 3, 1025],
    [100, 300, 1026],
    [577, 40, 10],
    [10, 900, 50],
  ])('sizes around the block edges: %i×%i×%i', (m, k, n) => {
    for (const pair of OP_PAIRS) {
      const { A, B, C0, C } = run([m, k, n], pair, -0.5, 0.25, reals(m + k + n));
      expectProduct(-0.5, A, pair[0], B, pair[1], 0.25, C0, C);
    }
  });

  test.each([
    [1, 1, 1],
    [1, 5, 1],
    [9, 7, 1],
    [8, 300, 1],
    [1, 7, 9],
    [1, 301, 6],
    [9, 1, 7],
    [1, 1, 9],
    [9, 1, 1],
  ])('thin shapes: %i×%i×%i', (m, k, n) => {
    for (const pair of OP_PAIRS) {
      for (const beta of [0, 0.5]) {
        const { A, B, C0, C } = run([m, k, n], pair, -1.5, beta, reals(m + k + n));
        expectProduct(-1.5, A, pair[0], B, pair[1], beta, C0, C);
      }
    }
  });

  test.each(OP_PAIRS)('agrees with ml-matrix, ops %s and %s', (opA, opB) => {
    const element = reals(4);
    const A = operand(dtype, opA, 23, 31, element);
    const B = operand(dtype, opB, 31, 18, element);
    const C = zeros(dtype, 23, 18);
    gemm(1, A, opA, B, opB, 0, C);
    const left = opA === 'N' ? toMlMatrix(A) : toMlMatrix(A).transpose();
    const right = opB === 'N' ? toMlMatrix(B) : toMlMatrix(B).transpose();
    const error = Matrix.sub(left.mmul(right), toMlMatrix(C)).norm();
    expect(error).toBeLessThanOrEqual(31 * EPSILON[dtype] * left.norm() * right.norm());
  });

  test.prop([size, size, size, ops, seed], { numRuns: 100 })(
    'with β = 0 the NaN in C does not survive, and the result is that of C = 0',
    (m, k, n, [opA, opB], s) => {
      const element = reals(s);
      const A = operand(dtype, opA, m, k, element);
      const B = operand(dtype, opB, k, n, element);
      const C = matrix(dtype, m, n, () => Number.NaN);
      const clean = zeros(dtype, m, n);
      gemm(0.5, A, opA, B, opB, 0, C);
      gemm(0.5, A, opA, B, opB, 0, clean);
      expect(C.data).toEqual(clean.data);
      expect(C.data).not.toContain(Number.NaN);
    },
  );

  test.each([
    [3, 4],
    [1, 4],
    [4, 1],
  ])('α = 0 and k = 0 scale C, whatever A and B hold: %i×%i', (m, n) => {
    for (const [alpha, k] of [
      [0, 2],
      [1, 0],
    ] as const) {
      const A = matrix(dtype, m, k, () => Number.NaN);
      const B = matrix(dtype, k, n, () => Number.POSITIVE_INFINITY);
      const C = matrix(dtype, m, n, (i, j) => i - j);
      gemm(alpha, A, 'N', B, 'N', -2, C);
      expect(values(C)).toEqual(values(matrix(dtype, m, n, (i, j) => -2 * (i - j))));
      fill(C, () => Number.NaN);
      gemm(alpha, A, 'N', B, 'N', 0, C);
      expect(C.toArrays()).toEqual(zeros(dtype, m, n).toArrays());
    }
  });

  test.each([
    [0, 3, 4],
    [3, 3, 0],
    [0, 0, 0],
    [0, 3, 1],
    [1, 3, 0],
  ])('empty results: %i×%i×%i', (m, k, n) => {
    const C = zeros(dtype, m, n);
    gemm(1, zeros(dtype, m, k), 'N', zeros(dtype, k, n), 'N', 1, C);
    expect(C.data).toHaveLength(0);
  });

  test('1×1', () => {
    const C = matrix(dtype, 1, 1, () => 5);
    gemm(
      2,
      matrix(dtype, 1, 1, () => 3),
      'T',
      matrix(dtype, 1, 1, () => 7),
      'T',
      -1,
      C,
    );
    expect(C.at(0, 0)).toBe(37);
  });

  test.each([
    [7, 5],
    [7, 1],
    [1, 5],
  ])('a NaN in A reaches its row of the %i×%i result and no other', (m, n) => {
    const element = reals(6);
    const A = matrix(dtype, m, 6, element);
    A.set(m - 1, 2, Number.NaN);
    const C = zeros(dtype, m, n);
    gemm(1, A, 'N', matrix(dtype, 6, n, element), 'N', 0, C);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) expect(Number.isNaN(C.at(i, j))).toBe(i === m - 1);
    }
  });

  test('a product leaves nothing behind for the next one', () => {
    const element = reals(7);
    const A = matrix(dtype, 50, 60, element);
    const B = matrix(dtype, 60, 41, element);
    const first = zeros(dtype, 50, 41);
    gemm(1, A, 'N', B, 'N', 0, first);
    for (const other of DTYPES) {
      const N = matrix(other, 300, 300, () => Number.NaN);
      gemm(1, N, 'N', N.clone(), 'T', 0, zeros(other, 300, 300));
      gemm(1, N, 'N', N.view(0, 0, 300, 1), 'N', 0, zeros(other, 300, 1));
    }
    const second = zeros(dtype, 50, 41);
    gemm(1, A, 'N', B, 'N', 0, second);
    expect(second.data).toEqual(first.data);
  });

  describe('laws', () => {
    test.prop([size, size, size, seed], { numRuns: 60 })('(AB)ᵀ = BᵀAᵀ', (m, k, n, s) => {
      const element = integers(s);
      const A = matrix(dtype, m, k, element);
      const B = matrix(dtype, k, n, element);
      const AB = zeros(dtype, m, n);
      const transposed = zeros(dtype, n, m);
      const reversed = zeros(dtype, n, m);
      gemm(1, A, 'N', B, 'N', 0, AB);
      transpose(AB, transposed);
      gemm(1, B, 'T', A, 'T', 0, reversed);
      expect(values(reversed)).toEqual(values(transposed));
    });

    test.prop([size, size, size, ops, seed], { numRuns: 60 })(
      'A(B + D) = AB + AD',
      (m, k, n, [opA, opB], s) => {
        const element = integers(s);
        const A = operand(dtype, opA, m, k, element);
        const B = operand(dtype, opB, k, n, element);
        const D = operand(dtype, opB, k, n, element);
        const sum = D.clone();
        fill(sum, (i, j) => B.at(i, j) + D.at(i, j));
        const whole = zeros(dtype, m, n);
        const parts = zeros(dtype, m, n);
        gemm(1, A, opA, sum, opB, 0, whole);
        gemm(1, A, opA, B, opB, 0, parts);
        gemm(1, A, opA, D, opB, 1, parts);
        expect(values(parts)).toEqual(values(whole));
      },
    );
  });

  describe('memory', () => {
    const element = reals(10);
    const whole = matrix(dtype, 8, 8, element);

    test.each([
      ['A', whole.view(0, 0, 4, 4), whole.view(3, 3, 4, 4), matrix(dtype, 4, 4, element)],
      ['B', whole.view(2, 0, 4, 4), matrix(dtype, 4, 4, element), whole.view(2, 0, 4, 4)],
    ])('an output that overlaps %s is refused', (name, C, A, B) => {
      expectRefused(
        C,
        () => gemm(1, A, 'N', B, 'N', 1, C),
        `gemm: C shares memory with ${name}, expected an output that overlaps no input`,
      );
    });

    test('disjoint blocks of one matrix are welcome', () => {
      const separate = (row: number, col: number) => whole.view(row, col, 4, 4).clone();
      const expected = separate(4, 4);
      gemm(-1, separate(4, 0), 'N', separate(0, 4), 'N', 1, expected);
      gemm(-1, whole.view(4, 0, 4, 4), 'N', whole.view(0, 4, 4, 4), 'N', 1, whole.view(4, 4, 4, 4));
      expect(separate(4, 4).data).toEqual(expected.data);
    });

    test('A may be B', () => {
      const A = matrix(dtype, 6, 6, element);
      const C = zeros(dtype, 6, 6);
      gemm(1, A, 'N', A, 'N', 0, C);
      expectProduct(1, A, 'N', A, 'N', 0, C, C);
    });
  });

  describe('refusals', () => {
    const A: DenseMatrix = zeros(dtype, 2, 3);
    const B: DenseMatrix = zeros(dtype, 3, 4);
    const C: DenseMatrix = matrix(dtype, 2, 4, (i, j) => i + j);
    const other: DenseMatrix = zeros(dtype === 'float32' ? 'float64' : 'float32', 3, 4);

    test.each<[string, () => void, RegExp]>([
      ['rows of A', () => gemm(1, B, 'N', B, 'N', 0, C), /^gemm: A is 3×4, expected 2×4/],
      ['rows of Aᵀ', () => gemm(1, A, 'T', B, 'N', 0, C), /^gemm: A is 2×3, expected 2×2/],
      ['rows of B', () => gemm(1, A, 'N', A, 'N', 0, C), /^gemm: B is 2×3, expected 3×4/],
      ['rows of Bᵀ', () => gemm(1, A, 'N', B, 'T', 0, C), /^gemm: B is 3×4, expected 4×3/],
      ['the dtype of A', () => gemm(1, other, 'N', B, 'N', 0, C), /^gemm: A holds float/],
      ['the dtype of B', () => gemm(1, A, 'N', other, 'N', 0, C), /^gemm: B holds float/],
    ])('%s', (_, call, message) => {
      expectRefused(C, call, message);
    });

    test('an unknown op', () => {
      const messageA = "gemm: opA is 'C', expected 'N' or 'T'";
      const messageB = "gemm: opB is 'n', expected 'N' or 'T'";
      // @ts-expect-error: the types refuse it too
      expectRefused(C, () => gemm(1, A, 'C', B, 'N', 0, C), messageA);
      // @ts-expect-error: the types refuse it too
      expectRefused(C, () => gemm(1, A, 'N', B, 'n', 0, C), messageB);
    });
  });
});
