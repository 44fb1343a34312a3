// The figures that docs/convergence.md quotes.

import { DenseMatrix } from '../../src/core/matrix.js';
import { publishedEigenpairs } from '../../src/published/factor.js';
import {
  rateFor,
  type StatementName,
  type Step,
  sidesOf,
  tightness,
} from '../nystrom/statements.js';
import { GRADIENTS, SPECTRUM_NAMES, stepOf, type Wrongly } from '../nystrom/steps.js';
import { gradients, loss } from '../support/least-squares.js';
import { build, combine, inner, type Matrix, norm, product } from '../support/matrices.js';
import { dampedInverse, KINDS, SPECTRA, spectralNorm } from '../support/nystrom.js';
import { median } from '../support/statistics.js';

const RANK = 8;

function diagonal(...values: readonly number[]): Matrix {
  return build(values.length, values.length, (i, j) => (i === j ? values[i] : 0));
}

/** ⟨G, GM⟩ */
function along(G: Matrix, M: Matrix): number {
  return inner(G, product(G, 'N', M, 'N'));
}

/** The example on which the printed bound fails: both sides of it, and the bound that holds. */
export function printedBound(): {
  readonly left: number;
  readonly right: number;
  readonly mended: number;
} {
  const [A, Atilde, rho] = [diagonal(1, 0.01), diagonal(1, 0.11), 0.01];
  const G = new DenseMatrix('float64', 1, 2, Float64Array.of(0, 1));
  const E = combine(1, A, -1, Atilde);
  const error = spectralNorm(E);
  return {
    left: along(G, dampedInverse(A, rho)) - along(G, dampedInverse(Atilde, rho)),
    right: (norm(E) * norm(G) ** 2) / (spectralNorm(A) + rho) ** 2,
    mended: (norm(G) ** 2 * error) / (rho * (rho + error)),
  };
}

/**
 * Two examples x = 1 with residuals `r`, A = L = ρ = 1, so that P̃ = 1/2: the mean loss after a step along a
 * single one, and the mean of what equation (3) of the paper says that it is at most.
 */
export function printedDescent(
  r: readonly [number, number],
  eta: number,
): { readonly loss: number; readonly promised: number } {
  const [P, L] = [1 / 2, 1];
  const W = build(1, 1, () => 0);
  const problem = { X: build(2, 1, () => 1), Y: build(2, 1, (i) => -r[i]) };
  const examples = gradients(problem, W);
  const mean = (f: (G: Matrix) => number) => examples.reduce((sum, G) => sum + f(G), 0) / 2;
  return {
    loss: mean((G) => loss(problem, combine(1, W, -eta * P, G))),
    promised:
      loss(problem, W) -
      mean((G) => eta * P * norm(G) ** 2 - ((eta * L) / 2) * P ** 2 * norm(G) ** 2),
  };
}

/** A step without its rate, which the statement decides. */
export type CaseStep = Omit<Step, 'eta'>;

interface Case {
  readonly method: 'foof' | (typeof KINDS)[number];
  /** ρ/λ₁ */
  readonly damping: number;
}

/** Steps at every spectrum, along both kinds of gradient. */
function steps(
  { method, damping }: Case,
  seeds: readonly number[],
  wrongly: (rho: number) => Wrongly = () => ({}),
): CaseStep[] {
  return SPECTRUM_NAMES.flatMap((spectrum) =>
    GRADIENTS.flatMap((gradient) =>
      seeds.map((seed) => {
        const setup = { spectrum, gradient, method, damping, seed, width: RANK, batch: 1 };
        return stepOf(setup, 'float64', wrongly(damping * SPECTRA[spectrum][0]));
      }),
    ),
  );
}

/** The steps of which the table has medians. */
export function typicalSteps(of: Case): readonly CaseStep[] {
  return steps(of, [1, 2]);
}

/** The median of left/right. */
export function typicalTightness(name: StatementName, of: readonly CaseStep[]): number {
  return median(of.map((step) => tightness(name, { ...step, eta: rateFor(name, step) })));
}

/** The published factor in place of ours. */
function published(rho: number): Wrongly {
  return { construct: (C, sketch) => publishedEigenpairs(C, sketch, rho) };
}

/** In how many of {@link publishedCount} the published factor breaks a bound clearly. */
export function violations(name: StatementName): number {
  return publishedCases(published).filter((step) => {
    const { left, right, unit } = sidesOf(name, { ...step, eta: rateFor(name, step) });
    return left > right + 10 * unit;
  }).length;
}

function publishedCases(wrongly: (rho: number) => Wrongly): CaseStep[] {
  return KINDS.flatMap((method) =>
    [1e-3, 1e-2, 1, 10].flatMap((damping) => steps({ method, damping }, [1], wrongly)),
  );
}

/** How many cases those are. */
export function publishedCount(): number {
  return publishedCases(() => ({})).length;
}
