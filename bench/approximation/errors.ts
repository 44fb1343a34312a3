// How far Â = U·diag(λ̂)·Uᵀ is from A, and its damped inverse from that of A.

import type { DenseMatrix } from '../../src/core/matrix.js';
import { axpby, frobeniusNorm } from '../../src/kernels/level1.js';
import { eigvalsh } from '../../src/linalg/eigh.js';
import type { Eigenpairs } from '../../src/nystrom/factor.js';
import { applyLowRankInverse, lowRankInverse } from '../../src/nystrom/inverse.js';
import { lowRankMatrix } from '../measure/matrices.js';

type Matrix = DenseMatrix<'float64'>;

/** The norms of a symmetric matrix that its eigenvalues decide. */
export interface Norms {
  /** max |λⱼ|. */
  readonly spectral: number;
  /** √Σλⱼ². */
  readonly frobenius: number;
  /** Σ|λⱼ|. */
  readonly nuclear: number;
}

/** All eigenvalues of E = A − Â, exactly: E need not be definite. Cost: O(p²r + p³). */
export function residualEigenvalues(A: Matrix, pairs: Eigenpairs): Float64Array {
  const E = lowRankMatrix(pairs);
  axpby(1, A, -1, E);
  return eigvalsh(E);
}

/** The norms of E relative to those of A, from the eigenvalues of both. */
export function relativeNorms(ofE: Float64Array, ofA: Float64Array): Norms {
  const [E, A] = [norms(ofE), norms(ofA)];
  return {
    spectral: E.spectral / A.spectral,
    frobenius: E.frobenius / A.frobenius,
    nuclear: E.nuclear / A.nuclear,
  };
}

function norms(eigenvalues: Float64Array): Norms {
  const sizes = eigenvalues.map(Math.abs);
  return {
    spectral: sizes.reduce((largest, size) => Math.max(largest, size), 0),
    frobenius: Math.sqrt(sizes.reduce((sum, size) => sum + size * size, 0)),
    nuclear: sizes.reduce((sum, size) => sum + size, 0),
  };
}

/** ‖P̂ − P‖F/‖P‖F with P̂ = G(Â + ρI)⁻¹ and the exact P = G(A + ρI)⁻¹. Cost: O(qpr). */
export function inverseError(G: Matrix, P: Matrix, pairs: Eigenpairs, rho: number): number {
  const difference = applyLowRankInverse(G, lowRankInverse(pairs, 'float64', { damping: rho }));
  axpby(-1, P, 1, difference);
  return frobeniusNorm(difference) / frobeniusNorm(P);
}
