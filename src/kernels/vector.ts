// Products in which one factor or the result is thin: matrix times vector, and column times row.

import type { DenseMatrix, Op } from '../core/matrix.js';

// The vector factor and the sums, in float64 for both dtypes; they grow to the longest vector seen.
let factor = new Float64Array(0);
let sums = new Float64Array(0);

/**
 * c ← α·op(A)·x + β·c for the vectors x and c, each a matrix of one row or one column. Lengths are
 * the caller's to check.
 */
export function matrixVector(
  alpha: number,
  A: DenseMatrix,
  op: Op,
  x: DenseMatrix,
  beta: number,
  c: DenseMatrix,
): void {
  const length = c.rows * c.cols;
  if (sums.length < length) sums = new Float64Array(length);
  loadFactor(x);
  if (op === 'N') multiplyRows(A);
  else combineRows(A);
  const y = c.data;
  const step = stepOf(c);
  for (let i = 0, to = c.offset; i < length; i++, to += step) {
    const term = alpha * sums[i];
    y[to] = beta === 0 ? term : term + beta * y[to];
  }
}

/** C ← α·a·b + β·C for a column a and a row b, each a matrix of one row or one column. */
export function outerProduct(
  alpha: number,
  a: DenseMatrix,
  b: DenseMatrix,
  beta: number,
  C: DenseMatrix,
): void {
  loadFactor(b);
  const c = C.data;
  const { rows, cols } = C;
  const step = stepOf(a);
  for (let i = 0; i < rows; i++) {
    const weight = alpha * a.data[a.offset + i * step];
    const row = C.offset + i * C.stride;
    if (beta === 0) for (let j = 0; j < cols; j++) c[row + j] = weight * factor[j];
    else for (let j = 0; j < cols; j++) c[row + j] = weight * factor[j] + beta * c[row + j];
  }
}

/** Distance between neighbours in a matrix of one row or one column. */
function stepOf(x: DenseMatrix): number {
  return x.cols === 1 ? x.stride : 1;
}

function loadFactor(x: DenseMatrix): void {
  const length = x.rows * x.cols;
  if (factor.length < length) factor = new Float64Array(length);
  const step = stepOf(x);
  for (let i = 0, from = x.offset; i < length; i++, from += step) factor[i] = x.data[from];
}

/** sums ← A·factor: four rows at a time, because one sum alone waits for its own last addition. */
function multiplyRows(A: DenseMatrix): void {
  const a = A.data;
  const last = A.rows - 1;
  for (let i = 0; i <= last; i += 4) {
    // Past the last row the last row is computed again.
    const i1 = Math.min(i + 1, last);
    const i2 = Math.min(i + 2, last);
    const i3 = Math.min(i + 3, last);
    const row0 = A.offset + i * A.stride;
    const row1 = A.offset + i1 * A.stride;
    const row2 = A.offset + i2 * A.stride;
    const row3 = A.offset + i3 * A.stride;
    let sum0 = 0;
    let sum1 = 0;
    let sum2 = 0;
    let sum3 = 0;
    for (let p = 0; p < A.cols; p++) {
      const x = factor[p];
      sum0 += a[row0 + p] * x;
      sum1 += a[row1 + p] * x;
      sum2 += a[row2 + p] * x;
      sum3 += a[row3 + p] * x;
    }
    sums[i] = sum0;
    sums[i1] = sum1;
    sums[i2] = sum2;
    sums[i3] = sum3;
  }
}

/** sums ← Aᵀ·factor: the rows of A are read in order and added up with their weights. */
function combineRows(A: DenseMatrix): void {
  const a = A.data;
  sums.fill(0, 0, A.cols);
  const pairs = A.rows - (A.rows % 2);
  for (let p = 0; p < pairs; p += 2) {
    const x0 = factor[p];
    const x1 = factor[p + 1];
    const row0 = A.offset + p * A.stride;
    const row1 = row0 + A.stride;
    for (let j = 0; j < A.cols; j++) sums[j] += x0 * a[row0 + j] + x1 * a[row1 + j];
  }
  for (let p = pairs; p < A.rows; p++) {
    const x = factor[p];
    const row = A.offset + p * A.stride;
    for (let j = 0; j < A.cols; j++) sums[j] += x * a[row + j];
  }
}
