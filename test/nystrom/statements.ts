// Both sides of every statement of docs/convergence.md about one step, on least squares.

import { EPSILON } from '../../src/core/dtype.js';
import { eigvalsh } from '../../src/linalg/eigh.js';
import {
  average,
  gradients,
  type LeastSquares,
  loss,
  secondMoment,
  variance,
} from '../support/least-squares.js';
import { combine, inner, type Matrix, norm, product } from '../support/matrices.js';
import { dampedInverse, operatorNorm, spectralNorm } from '../support/nystrom.js';

/** A preconditioner and what is promised of it. */
export interface Promised {
  /** P̃, p×p. */
  readonly P: Matrix;
  /** What was approximated. */
  readonly A: Matrix;
  readonly rho: number;
  /** ν, and by how much rounding may raise it. */
  readonly nu: number;
  /** ‖A − Â‖. */
  readonly error: number;
  /** By how much rounding may move P̃, in the norm. */
  readonly rounding: number;
}

/** A step W − ηGP̃ with G the gradient of a mini-batch of `batch` examples, drawn with replacement. */
export interface Step extends Promised {
  readonly problem: LeastSquares;
  readonly W: Matrix;
  readonly eta: number;
  readonly batch: number;
  /** Where the step ends with this gradient (default: W − ηGP̃), and by how much rounding moves the end. */
  readonly end?: (G: Matrix) => Matrix;
  readonly endRounding?: number;
}

/** The two sides of left ≤ right, and by how much rounding may break it. */
export interface Sides {
  readonly left: number;
  readonly right: number;
  readonly unit: number;
}

/** What the statements share: every constant, computed from the step. */
interface Constants extends Step {
  /** ∇ and every example's gradient. */
  readonly gradient: Matrix;
  readonly examples: readonly Matrix[];
  /** σ²: E‖G − ∇‖² of a mini-batch. */
  readonly sigma2: number;
  /** L, the largest eigenvalue of the Hessian. */
  readonly L: number;
  /** L(W) − η⟨∇, ∇P̃⟩, up to which all bounds of the loss agree. */
  readonly line: number;
  /** ⟨∇, ∇P̃⟩ */
  readonly descent: number;
  /** Rounding of the losses. */
  readonly lossUnit: number;
}

function constantsOf(step: Step): Constants {
  const { problem, W, P, eta, batch, rho, endRounding = 0 } = step;
  const examples = gradients(problem, W);
  const gradient = average(examples);
  const L = spectralNorm(secondMoment(problem.X));
  const descent = inner(gradient, product(gradient, 'N', P, 'N'));
  const before = loss(problem, W);
  const sigma2 = variance(examples) / batch;
  const steepest = Math.max(...examples.map((G) => norm(G)));
  const farthest = steepest * (eta / rho) + endRounding;
  const { rows, cols } = problem.X;
  return {
    ...step,
    gradient,
    examples,
    sigma2,
    L,
    descent,
    line: before - eta * descent,
    // Of inner products of length p, summed over n examples; no loss on the way is larger than twice these.
    lossUnit:
      (rows + cols) * EPSILON.float64 * (before + L * farthest ** 2) +
      endRounding * (steepest + L * farthest),
  };
}

/**
 * E L(W − ηGP̃), all examples enumerated. L is quadratic, and a mean of b independent examples has a bth of
 * their scatter: E = L(W − η∇P̃) + (E₁ − L(W − η∇P̃))/b, with E₁ that of one example.
 */
function expectedLoss(of: Constants): number {
  const { problem, W, P, eta, batch, examples, gradient } = of;
  const { end = (G: Matrix) => combine(1, W, -eta, product(G, 'N', P, 'N')) } = of;
  const after = (G: Matrix) => loss(problem, end(G));
  const without = after(gradient);
  const single = examples.reduce((sum, G) => sum + after(G), 0) / examples.length;
  return without + (single - without) / batch;
}

/** E‖G‖² */
const meanSquare = ({ gradient, sigma2 }: Constants) => norm(gradient) ** 2 + sigma2;

/** How far the loss of the step's end may be from where P̃ without rounding leads, to second order in η. */
function stepUnit(of: Constants, perUnit: number): number {
  return of.lossUnit + (of.eta ** 2 / 2) * meanSquare(of) * perUnit * of.rounding;
}

/**
 * π = max((λ₁ + e)/(λ₁ + ρ), e/ρ), so that P̃HP̃ ⪯ πP̃ with H the second moment of all examples. Where P̃ is of
 * an average A instead, e has ‖H − A‖ as well.
 */
function priceOf({ problem, A, error, rho }: Omit<Step, 'eta'>): number {
  const largest = spectralNorm(A);
  const e = error + spectralNorm(combine(1, secondMoment(problem.X), -1, A));
  return Math.max((largest + e) / (largest + rho), e / rho);
}

/** The statements, by their names in the document. */
const STATEMENTS = {
  'one step': (of: Constants) => {
    const { gradient, P, L, eta, sigma2, rho, line } = of;
    const length = norm(product(gradient, 'N', P, 'N'));
    const right = line + ((L * eta ** 2) / 2) * (length ** 2 + sigma2 / rho ** 2);
    return { left: expectedLoss(of), right, unit: stepUnit(of, (3 * L) / rho) };
  },

  'a small step': (of: Constants) => {
    const { L, eta, sigma2, rho, line, descent } = of;
    const right = line + (eta / 2) * descent + (L * eta ** 2 * sigma2) / (2 * rho ** 2);
    return { left: expectedLoss(of), right, unit: stepUnit(of, (3 * L) / rho) };
  },

  'no less than FOOF': ({ gradient, A, rho, nu, descent, rounding }: Constants) => {
    const F = dampedInverse(A, rho + nu);
    const left = inner(gradient, product(gradient, 'N', F, 'N'));
    return { left, right: descent, unit: norm(gradient) ** 2 * rounding };
  },

  'no less than a scaled gradient': ({ gradient, A, rho, descent, rounding }: Constants) => {
    const left = norm(gradient) ** 2 / (eigvalsh(A)[0] + rho);
    return { left, right: descent, unit: norm(gradient) ** 2 * rounding };
  },

  'no more than a scaled gradient': ({ gradient, rho, descent, rounding }: Constants) => {
    const size = norm(gradient) ** 2;
    return { left: descent, right: size / rho, unit: size * rounding };
  },

  'the length of the step': ({ gradient, P, A, rho, error, rounding }: Constants) => {
    const F = dampedInverse(A, rho);
    const size = norm(gradient);
    const right = norm(product(gradient, 'N', F, 'N')) + (size * error) / (rho * (rho + error));
    return { left: norm(product(gradient, 'N', P, 'N')), right, unit: size * rounding };
  },

  "in the layer's own curvature": (of: Constants) => {
    const { P, eta, batch, examples, gradient, line, descent, L } = of;
    const price = priceOf(of);
    const noise = examples.reduce((sum, G) => {
      const N = combine(1, G, -1, gradient);
      return sum + inner(N, product(N, 'N', P, 'N'));
    }, 0);
    const right = line + ((eta ** 2 * price) / 2) * (descent + noise / (batch * examples.length));
    const AP = operatorNorm(product(secondMoment(of.problem.X), 'N', P, 'N'));
    return {
      left: expectedLoss(of),
      right,
      unit: stepUnit(of, 2 * AP + price + 1 + L * of.rounding),
    };
  },
} as const;

export type StatementName = keyof typeof STATEMENTS;

export const STATEMENT_NAMES: readonly StatementName[] = [
  'one step',
  'a small step',
  'no less than FOOF',
  'no less than a scaled gradient',
  'no more than a scaled gradient',
  'the length of the step',
  "in the layer's own curvature",
];

/** Which bound the loss after a step; the others speak of its gradient alone. */
const OF_THE_LOSS: readonly StatementName[] = [
  'one step',
  'a small step',
  "in the layer's own curvature",
];

/** Both sides of a statement. */
export function sidesOf(name: StatementName, step: Step): Sides {
  return STATEMENTS[name](constantsOf(step));
}

/**
 * left/right, 1 where a bound is tight; of losses, what they have above L(W) − η⟨∇, ∇P̃⟩, which stands on both
 * sides.
 */
export function tightness(name: StatementName, step: Step): number {
  const constants = constantsOf(step);
  const { left, right } = STATEMENTS[name](constants);
  const common = OF_THE_LOSS.includes(name) ? constants.line : 0;
  return (left - common) / (right - common);
}

/** The rate to which a statement is meant: 1/π in the layer's own curvature, else ρ/L. */
export function rateFor(name: StatementName, step: Omit<Step, 'eta'>): number {
  if (name === "in the layer's own curvature") return 1 / priceOf(step);
  return step.rho / spectralNorm(secondMoment(step.problem.X));
}
