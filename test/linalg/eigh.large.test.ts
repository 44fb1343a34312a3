// The symmetric eigenproblem at the sizes of KFAC's factors: many blocks, and every kind of spectrum.

import { expect, test } from 'vitest';
import { EPSILON } from '../../src/core/dtype.js';
import { type Matrix64, zeros } from '../../src/core/matrix.js';
import { gemm } from '../../src/kernels/gemm.js';
import { axpby, frobeniusNorm } from '../../src/kernels/level1.js';
import { eigh } from '../../src/linalg/eigh.js';
import { uniform } from '../support/matrices.js';
import { geometric } from '../support/spectra.js';

/** Constant of the rounding bounds: error ≤ C·n·ε·‖A‖. */
const C = 5;

const spectra: Readonly<Record<string, (n: number) => number[]>> = {
  clustered: (n) => Array.from({ length: n }, (_, i) => (i % 3) + 1e-12 * i),
  graded: (n) => geometric(n, 1, 1e-14),
  'rank-deficient': (n) => Array.from({ length: n }, (_, i) => (i < n / 3 ? i + 1 : 0)),
  zero: (n) => Array.from({ length: n }, () => 0),
  'scaled up': (n) => geometric(n, 1e200, 1e190),
  'scaled down': (n) => geometric(n, 1e-200, 1e-210),
};

/** QDQᵀ with Q the product of three reflections, each O(n²): dense, and exact to some roundings. */
function withSpectrum(eigenvalues: readonly number[], seed: number): Matrix64 {
  const n = eigenvalues.length;
  const A = zeros('float64', n, n);
  eigenvalues.forEach((value, i) => {
    A.set(i, i, value);
  });
  const random = uniform(seed);
  for (let k = 0; k < 3; k++) {
    const v = Array.from({ length: n }, () => random() - 0.5);
    const tau = 2 / v.reduce((sum, x) => sum + x * x, 0);
    const row = zeros('float64', 1, n);
    row.data.set(v);
    const Av = zeros('float64', n, 1);
    gemm(tau, A, 'N', row, 'T', 0, Av);
    const vAv = v.reduce((sum, x, i) => sum + x * Av.at(i, 0), 0);
    // HAH = A − vwᵀ − wvᵀ with w = τAv − ½τ(vᵀτAv)v.
    const w = zeros('float64', 1, n);
    v.forEach((x, i) => {
      w.set(0, i, Av.at(i, 0) - (tau / 2) * vAv * x);
    });
    gemm(-1, row, 'T', w, 'N', 1, A);
    gemm(-1, w, 'T', row, 'N', 1, A);
  }
  return A;
}

test.each(Object.entries(spectra))('%s, n = 577', (_name, spectrum) => {
  const n = 577;
  const exact = spectrum(n).toSorted((a, b) => b - a);
  const A = withSpectrum(exact, 7);
  const size = Math.max(...exact.map(Math.abs));
  const { eigenvalues, vectors: V } = eigh(A);
  const limit = C * n * EPSILON.float64;

  const gram = zeros('float64', n, n);
  gemm(1, V, 'T', V, 'N', 0, gram);
  for (let i = 0; i < n; i++) gram.set(i, i, gram.at(i, i) - 1);
  expect(frobeniusNorm(gram)).toBeLessThanOrEqual(limit);

  // The residual, in units of the largest eigenvalue: products of what is scaled would overflow.
  const unit = size === 0 ? 1 : size;
  const scaled = zeros('float64', n, n);
  axpby(1 / unit, A, 0, scaled);
  const residual = zeros('float64', n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) residual.set(i, j, V.at(i, j) * (eigenvalues[j] / unit));
  }
  gemm(1, scaled, 'N', V, 'N', -1, residual);
  expect(frobeniusNorm(residual)).toBeLessThanOrEqual(limit * Math.max(1, frobeniusNorm(scaled)));
  const worst = Math.max(...exact.map((value, i) => Math.abs(value - eigenvalues[i])));
  expect(worst).toBeLessThanOrEqual(limit * unit);
});
