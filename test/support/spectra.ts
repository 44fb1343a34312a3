// Symmetric matrices with prescribed eigenvalues, and the orthogonal matrices behind them.

import type { DType } from '../../src/core/dtype.js';
import { type DenseMatrix, identity, zeros } from '../../src/core/matrix.js';
import { gaussian, uniform } from './matrices.js';

/**
 * A random n × n orthogonal matrix, Haar distributed: the product of Householder reflections of
 * Gaussian vectors of lengths 2, 3, …, n, with random signs. Cost: about 4n³/3 flops.
 */
export function randomOrthogonal(n: number, seed: number): DenseMatrix<'float64'> {
  const random = uniform(seed);
  const Q = identity('float64', n);
  for (let i = 0; i < n; i++) if (random() < 0.5) Q.set(i, i, -1);
  const w = new Float64Array(n);
  for (let length = 2; length <= n; length++) {
    const first = n - length;
    const v = gaussian(random, 1, n).data;
    let norm = 0;
    for (let i = first; i < n; i++) norm += v[i] * v[i];
    norm = Math.sqrt(norm);
    v[first] += v[first] < 0 ? -norm : norm;
    const factor = 1 / (norm * Math.abs(v[first]));
    // Rows and columns before `first` still belong to the identity.
    w.fill(0);
    for (let i = first; i < n; i++) {
      for (let j = first; j < n; j++) w[j] += v[i] * Q.data[i * n + j];
    }
    for (let i = first; i < n; i++) {
      for (let j = first; j < n; j++) Q.data[i * n + j] -= factor * v[i] * w[j];
    }
  }
  return Q;
}

/**
 * The symmetric matrix A = Q·diag(eigenvalues)·Qᵀ with Q = {@link randomOrthogonal}(n, seed):
 * column j of Q is the eigenvector of `eigenvalues[j]`, up to the rounding of A. Formed in
 * float64, exactly symmetric, then rounded to `dtype`. Cost: n³ flops.
 */
export function withSpectrum<D extends DType>(
  dtype: D,
  eigenvalues: ArrayLike<number>,
  seed: number,
): DenseMatrix<D> {
  const n = eigenvalues.length;
  const Q = randomOrthogonal(n, seed).data;
  const A = zeros(dtype, n, n);
  const row = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) row[k] = Q[i * n + k] * eigenvalues[k];
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += row[k] * Q[j * n + k];
      A.set(i, j, sum);
      A.set(j, i, sum);
    }
  }
  return A;
}

/** n numbers falling geometrically from `first` to `last`. */
export function geometric(n: number, first: number, last: number): number[] {
  return Array.from({ length: n }, (_, i) => first * (last / first) ** (n === 1 ? 0 : i / (n - 1)));
}
