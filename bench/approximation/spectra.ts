// Symmetric positive semidefinite matrices with prescribed spectra and random eigenvectors.

import { checkInteger } from '../../src/core/check.js';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import type { RandomKey } from '../../src/core/random.js';
import { syrk } from '../../src/kernels/syrk.js';
import { thinQr } from '../../src/linalg/qr.js';
import { normalMatrix } from '../measure/matrices.js';

/** A rule for eigenvalues, largest first, and how it is written. */
export interface Spectrum {
  readonly name: string;
  readonly formula: string;
  /** λⱼ for j = 1, 2, … */
  readonly eigenvalue: (j: number) => number;
}

/** Spectra of three kinds; every largest eigenvalue is 1. */
export const spectra: readonly Spectrum[] = [
  {
    name: 'exponential decay',
    formula: 'λⱼ = 0.9ʲ⁻¹',
    eigenvalue: (j) => 0.9 ** (j - 1),
  },
  {
    name: 'polynomial decay',
    formula: 'λⱼ = j⁻²',
    eigenvalue: (j) => j ** -2,
  },
  {
    name: 'low rank and noise',
    formula: 'λⱼ = 1 for j ≤ 20, 10⁻³ beyond',
    eigenvalue: (j) => (j <= 20 ? 1 : 1e-3),
  },
];

/**
 * A = Q·diag(λ)·Qᵀ of order p with Q uniformly distributed over the orthogonal matrices: the Q of a
 * Gaussian matrix's QR factorisation whose R has a positive diagonal. Cost: O(p³).
 */
export function spectralMatrix(
  { eigenvalue }: Spectrum,
  p: number,
  key: RandomKey,
): DenseMatrix<'float64'> {
  checkInteger('spectralMatrix', 'p', p, 1);
  const { Q } = thinQr(normalMatrix('float64', p, p, key));
  const root = zeros('float64', p, p);
  for (let i = 0; i < p; i++) {
    for (let j = 0; j < p; j++) root.set(i, j, Q.at(i, j) * Math.sqrt(eigenvalue(j + 1)));
  }
  const A = zeros('float64', p, p);
  syrk(1, root, 'N', 0, A, 'both');
  return A;
}
