// What the statements about a step sum to, with the expectation over all runs there can be.

import { spdInverse } from '../../src/linalg/cholesky.js';
import {
  average,
  gradients,
  type LeastSquares,
  loss,
  secondMoment,
  variance,
} from '../support/least-squares.js';
import { build, type Matrix, map, norm, pickRows, product } from '../support/matrices.js';
import { spectralNorm } from '../support/nystrom.js';
import {
  Descent,
  METHODS,
  type MethodName,
  type Moment,
  problemOf,
  type Settings,
} from './descents.js';

/** Both sides of the sum over K steps. */
export interface Summed {
  /** The smallest E‖∇‖² of all steps. */
  readonly left: number;
  /** Λ(2Δ/(ηK) + Lησ²/ρ²) */
  readonly right: number;
}

/** All nᴷ runs of K steps on single examples from W = `start`, observing the example before. */
export async function everyRun(
  method: MethodName,
  problem: LeastSquares,
  start: Matrix,
  settings: Settings,
  K: number,
): Promise<Summed> {
  const { X, Y } = problem;
  const n = X.rows;
  const descent = new Descent('float64', METHODS[method](settings), start);
  const squares = Array.from({ length: K }, () => 0);
  let sigma2 = 0;
  const visit = async (moment: Moment, before: number, k: number): Promise<void> => {
    const examples = gradients(problem, moment.W);
    sigma2 = Math.max(sigma2, variance(examples));
    squares[k] += norm(average(examples)) ** 2 / n ** k;
    if (k === K - 1) return;
    for (const [i, G] of examples.entries()) {
      await visit(await descent.next(moment, G, pickRows(X, [before])), i, k + 1);
    }
  };
  await visit(await descent.start(start), 0, 0);

  const { learningRate: eta, damping: rho } = settings;
  const A = secondMoment(X);
  const YtX = map(product(Y, 'T', X, 'N'), (y) => y / n);
  const minimum = loss(problem, product(YtX, 'N', spdInverse(A), 'N'));
  // No average of xxᵀ has a larger eigenvalue than the longest x has a square.
  const largest = Math.max(...X.toArrays().map((x) => x.reduce((sum, a) => sum + a * a, 0)));
  const excess = (2 * (loss(problem, start) - minimum)) / (eta * K);
  const noise = (spectralNorm(A) * eta * sigma2) / rho ** 2;
  return { left: Math.min(...squares), right: (largest + rho) * (excess + noise) };
}

/** Both sides for six steps on three examples. L = λ₁ = 1, so that ρ is the largest rate. */
export function sixSteps(method: MethodName, seed: number): Promise<Summed> {
  const settings = { learningRate: 0.3, damping: 1, rank: 1, refreshEvery: 2, seed };
  const start = build(1, 2, () => 3);
  return everyRun(method, problemOf([1, 0.3], 3, 1, seed), start, settings, 6);
}
