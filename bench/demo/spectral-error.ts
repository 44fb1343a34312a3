// ‖A − Â‖₂/‖A‖₂ where the eigenvectors of A are known: each product with A − Â then costs O(pr).

import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { fillNormal, randomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import { eigvalsh } from '../../src/linalg/eigh.js';
import type { Eigenpairs } from '../../src/nystrom/factor.js';
import type { Target } from '../approximation/targets.js';

type Matrix = DenseMatrix<'float64'>;

const krylovSteps = 60;

/**
 * The spectral error of Â = U·diag(λ̂)·Uᵀ relative to ‖A‖₂.
 *
 * In the eigenbasis of A = V·diag(λ)·Vᵀ, E = diag(λ) − W·diag(λ̂)·Wᵀ with W = VᵀU. The Lanczos
 * process on E, orthogonalised in full against rounding, gives a tridiagonal T whose largest
 * |eigenvalue| approaches ‖E‖₂ from below. The starting vector is always the same.
 *
 * Cost: O(p²r) once, then O(kpr + k²p) for k = 60 steps; the full eigendecomposition of E: O(p³).
 */
export function relativeSpectralError(
  { eigenvalues, vectors }: Pick<Target, 'eigenvalues' | 'vectors'>,
  { U, eigenvalues: approximate }: Eigenpairs,
): number {
  const W = zeros('float64', U.rows, U.cols);
  gemm(1, vectors, 'T', U, 'N', 0, W);
  const multiply = (v: Float64Array): Float64Array => {
    const weights = new Float64Array(W.cols);
    for (let i = 0; i < W.rows; i++) {
      for (let j = 0; j < W.cols; j++) weights[j] += W.at(i, j) * v[i];
    }
    for (let j = 0; j < W.cols; j++) weights[j] *= approximate[j];
    return v.map((value, i) => {
      let captured = 0;
      for (let j = 0; j < W.cols; j++) captured += W.at(i, j) * weights[j];
      return eigenvalues[i] * value - captured;
    });
  };
  return largestMagnitude(eigvalsh(lanczos(multiply, W.rows))) / eigenvalues[0];
}

/** The tridiagonal T of at most 60 Lanczos steps, fewer where the Krylov space is smaller. */
function lanczos(multiply: (v: Float64Array) => Float64Array, n: number): Matrix {
  const steps = Math.min(krylovSteps, n);
  const T = zeros('float64', steps, steps);
  const start = new Float64Array(n);
  fillNormal(randomKey(0), start);
  const basis = [scaled(start, 1 / norm(start))];
  for (let k = 0; k < steps; k++) {
    const next = multiply(basis[k]);
    const size = norm(next);
    T.set(k, k, inner(next, basis[k]));
    // Twice is enough: once leaves the basis orthogonal to working accuracy only where little cancels.
    for (let pass = 0; pass < 2; pass++) for (const q of basis) subtract(inner(next, q), q, next);
    const beta = norm(next);
    if (k + 1 === steps) break;
    if (beta <= 1e-12 * size) return T.view(0, 0, k + 1, k + 1).clone();
    T.set(k + 1, k, beta);
    T.set(k, k + 1, beta);
    basis.push(scaled(next, 1 / beta));
  }
  return T;
}

function inner(u: Float64Array, v: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < u.length; i++) sum += u[i] * v[i];
  return sum;
}

function norm(v: Float64Array): number {
  return Math.sqrt(inner(v, v));
}

function scaled(v: Float64Array, factor: number): Float64Array {
  return v.map((value) => factor * value);
}

/** v ← v − factor·u. */
function subtract(factor: number, u: Float64Array, v: Float64Array): void {
  for (let i = 0; i < v.length; i++) v[i] -= factor * u[i];
}

function largestMagnitude(values: Float64Array): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}
