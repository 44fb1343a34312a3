// syrk is gemm with one operand: half of it is computed, the other half is its mirror image.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type DenseMatrix, type Op, zeros } from '../../src/core/matrix.js';
import { gemm } from '../../src/kernels/gemm.js';
import { mirrorLower } from '../../src/kernels/movement.js';
import { syrk } from '../../src/kernels/syrk.js';
import {
  DTYPES,
  expectProduct,
  expectRefused,
  fill,
  framed,
  integers,
  matrix,
  OPS,
  operand,
  reals,
  values,
} from './support.js';

const size = fc.integer({ min: 0, max: 30 });
const factor = fc.constantFrom(0, 1, -0.5);
const anyOp = fc.constantFrom(...OPS);
const seed = fc.integer({ min: 0, max: 2 ** 30 });

/** How many elements differ from their mirror image. */
function asymmetries(C: DenseMatrix): number {
  let count = 0;
  for (let i = 0; i < C.rows; i++) {
    for (let j = 0; j < i; j++) count += C.at(i, j) === C.at(j, i) ? 0 : 1;
  }
  return count;
}

const other = (op: Op): Op => (op === 'N' ? 'T' : 'N');

describe.each(DTYPES)('syrk in %s', (dtype) => {
  test.prop([size, size, anyOp, factor, factor, seed], { numRuns: 200 })(
    'both: equals gemm of A with itself, exactly on integers and symmetric to the last bit',
    (n, k, op, alpha, beta, s) => {
      const element = integers(s);
      const A = operand(dtype, op, n, k, element);
      const c = framed(dtype, n, n, element);
      mirrorLower(c.A);
      const expected = c.A.clone();
      gemm(alpha, A, op, A, other(op), beta, expected);
      syrk(alpha, A, op, beta, c.A, 'both');
      expect(values(c.A)).toEqual(values(expected));
      c.expectFrameIntact();
    },
  );

  test.prop([size, size, anyOp, factor, factor, seed], { numRuns: 200 })(
    'lower: the lower triangle of the same, nothing above the diagonal is read or written',
    (n, k, op, alpha, beta, s) => {
      const element = integers(s);
      const A = operand(dtype, op, n, k, element);
      const c = framed(dtype, n, n, (i, j) => (j > i ? Number.NaN : element()));
      const expected = c.A.clone();
      mirrorLower(expected);
      syrk(alpha, A, op, beta, expected, 'both');
      syrk(alpha, A, op, beta, c.A, 'lower');
      fill(expected, (i, j) => (j > i ? Number.NaN : expected.at(i, j)));
      expect(values(c.A)).toEqual(values(expected));
      c.expectFrameIntact();
    },
  );

  test.each([
    [97, 257],
    [193, 40],
    [1030, 3],
    [40, 520],
  ])('C·t = αA(Aᵀt) + βC₀t around the block edges: n = %i, k = %i', (n, k) => {
    for (const op of OPS) {
      const element = reals(n);
      const A = operand(dtype, op, n, k, element);
      const C = matrix(dtype, n, n, element);
      mirrorLower(C);
      const C0 = C.clone();
      syrk(-0.5, A, op, 0.75, C, 'both');
      expectProduct(-0.5, A, op, A, other(op), 0.75, C0, C);
      expect(asymmetries(C)).toBe(0);
    }
  });

  test('with β = 0 the NaN in C does not survive', () => {
    const A = matrix(dtype, 5, 7, reals(3));
    const C = matrix(dtype, 7, 7, () => Number.NaN);
    const clean = zeros(dtype, 7, 7);
    syrk(1, A, 'T', 0, C, 'both');
    syrk(1, A, 'T', 0, clean, 'both');
    expect(C.data).toEqual(clean.data);
    syrk(0, A, 'T', 0, C, 'lower');
    fill(C, (i, j) => (i >= j ? C.at(i, j) : 0));
    expect(values(C)).toEqual(values(zeros(dtype, 7, 7)));
  });

  test('1×1 and empty', () => {
    const C = matrix(dtype, 1, 1, () => 5);
    syrk(
      2,
      matrix(dtype, 1, 1, () => 3),
      'N',
      -1,
      C,
      'both',
    );
    expect(C.at(0, 0)).toBe(13);
    const none = zeros(dtype, 0, 0);
    syrk(1, zeros(dtype, 4, 0), 'T', 1, none, 'both');
    expect(none.data).toHaveLength(0);
  });

  test('the Gram matrix of one block may be written to another block of the same matrix', () => {
    const whole = matrix(dtype, 6, 6, reals(4));
    const expected = whole.view(3, 3, 3, 3).clone();
    syrk(-1, whole.view(3, 0, 3, 3).clone(), 'N', 1, expected, 'lower');
    syrk(-1, whole.view(3, 0, 3, 3), 'N', 1, whole.view(3, 3, 3, 3), 'lower');
    expect(whole.view(3, 3, 3, 3).clone().data).toEqual(expected.data);
  });

  describe('refusals', () => {
    const A: DenseMatrix = zeros(dtype, 3, 4);
    const C: DenseMatrix = matrix(dtype, 3, 3, (i, j) => i + j);
    const wrong: DenseMatrix = zeros(dtype === 'float32' ? 'float64' : 'float32', 3, 4);
    const big: DenseMatrix = matrix(dtype, 6, 6, (i, j) => i - j);

    test.each<[string, DenseMatrix, () => void, RegExp]>([
      ['the dtype', C, () => syrk(1, wrong, 'N', 0, C, 'both'), /^syrk: A holds float/],
      ['the shape', C, () => syrk(1, A, 'T', 0, C, 'both'), /^syrk: C is 3×3, expected 4×4/],
      [
        'overlap',
        big,
        () => syrk(1, big.view(2, 0, 3, 3), 'N', 1, big.view(3, 2, 3, 3), 'both'),
        /^syrk: C shares memory with A/,
      ],
    ])('%s', (_, output, call, message) => {
      expectRefused(output, call, message);
    });

    test('an unknown op or triangle', () => {
      // @ts-expect-error: the types refuse it too
      expectRefused(C, () => syrk(1, A, 'X', 0, C, 'both'), "syrk: op is 'X', expected 'N' or 'T'");
      const message = "syrk: triangle is 'upper', expected 'lower' or 'both'";
      // @ts-expect-error: the types refuse it too
      expectRefused(C, () => syrk(1, A, 'N', 0, C, 'upper'), message);
    });
  });
});
