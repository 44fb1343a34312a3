// Dense float64 oracles: every inverse formed and applied as it is written.

import { EigenvalueDecomposition, inverse, type Matrix as MlMatrix } from 'ml-matrix';
import { identity } from '../../src/core/matrix.js';
import { fromMlMatrix, toMlMatrix } from '../../src/ml-matrix.js';
import { build, combine, type Matrix, product } from '../support/matrices.js';

/** A⁻¹ */
export function inverted(A: Matrix): Matrix {
  return dense(inverse(toMlMatrix(A)));
}

/** (A + ρI)⁻¹ for a symmetric A. */
export function dampedInverse(A: Matrix, rho: number): Matrix {
  return inverted(combine(1, A, rho, identity('float64', A.rows)));
}

/** XᵀX/rows */
export function secondMoment(X: Matrix, rows: number = X.rows): Matrix {
  return combine(1 / rows, product(X, 'T', X, 'N'), 0, identity('float64', X.cols));
}

/** The bias-corrected moving average of `values`, from 0. */
export function averaged(values: readonly Matrix[], beta: number): Matrix {
  const [first, ...rest] = values.map((value) => combine(1 - beta, value, 0, value));
  const sum = rest.reduce((average, value) => combine(beta, average, 1, value), first);
  return combine(1 / (1 - beta ** values.length), sum, 0, sum);
}

/** B ⊗ A, which takes vec(G) to vec(BGAᵀ) where vec goes row by row. */
export function kronecker(B: Matrix, A: Matrix): Matrix {
  const [p, n] = [A.rows, A.cols];
  return build(B.rows * p, B.cols * n, (i, j) => {
    return B.at(Math.floor(i / p), Math.floor(j / n)) * A.at(i % p, j % n);
  });
}

/** K·vec(G), as a matrix of the shape of G. */
export function applyToVec(K: Matrix, G: Matrix): Matrix {
  const vec = build(G.rows * G.cols, 1, (i) => G.at(Math.floor(i / G.cols), i % G.cols));
  const result = product(K, 'N', vec, 'N');
  return build(G.rows, G.cols, (i, j) => result.at(i * G.cols + j, 0));
}

/** Â = AS(SᵀAS)⁻¹SᵀA, the Nyström approximation as it is defined. */
export function nystrom(A: Matrix, S: Matrix): Matrix {
  const AS = product(A, 'N', S, 'N');
  const core = inverted(product(S, 'T', AS, 'N'));
  return product(product(AS, 'N', core, 'N'), 'N', AS, 'T');
}

/** The eigenvalues of a symmetric matrix, in descending order. */
export function eigenvalues(A: Matrix): number[] {
  const { realEigenvalues } = new EigenvalueDecomposition(toMlMatrix(A), { assumeSymmetric: true });
  return realEigenvalues.toSorted((a, b) => b - a);
}

/** (A + ρI)^exponent of a symmetric A ⪰ 0, by its eigenvalues. */
export function power(A: Matrix, rho: number, exponent: number): Matrix {
  const decomposition = new EigenvalueDecomposition(toMlMatrix(A), { assumeSymmetric: true });
  const Q = dense(decomposition.eigenvectorMatrix);
  const values = decomposition.realEigenvalues.map(
    (value) => (Math.max(value, 0) + rho) ** exponent,
  );
  const scaled = build(A.rows, A.cols, (i, j) => Q.at(i, j) * values[j]);
  return product(scaled, 'N', Q, 'T');
}

/** ‖A‖₂ of a symmetric matrix. */
export function spectralNorm(A: Matrix): number {
  return Math.max(...eigenvalues(A).map(Math.abs));
}

function dense(M: MlMatrix): Matrix {
  return fromMlMatrix(M);
}
