// Seeded test matrices, and plain float64 arithmetic on them to compare with.

import type { DType } from '../../src/core/dtype.js';
import { convert, type DenseMatrix, identity, type Op, zeros } from '../../src/core/matrix.js';

export { uniform } from './uniform.js';

/** A float64 matrix, in which every oracle computes. */
export type Matrix = DenseMatrix<'float64'>;

/** The rows × cols matrix with element `f(i, j)`. */
export function build(rows: number, cols: number, f: (i: number, j: number) => number): Matrix {
  const A = zeros('float64', rows, cols);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) A.set(i, j, f(i, j));
  }
  return A;
}

/** The rows × cols matrix whose elements are all `value`. */
export function filled(rows: number, cols: number, value: number): Matrix {
  return build(rows, cols, () => value);
}

/** A 1×1 matrix. */
export function scalar(value: number): Matrix {
  return filled(1, 1, value);
}

/** Standard normal elements (Box and Muller). */
export function gaussian(random: () => number, rows: number, cols: number): Matrix {
  return build(
    rows,
    cols,
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

/** An orthogonal n × n matrix: two random Householder reflectors, one after the other. */
export function orthogonal(random: () => number, n: number): Matrix {
  const reflector = () => {
    const v = gaussian(random, n, 1);
    return combine(1, identity('float64', n), -2 / norm(v) ** 2, product(v, 'N', v, 'T'));
  };
  return product(reflector(), 'N', reflector(), 'N');
}

/** Every element of `A` replaced by `f(a)`. */
export function map(A: Matrix, f: (a: number) => number): Matrix {
  return build(A.rows, A.cols, (i, j) => f(A.at(i, j)));
}

/** The element by element combination f(a, b). */
export function zip(A: Matrix, B: Matrix, f: (a: number, b: number) => number): Matrix {
  return build(A.rows, A.cols, (i, j) => f(A.at(i, j), B.at(i, j)));
}

export function transpose(A: Matrix): Matrix {
  return build(A.cols, A.rows, (i, j) => A.at(j, i));
}

/** op(A)·op(B), by its definition. */
export function product(A: Matrix, opA: Op, B: Matrix, opB: Op): Matrix {
  const left = opA === 'N' ? A : transpose(A);
  const right = opB === 'N' ? B : transpose(B);
  return build(left.rows, right.cols, (i, j) => {
    let sum = 0;
    for (let k = 0; k < left.cols; k++) sum += left.at(i, k) * right.at(k, j);
    return sum;
  });
}

/** αA + βB; with β = 0, B is not read. */
export function combine(alpha: number, A: Matrix, beta: number, B: Matrix): Matrix {
  return beta === 0 ? map(A, (a) => alpha * a) : zip(A, B, (a, b) => alpha * a + beta * b);
}

/** ⟨A, B⟩ */
export function inner(A: Matrix, B: Matrix): number {
  let sum = 0;
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.cols; j++) sum += A.at(i, j) * B.at(i, j);
  }
  return sum;
}

/** ‖A‖F */
export function norm(A: Matrix): number {
  return Math.sqrt(inner(A, A));
}

/** ‖A − B‖F in float64, NaN where either holds one; shapes must agree. */
export function distance(A: DenseMatrix, B: DenseMatrix): number {
  if (A.rows !== B.rows || A.cols !== B.cols) {
    throw new RangeError(`distance: ${A.rows}×${A.cols} against ${B.rows}×${B.cols}`);
  }
  return norm(combine(1, convert(A, 'float64'), -1, convert(B, 'float64')));
}

/** `A` rounded to `dtype`, in float64: what an oracle must start from. */
export function rounded(A: Matrix, dtype: DType): Matrix {
  return convert(convert(A, dtype), 'float64');
}

/** [A 1] */
export function withOnes(A: Matrix): Matrix {
  return build(A.rows, A.cols + 1, (i, j) => (j < A.cols ? A.at(i, j) : 1));
}

/** The rows of A that `indices` name, in that order. */
export function pickRows(A: Matrix, indices: readonly number[]): Matrix {
  return build(indices.length, A.cols, (i, j) => A.at(indices[i], j));
}
