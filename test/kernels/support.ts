// What the kernel tests share: seeded operands inside frames, and the random-vector check.

import { expect } from 'vitest';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { type DenseMatrix, type Op, zeros } from '../../src/core/matrix.js';
import { uniform } from '../support/matrices.js';

export const DTYPES: readonly DType[] = ['float32', 'float64'];
export const OPS: readonly Op[] = ['N', 'T'];
export const OP_PAIRS: readonly (readonly [Op, Op])[] = OPS.flatMap((a) =>
  OPS.map((b) => [a, b] as const),
);

/** What stands outside a framed matrix: a kernel that strays out of its view reads or hits it. */
const SENTINEL = -12345;

/** A matrix inside a larger one. */
export interface Framed<D extends DType> {
  readonly A: DenseMatrix<D>;
  /** Fails where an element outside the view is no longer what it was. */
  expectFrameIntact(): void;
}

/** The rows × cols matrix with element `f(i, j)`, as a strided view of a larger matrix. */
export function framed<D extends DType>(
  dtype: D,
  rows: number,
  cols: number,
  f: (i: number, j: number) => number,
): Framed<D> {
  const whole = zeros(dtype, rows + 3, cols + 5);
  whole.data.fill(SENTINEL);
  const A = whole.view(1, 2, rows, cols);
  fill(A, f);
  const expectFrameIntact = () => {
    for (let i = 0; i < whole.rows; i++) {
      for (let j = 0; j < whole.cols; j++) {
        const inside = i >= 1 && i < 1 + rows && j >= 2 && j < 2 + cols;
        if (!inside && whole.at(i, j) !== SENTINEL) {
          expect.fail(`element (${i}, ${j}) outside the view became ${whole.at(i, j)}`);
        }
      }
    }
  };
  return { A, expectFrameIntact };
}

/** A ← f(i, j). */
export function fill(A: DenseMatrix, f: (i: number, j: number) => number): void {
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.cols; j++) A.set(i, j, f(i, j));
  }
}

/** The rows × cols matrix with element `f(i, j)`. */
export function matrix<D extends DType>(
  dtype: D,
  rows: number,
  cols: number,
  f: (i: number, j: number) => number,
): DenseMatrix<D> {
  const A = zeros(dtype, rows, cols);
  fill(A, f);
  return A;
}

/** Uniform reals in [-1, 1). */
export function reals(seed: number): () => number {
  const random = uniform(seed);
  return () => 2 * random() - 1;
}

/** Integers from −4 to 4: sums of their products are exact in both dtypes. */
export function integers(seed: number): () => number {
  const random = uniform(seed);
  return () => Math.floor(9 * random()) - 4;
}

/** The elements row by row, with −0 as 0: exact sums may differ in the sign of zero alone. */
export function values(A: DenseMatrix): number[] {
  return A.toArrays().flatMap((row) => row.map((x) => x + 0));
}

/** op(A) where A is stored so that op(A) is rows × cols. */
export function operand<D extends DType>(
  dtype: D,
  op: Op,
  rows: number,
  cols: number,
  f: () => number,
): DenseMatrix<D> {
  return op === 'N' ? matrix(dtype, rows, cols, f) : matrix(dtype, cols, rows, f);
}

/** Element (i, j) of op(A). */
export function at(A: DenseMatrix, op: Op, i: number, j: number): number {
  return op === 'N' ? A.at(i, j) : A.at(j, i);
}

/** op(A)·x in float64, or |op(A)|·x. */
function apply(
  A: DenseMatrix,
  op: Op,
  x: readonly number[],
  magnitude: (a: number) => number = (a) => a,
): number[] {
  const rows = op === 'N' ? A.rows : A.cols;
  return Array.from({ length: rows }, (_, i) =>
    x.reduce((sum, t, j) => sum + magnitude(at(A, op, i, j)) * t, 0),
  );
}

/**
 * C·t = αA(Bt) + βC₀t for a random vector t of ±1, row by row within
 * `factor`·(k + 2)·eps·(|α||A||B| + |β||C₀|)·|t|: an independent path to the product whose cost is
 * that of its reading.
 */
export function expectProduct(
  alpha: number,
  A: DenseMatrix,
  opA: Op,
  B: DenseMatrix,
  opB: Op,
  beta: number,
  C0: DenseMatrix,
  C: DenseMatrix,
): void {
  const factor = 2;
  const random = uniform(C.rows * 31 + C.cols);
  const t = Array.from({ length: C.cols }, () => (random() < 0.5 ? -1 : 1));
  const ones = t.map(Math.abs);
  const found = apply(C, 'N', t);
  const product = apply(A, opA, apply(B, opB, t));
  const size = apply(A, opA, apply(B, opB, ones, Math.abs), Math.abs);
  const before = apply(C0, 'N', t);
  const sizeBefore = apply(C0, 'N', ones, Math.abs);
  const k = opA === 'N' ? A.cols : A.rows;
  for (let i = 0; i < C.rows; i++) {
    const expected = alpha * product[i] + (beta === 0 ? 0 : beta * before[i]);
    const scale = Math.abs(alpha) * size[i] + (beta === 0 ? 0 : Math.abs(beta) * sizeBefore[i]);
    const tolerance = factor * (k + 2) * EPSILON[C.dtype] * scale;
    expect(Math.abs(found[i] - expected), `row ${i}`).toBeLessThanOrEqual(tolerance);
  }
}

/** Runs `f`, which must throw `message` and leave `C` as it was. */
export function expectRefused(C: DenseMatrix, f: () => void, message: string | RegExp): void {
  const before = Array.from(C.data);
  expect(f).toThrow(message);
  expect(Array.from(C.data)).toEqual(before);
}
