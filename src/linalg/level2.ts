// Matrix–vector loops over rows, for the parts of a factorisation that no matrix product covers.

import type { DenseMatrix } from '../core/matrix.js';

/** What the orthogonal factorisations compute with, whatever the dtype of their input. */
export type Matrix64 = DenseMatrix<'float64'>;

// Vectors are 1×n views. Both loops take four rows at a time: four independent sums hide the
// latency of addition, and the vector is loaded or stored once for all four.

/** y ← A·x. A is m×n, x is 1×n, y is 1×m; y shares no memory with A or x. Cost: 2mn flops. */
export function timesVector(A: Matrix64, x: Matrix64, y: Matrix64): void {
  const a = A.data;
  const vector = x.data;
  const n = A.cols;
  let i = 0;
  for (; i + 4 <= A.rows; i += 4) {
    const r0 = A.offset + i * A.stride;
    const r1 = r0 + A.stride;
    const r2 = r1 + A.stride;
    const r3 = r2 + A.stride;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let j = 0; j < n; j++) {
      const xj = vector[x.offset + j];
      s0 += a[r0 + j] * xj;
      s1 += a[r1 + j] * xj;
      s2 += a[r2 + j] * xj;
      s3 += a[r3 + j] * xj;
    }
    y.data[y.offset + i] = s0;
    y.data[y.offset + i + 1] = s1;
    y.data[y.offset + i + 2] = s2;
    y.data[y.offset + i + 3] = s3;
  }
  for (; i < A.rows; i++) {
    const row = A.offset + i * A.stride;
    let sum = 0;
    for (let j = 0; j < n; j++) sum += a[row + j] * vector[x.offset + j];
    y.data[y.offset + i] = sum;
  }
}

/** y ← y − Aᵀ·x. A is m×n, x is 1×m, y is 1×n; y shares no memory with A or x. Cost: 2mn flops. */
export function subtractCombination(A: Matrix64, x: Matrix64, y: Matrix64): void {
  const a = A.data;
  const out = y.data;
  const n = A.cols;
  let i = 0;
  for (; i + 4 <= A.rows; i += 4) {
    const r0 = A.offset + i * A.stride;
    const r1 = r0 + A.stride;
    const r2 = r1 + A.stride;
    const r3 = r2 + A.stride;
    const x0 = x.at(0, i);
    const x1 = x.at(0, i + 1);
    const x2 = x.at(0, i + 2);
    const x3 = x.at(0, i + 3);
    for (let j = 0; j < n; j++) {
      out[y.offset + j] -= x0 * a[r0 + j] + x1 * a[r1 + j] + (x2 * a[r2 + j] + x3 * a[r3 + j]);
    }
  }
  for (; i < A.rows; i++) {
    const row = A.offset + i * A.stride;
    const xi = x.at(0, i);
    for (let j = 0; j < n; j++) out[y.offset + j] -= xi * a[row + j];
  }
}

/** A ← A − y·xᵀ. A is m×n, y is 1×m, x is 1×n; A shares no memory with x or y. Cost: 2mn flops. */
export function subtractOuter(y: Matrix64, x: Matrix64, A: Matrix64): void {
  const a = A.data;
  const vector = x.data;
  for (let i = 0; i < A.rows; i++) {
    const row = A.offset + i * A.stride;
    const yi = y.at(0, i);
    for (let j = 0; j < A.cols; j++) a[row + j] -= yi * vector[x.offset + j];
  }
}
