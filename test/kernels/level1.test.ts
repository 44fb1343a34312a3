// The one-pass operations, element by element against their formulas.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type DType, EPSILON, LARGEST } from '../../src/core/dtype.js';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import {
  axpby,
  divide,
  divideByRoot,
  dot,
  frobeniusNorm,
  multiply,
  scale,
  scaleLower,
} from '../../src/kernels/level1.js';
import { copyColumns, gatherColumns, mirrorLower, transpose } from '../../src/kernels/movement.js';
import { DTYPES, expectRefused, framed, matrix, reals } from './support.js';

const size = fc.integer({ min: 0, max: 20 });
const factor = fc.constantFrom(0, 1, -1, 0.3);
const seed = fc.integer({ min: 0, max: 2 ** 30 });

/** The matrix that holds `f(i, j)` rounded to the dtype of `C`. */
function like<D extends DType>(
  C: DenseMatrix<D>,
  f: (i: number, j: number) => number,
): DenseMatrix<D> {
  return matrix(C.dtype, C.rows, C.cols, f);
}

/** A ≠ B in [-1, 1), C₀ the same unless β = 0, when it holds NaN; everything framed. */
function operands(dtype: DType, m: number, n: number, beta: number, s: number) {
  const element = reals(s);
  const a = framed(dtype, m, n, element);
  const b = framed(dtype, m, n, element);
  const c = framed(dtype, m, n, beta === 0 ? () => Number.NaN : element);
  const before = c.A.clone();
  const old = (i: number, j: number) => (beta === 0 ? 0 : beta * before.at(i, j));
  const check = (f: (i: number, j: number) => number) => {
    expect(c.A.clone().data.map((x) => x + 0)).toEqual(like(c.A, f).data.map((x) => x + 0));
    for (const frame of [a, b, c]) frame.expectFrameIntact();
  };
  return { A: a.A, B: b.A, C: c.A, old, check };
}

/** The operations that take A and B, and refuse C as either. */
const ELEMENTWISE: readonly (readonly [
  string,
  (A: DenseMatrix, B: DenseMatrix, C: DenseMatrix) => void,
])[] = [
  ['multiply', (A, B, C) => multiply(1, A, B, 1, C)],
  ['divide', (A, B, C) => divide(A, B, 1, C)],
  ['divideByRoot', (A, B, C) => divideByRoot(1, A, 1, B, 1, C)],
];

const indices = (...picks: number[]) => Int32Array.from(picks);

describe.each(DTYPES)('level 1 in %s', (dtype) => {
  describe('element by element', () => {
    test.prop([size, size, factor, factor, seed])('axpby: αA + βC', (m, n, alpha, beta, s) => {
      const { A, C, old, check } = operands(dtype, m, n, beta, s);
      axpby(alpha, A, beta, C);
      check((i, j) => alpha * A.at(i, j) + old(i, j));
    });

    test.prop([size, size, factor, factor, seed])(
      'axpby in place: C may be A',
      (m, n, alpha, beta, s) => {
        const C = matrix(dtype, m, n, reals(s));
        const C0 = C.clone();
        axpby(alpha, C, beta, C.view(0, 0, m, n));
        expect(C.data).toEqual(like(C, (i, j) => alpha * C0.at(i, j) + beta * C0.at(i, j)).data);
      },
    );

    test.prop([size, size, factor, factor, seed])('multiply: αA∘B + βC', (m, n, alpha, beta, s) => {
      const { A, B, C, old, check } = operands(dtype, m, n, beta, s);
      multiply(alpha, A, B, beta, C);
      check((i, j) => alpha * A.at(i, j) * B.at(i, j) + old(i, j));
    });

    test.prop([size, size, factor, seed])(
      'divide: A ⊘ (B + shift), the old C is not read',
      (m, n, shift, s) => {
        const { A, B, C, check } = operands(dtype, m, n, 0, s);
        divide(A, B, shift, C);
        check((i, j) => A.at(i, j) / (B.at(i, j) + shift));
      },
    );

    test.prop([size, size, factor, factor, seed])(
      'divideByRoot: αA ⊘ (√(βB) + shift), the old C is not read',
      (m, n, alpha, shift, s) => {
        const { A, B, C, check } = operands(dtype, m, n, 0, s);
        axpby(
          1,
          like(B, (i, j) => Math.abs(B.at(i, j))),
          0,
          B,
        );
        divideByRoot(alpha, A, 0.7, B, shift, C);
        check((i, j) => (alpha * A.at(i, j)) / (Math.sqrt(0.7 * B.at(i, j)) + shift));
      },
    );

    test('A may be B', () => {
      const A = matrix(dtype, 3, 4, (i, j) => 1 + i + j);
      const C = zeros(dtype, 3, 4);
      multiply(1, A, A, 0, C);
      expect(C.data).toEqual(like(C, (i, j) => (1 + i + j) ** 2).data);
      divide(A, A, 0, C);
      expect(C.data).toEqual(like(C, () => 1).data);
    });

    test('a zero divisor and the root of a negative number show', () => {
      const A = matrix(dtype, 1, 2, (_, j) => j);
      const Z = zeros(dtype, 1, 2);
      const C = zeros(dtype, 1, 2);
      divide(A, Z, 0, C);
      expect(C.toArrays()).toEqual([[Number.NaN, Number.POSITIVE_INFINITY]]);
      divideByRoot(1, A, -1, A, 1, C);
      expect(C.toArrays()).toEqual([[0, Number.NaN]]);
    });

    test.prop([size, size, factor, seed])('scale: αC', (m, n, alpha, s) => {
      const c = framed(dtype, m, n, alpha === 0 ? () => Number.NaN : reals(s));
      const before = c.A.clone();
      scale(alpha, c.A);
      const expected = like(c.A, (i, j) => (alpha === 0 ? 0 : alpha * before.at(i, j)));
      expect(c.A.clone().data).toEqual(expected.data);
      c.expectFrameIntact();
    });

    test.prop([size, factor, seed])('scaleLower: αC on and below the diagonal', (n, alpha, s) => {
      const c = framed(dtype, n, n, reals(s));
      const before = c.A.clone();
      scaleLower(alpha, c.A);
      const expected = like(c.A, (i, j) => (j > i ? 1 : alpha) * before.at(i, j));
      expect(c.A.clone().data.map((x) => x + 0)).toEqual(expected.data.map((x) => x + 0));
      c.expectFrameIntact();
    });
  });

  describe('dot and norm', () => {
    test.prop([size, size, seed])('dot: ΣAB, in float64', (m, n, s) => {
      const A = framed(dtype, m, n, reals(s)).A;
      const B = framed(dtype, m, n, reals(s + 1)).A;
      let sum = 0;
      let magnitude = 0;
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          sum += A.at(i, j) * B.at(i, j);
          magnitude += Math.abs(A.at(i, j) * B.at(i, j));
        }
      }
      expect(Math.abs(dot(A, B) - sum)).toBeLessThanOrEqual(
        2 * m * n * EPSILON.float64 * magnitude,
      );
    });

    test('a sum that float32 would lose is kept', () => {
      const A = matrix(dtype, 1, 3, (_, j) => [2 ** 13, 1, 2 ** 13][j]);
      const B = matrix(dtype, 1, 3, (_, j) => [2 ** 13, 1, -(2 ** 13)][j]);
      expect(dot(A, B)).toBe(1);
    });

    test.prop([fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), seed])(
      'frobeniusNorm: √ΣA², and ‖sA‖ = |s|‖A‖ far beyond the range of the squares',
      (m, n, s) => {
        const A = framed(dtype, m, n, reals(s)).A;
        const expected = Math.sqrt(dot(A, A));
        const tolerance = 4 * m * n * EPSILON[dtype] * expected;
        expect(Math.abs(frobeniusNorm(A) - expected)).toBeLessThanOrEqual(tolerance);
        const exponent = dtype === 'float32' ? 100 : 900;
        for (const unit of [2 ** exponent, 2 ** -exponent]) {
          const scaled = like(A, (i, j) => unit * A.at(i, j));
          const error = Math.abs(frobeniusNorm(scaled) / unit - expected);
          expect(error).toBeLessThanOrEqual(tolerance);
        }
      },
    );

    test('frobeniusNorm at the edges', () => {
      expect(frobeniusNorm(zeros(dtype, 0, 3))).toBe(0);
      expect(frobeniusNorm(zeros(dtype, 3, 3))).toBe(0);
      const norm = (x: number) => frobeniusNorm(matrix(dtype, 1, 2, (_, j) => (j === 0 ? x : 0)));
      expect(norm(LARGEST[dtype])).toBe(LARGEST[dtype]);
      expect(norm(dtype === 'float32' ? 2 ** -149 : Number.MIN_VALUE)).toBeGreaterThan(0);
      expect(norm(Number.NEGATIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
      expect(norm(Number.NaN)).toBe(Number.NaN);
      const both = matrix(dtype, 1, 2, (_, j) => (j === 0 ? Number.POSITIVE_INFINITY : Number.NaN));
      expect(frobeniusNorm(both)).toBe(Number.NaN);
    });
  });

  describe('moving elements', () => {
    const long = fc.integer({ min: 0, max: 40 });

    test.prop([long, long, seed])('transpose: Cⱼᵢ = Aᵢⱼ, and twice is the identity', (m, n, s) => {
      const a = framed(dtype, m, n, reals(s));
      const c = framed(dtype, n, m, () => Number.NaN);
      transpose(a.A, c.A);
      expect(c.A.clone().data).toEqual(like(c.A, (i, j) => a.A.at(j, i)).data);
      const back = zeros(dtype, m, n);
      transpose(c.A, back);
      expect(back.data).toEqual(a.A.clone().data);
      c.expectFrameIntact();
    });

    test.prop([long, seed])(
      'mirrorLower: the upper triangle becomes the lower one, which stays',
      (n, s) => {
        const c = framed(dtype, n, n, reals(s));
        const before = c.A.clone();
        mirrorLower(c.A);
        const expected = like(c.A, (i, j) => before.at(Math.max(i, j), Math.min(i, j)));
        expect(c.A.clone().data).toEqual(expected.data);
        c.expectFrameIntact();
      },
    );

    test.prop([
      size,
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.nat(1000), { maxLength: 12 }),
      seed,
    ])('gatherColumns: the columns in the order named, repeats and all', (m, n, picks, s) => {
      const A = framed(dtype, m, n, reals(s)).A;
      const named = Int32Array.from(picks, (pick) => pick % n);
      const c = framed(dtype, m, named.length, () => Number.NaN);
      gatherColumns(A, named, c.A);
      expect(c.A.clone().data).toEqual(like(c.A, (i, j) => A.at(i, named[j])).data);
      c.expectFrameIntact();
    });

    test.prop([size, size, size, size, seed])(
      'copyColumns: the columns named, and no other',
      (m, from, to, count, s) => {
        const element = reals(s);
        const A = framed(dtype, m, from + count + 2, element).A;
        const c = framed(dtype, m, to + count + 1, element);
        const before = c.A.clone();
        copyColumns(A, from, c.A, to, count);
        const expected = like(c.A, (i, j) =>
          j >= to && j < to + count ? A.at(i, from + j - to) : before.at(i, j),
        );
        expect(c.A.clone().data).toEqual(expected.data);
        c.expectFrameIntact();
      },
    );

    test('copyColumns within one matrix', () => {
      const A = matrix(dtype, 3, 4, (i, j) => 10 * i + j);
      copyColumns(A, 0, A, 2, 2);
      expect(A.data).toEqual(like(A, (i, j) => 10 * i + (j % 2)).data);
    });
  });

  describe('refusals', () => {
    const A: DenseMatrix = matrix(dtype, 3, 4, (i, j) => i + j);
    const C: DenseMatrix = matrix(dtype, 3, 4, (i, j) => i - j);
    const small: DenseMatrix = matrix(dtype, 3, 3, (i, j) => i + j);
    const wrong: DenseMatrix = zeros(dtype === 'float32' ? 'float64' : 'float32', 3, 4);
    const whole: DenseMatrix = matrix(dtype, 6, 6, (i, j) => i * j);
    const first = whole.view(0, 0, 3, 4);
    const shifted = whole.view(1, 1, 3, 4);

    test.each(ELEMENTWISE)('%s', (name, run) => {
      expectRefused(
        C,
        () => run(wrong, A, C),
        `${name}: A holds ${wrong.dtype}, expected ${dtype}`,
      );
      expectRefused(
        C,
        () => run(A, wrong, C),
        `${name}: B holds ${wrong.dtype}, expected ${dtype}`,
      );
      expectRefused(C, () => run(small, A, C), `${name}: A is 3×3, expected 3×4`);
      expectRefused(C, () => run(A, small, C), `${name}: B is 3×3, expected 3×4`);
      expectRefused(C, () => run(C, A, C), `${name}: C shares memory with A`);
      expectRefused(C, () => run(A, C, C), `${name}: C shares memory with B`);
      expectRefused(shifted, () => run(first, A, shifted), `${name}: C shares memory with A`);
    });

    test.each<[string, DenseMatrix, () => void, string]>([
      ['axpby dtype', C, () => axpby(1, wrong, 1, C), 'axpby: A holds'],
      ['axpby shape', C, () => axpby(1, small, 1, C), 'axpby: A is 3×3, expected 3×4'],
      ['axpby overlap', shifted, () => axpby(1, first, 1, shifted), 'axpby: C shares memory'],
      ['dot dtype', C, () => dot(C, wrong), 'dot: B holds'],
      ['dot shape', C, () => dot(C, small), 'dot: B is 3×3, expected 3×4'],
      ['transpose dtype', C, () => transpose(wrong, C), 'transpose: A holds'],
      ['transpose shape', C, () => transpose(A, C), 'transpose: C is 3×4, expected 4×3'],
      ['transpose overlap', small, () => transpose(small, small), 'transpose: C shares memory'],
      ['mirrorLower shape', C, () => mirrorLower(C), 'mirrorLower: C is 3×4, expected a square'],
      ['gather dtype', C, () => gatherColumns(wrong, indices(0), C), 'gatherColumns: A holds'],
      [
        'gather shape',
        C,
        () => gatherColumns(A, indices(0), C),
        'gatherColumns: C is 3×4, expected 3×1',
      ],
      [
        'gather index above',
        C,
        () => gatherColumns(A, indices(0, 1, 4, 3), C),
        'gatherColumns: indices[2] is 4, expected an integer >= 0 and <= 3',
      ],
      [
        'gather index below',
        C,
        () => gatherColumns(A, indices(0, 1, 2, -1), C),
        'gatherColumns: indices[3] is -1',
      ],
      [
        'gather overlap',
        C,
        () => gatherColumns(C, indices(0, 1, 2, 3), C),
        'gatherColumns: C shares memory',
      ],
      ['copy dtype', C, () => copyColumns(wrong, 0, C, 0, 1), 'copyColumns: A holds'],
      [
        'copy rows',
        C,
        () => copyColumns(zeros(dtype, 2, 4), 0, C, 0, 1),
        'copyColumns: A is 2×4, expected 3×4',
      ],
      ['copy from', C, () => copyColumns(A, 5, C, 0, 0), 'copyColumns: from is 5'],
      ['copy to', C, () => copyColumns(A, 0, C, -1, 1), 'copyColumns: to is -1'],
      ['copy count, A', C, () => copyColumns(A, 2, C, 0, 3), 'copyColumns: count is 3'],
      ['copy count, C', C, () => copyColumns(A, 0, C, 3, 2), 'copyColumns: count is 2'],
      ['copy overlap', C, () => copyColumns(C, 0, C, 1, 2), 'copyColumns: C shares memory'],
      ['copy onto itself', C, () => copyColumns(C, 1, C, 1, 2), 'copyColumns: C shares memory'],
    ])('%s', (_, output, call, message) => {
      expectRefused(output, call, message);
    });
  });
});
