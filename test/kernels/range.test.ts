// Scalars and operands near the ends of a dtype: every kernel set gives the value, or refuses by name.

import { describe, expect, test } from 'vitest';
import { EPSILON } from '../../src/core/dtype.js';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { gemm } from '../../src/kernels/gemm.js';
import { axpby, divide, divideByRoot, multiply, scale } from '../../src/kernels/level1.js';
import { transpose } from '../../src/kernels/movement.js';
import { sketchMoment } from '../../src/kernels/sketch-moment.js';
import { syrk } from '../../src/kernels/syrk.js';
import { trsm } from '../../src/kernels/trsm.js';
import { DTYPES, expectRefused, matrix } from './support.js';

/** Every element of C is `value` within c·ε|value|. */
function expectAll(C: DenseMatrix, value: number, c: number): void {
  for (const row of C.toArrays()) {
    for (const element of row) {
      expect(Math.abs(element - value)).toBeLessThanOrEqual(c * EPSILON[C.dtype] * Math.abs(value));
    }
  }
}

const constant = (rows: number, cols: number, value: number) =>
  matrix('float32', rows, cols, () => value);

describe('float32 products whose sums would leave its range', () => {
  // A vector, one tile, tiles and rests, the edge of a block; wide and thin.
  const shapes: [m: number, k: number, n: number][] = [
    [8, 8, 8],
    [8, 8, 1],
    [1, 8, 8],
    [8, 1, 8],
    [13, 300, 50],
    [70, 9, 5],
  ];

  test.each(shapes)('gemm %i×%i×%i: |AB| overflows, αAB does not', (m, k, n) => {
    const C = constant(m, n, 1e20);
    gemm(1e-30, constant(m, k, 1e25), 'N', constant(k, n, 1e25), 'N', 0.5, C);
    expectAll(C, k * 1e20 + 0.5e20, k + 4);
  });

  test.each(shapes)('gemm %i×%i×%i: |AB| underflows, αAB does not', (m, k, n) => {
    const C = zeros('float32', m, n);
    gemm(1e30, constant(k, m, 1e-30), 'T', constant(k, n, 1e-30), 'N', 0, C);
    expectAll(C, k * 1e-30, k + 4);
  });

  test.each(shapes)('gemm %i×%i×%i: an α that float32 holds with few digits', (m, k, n) => {
    const C = zeros('float32', m, n);
    gemm(1e-40, constant(m, k, 1e30), 'N', constant(k, n, 1e8), 'N', 0, C);
    expectAll(C, k * 1e-2, k + 4);
  });

  test('gemm: a β that float32 holds with few digits', () => {
    const C = constant(8, 8, 1e38);
    gemm(1, constant(8, 8, 1e-3), 'N', constant(8, 8, 1e-3), 'N', 1e-42, C);
    expectAll(C, 8e-6 + 1e-4, 12);
  });

  test.each([8, 40])('syrk n = %i', (n) => {
    const C = zeros('float32', n, n);
    syrk(1e-30, constant(n, 8, 1e30), 'N', 0, C, 'both');
    expectAll(C, 8e30, 12);
  });

  test.each([8, 40])('syrk n = %i reads nothing above the diagonal', (n) => {
    const C = matrix('float32', n, n, (i, j) => (j > i ? Number.NaN : 2));
    syrk(0.5, constant(n, 8, 2), 'N', 0.5, C, 'lower');
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) expect(C.at(i, j)).toBe(j > i ? Number.NaN : 17);
    }
  });

  test('a sketch: XS overflows, αXᵀ(XS) does not', () => {
    const C = constant(7, 3, 1e20);
    const S = constant(7, 3, 1e20);
    sketchMoment(1e-30, constant(5, 7, 1e15), { kind: 'dense', S }, 0.5, C);
    // 1e15·1e15·1e20 = 1e50, 35 times: XS is 7e35, and its product with X above the range.
    expectAll(C, 35e20 + 0.5e20, 5 + 7 + 8);
    const picks = { kind: 'columns', indices: [0, 6, 3] } as const;
    sketchMoment(1e-30, constant(5, 7, 1e25), picks, 0, C);
    expectAll(C, 5e20, 5 + 8);
    const D = constant(7, 3, 1e38);
    sketchMoment(1, constant(5, 7, 1e-3), picks, 1e-42, D);
    expectAll(D, 5e-6 + 1e-4, 5 + 8);
  });

  test.each(['left', 'right'] as const)('trsm %s: αB overflows, αL⁻¹B does not', (side) => {
    const L = matrix('float32', 60, 60, (i, j) => (i === j ? 1e30 : 0));
    const B = constant(60, 60, 1e20);
    trsm(side, 'N', 1e30, L, B);
    expectAll(B, 1e20, 4);
  });

  test('trsm: αB underflows, αL⁻¹B does not', () => {
    const L = matrix('float32', 60, 60, (i, j) => (i === j ? 1e-30 : 0));
    const B = constant(60, 2, 1e-20);
    trsm('left', 'T', 1e-30, L, B);
    expectAll(B, 1e-20, 4);
  });

  test('level 1', () => {
    const A = constant(3, 4, 1e30);
    const C = constant(3, 4, 1);
    multiply(1e-30, A, A.clone(), 0, C);
    expectAll(C, 1e30, 4);
    divideByRoot(1e30, A, 1e30, A.clone(), 1, C);
    expectAll(C, 1e30, 4);
    axpby(1e-40, A, 1e-30, C);
    expectAll(C, 1e-10 + 1, 4);
  });
});

test('a product that is not finite stays what IEEE arithmetic has it', () => {
  const A = constant(6, 6, 1);
  A.set(2, 3, Number.POSITIVE_INFINITY);
  const C = zeros('float32', 6, 6);
  gemm(0.5, A, 'N', constant(6, 6, 2), 'N', 0, C);
  for (let i = 0; i < 6; i++) {
    for (let j = 0; j < 6; j++) expect(C.at(i, j)).toBe(i === 2 ? Number.POSITIVE_INFINITY : 6);
  }
});

describe('a scalar that the dtype does not hold is refused', () => {
  const A = constant(4, 4, 1);
  const B = constant(4, 4, 1);
  const C = constant(4, 4, 2);
  const calls: [string, string, (value: number) => void][] = [
    ['gemm', 'alpha', (x) => gemm(x, A, 'N', B, 'N', 1, C)],
    ['gemm', 'beta', (x) => gemm(1, A, 'N', B, 'N', x, C)],
    ['syrk', 'alpha', (x) => syrk(x, A, 'N', 1, C, 'both')],
    ['syrk', 'beta', (x) => syrk(1, A, 'N', x, C, 'both')],
    ['trsm', 'alpha', (x) => trsm('left', 'N', x, A, C)],
    ['axpby', 'alpha', (x) => axpby(x, A, 1, C)],
    ['axpby', 'beta', (x) => axpby(1, A, x, C)],
    ['multiply', 'alpha', (x) => multiply(x, A, B, 1, C)],
    ['multiply', 'beta', (x) => multiply(1, A, B, x, C)],
    ['divide', 'shift', (x) => divide(A, B, x, C)],
    ['divideByRoot', 'alpha', (x) => divideByRoot(x, A, 1, B, 1, C)],
    ['divideByRoot', 'beta', (x) => divideByRoot(1, A, x, B, 1, C)],
    ['divideByRoot', 'shift', (x) => divideByRoot(1, A, 1, B, x, C)],
    ['scale', 'alpha', (x) => scale(x, C)],
    ['sketchMoment', 'alpha', (x) => sketchMoment(x, A, { kind: 'dense', S: B }, 1, C)],
    ['sketchMoment', 'beta', (x) => sketchMoment(1, A, { kind: 'dense', S: B }, x, C)],
  ];

  test.each(calls)('%s: %s', (routine, name, call) => {
    for (const value of [1e40, -1e40, 1e-50, Number.NaN, Number.POSITIVE_INFINITY]) {
      const message = `${routine}: ${name} is ${value}, expected a finite number that float32 holds`;
      expectRefused(C, () => call(value), message);
    }
  });
});

test('float64 takes what float32 cannot hold', () => {
  for (const dtype of DTYPES) {
    const C = zeros(dtype, 2, 2);
    transpose(
      matrix(dtype, 2, 2, () => 1),
      C,
    );
    if (dtype === 'float64') scale(1e-300, C);
    expectAll(C, dtype === 'float64' ? 1e-300 : 1, 1);
  }
});
