// Least squares, of which everything that a descent lemma speaks of is known: L, ∇ and every example's gradient.

import { build, combine, type Matrix, map, norm, pickRows, product } from './matrices.js';
import { randomOrthogonal } from './spectra.js';

/** L(W) = (1/2n)·‖XWᵀ − Y‖² of n examples, rows of X (n×p) and Y (n×q); W is q×p. */
export interface LeastSquares {
  readonly X: Matrix;
  readonly Y: Matrix;
}

/** X (n×p, n ≥ p) with XᵀX/n = Q·diag(eigenvalues)·Qᵀ, Q of random eigenvectors. */
export function activations(eigenvalues: readonly number[], n: number, seed: number): Matrix {
  const p = eigenvalues.length;
  const Q = randomOrthogonal(p, seed);
  const left = randomOrthogonal(n, seed + 1);
  const scaled = build(n, p, (i, j) => left.at(i, j) * Math.sqrt(n * eigenvalues[j]));
  return product(scaled, 'N', Q, 'T');
}

/** A = XᵀX/n: the Hessian of L is A for every row of W, so that L is smooth with the constant λmax(A). */
export function secondMoment(X: Matrix): Matrix {
  const A = product(X, 'T', X, 'N');
  return map(A, (a) => a / X.rows);
}

/** XWᵀ − Y */
function residuals({ X, Y }: LeastSquares, W: Matrix): Matrix {
  return combine(1, product(X, 'N', W, 'T'), -1, Y);
}

export function loss(problem: LeastSquares, W: Matrix): number {
  return norm(residuals(problem, W)) ** 2 / (2 * problem.X.rows);
}

/** The gradient of each example's own loss. */
export function gradients(problem: LeastSquares, W: Matrix): Matrix[] {
  const R = residuals(problem, W);
  return Array.from({ length: R.rows }, (_, i) =>
    product(pickRows(R, [i]), 'T', pickRows(problem.X, [i]), 'N'),
  );
}

/** The mean of matrices of one shape. */
export function average(matrices: readonly Matrix[]): Matrix {
  const [{ rows, cols }] = matrices;
  return build(
    rows,
    cols,
    (i, j) => matrices.reduce((sum, A) => sum + A.at(i, j), 0) / matrices.length,
  );
}

/** E‖G − ∇‖² over an example drawn from all. */
export function variance(examples: readonly Matrix[]): number {
  const mean = average(examples);
  return examples.reduce((sum, G) => sum + norm(combine(1, G, -1, mean)) ** 2, 0) / examples.length;
}
