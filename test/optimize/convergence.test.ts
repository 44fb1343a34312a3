// docs/convergence.md along real runs: every step's statements, and what they sum to.

import { describe, expect, test } from 'vitest';
import { DTYPES, type DType, EPSILON } from '../../src/core/dtype.js';
import { trace } from '../../src/kernels/level1.js';
import { foof } from '../../src/optimize/optimizers.js';
import type { Found } from '../../src/precondition/method.js';
import { rateFor, STATEMENT_NAMES, type Step, sidesOf } from '../nystrom/statements.js';
import { roundingOf } from '../nystrom/steps.js';
import { average, gradients, loss, secondMoment } from '../support/least-squares.js';
import {
  build,
  combine,
  gaussian,
  type Matrix,
  norm,
  pickRows,
  uniform,
} from '../support/matrices.js';
import { SEED } from '../support/seed.js';
import { geometric } from '../support/spectra.js';
import { Descent, METHODS, type MethodName, NAMES, problemOf, type Settings } from './descents.js';
import { everyRun, sixSteps } from './every-run.js';

const DECAY = 0.95;

/** The bias-corrected moving average of second moments, the newest last. */
function movingAverage(moments: readonly Matrix[]): Matrix {
  return moments.reduce((mean, A, t) => {
    const fresh = (1 - DECAY) / (1 - DECAY ** (t + 1));
    return combine(1 - fresh, mean, fresh, A);
  });
}

function numberOf(found: Found, name: string): number {
  const value = found[name];
  if (typeof value !== 'number') throw new TypeError(`nothing found by the name '${name}'`);
  return value;
}

/** Every step of a run: what it is, and what its optimiser would do with any gradient. */
async function stepsOf(
  dtype: DType,
  method: MethodName,
  settings: Settings,
  count: number,
): Promise<Step[]> {
  const [p, q, n, batch] = [6, 2, 12, 2];
  const problem = problemOf(geometric(p, 4, 0.02), n, q, SEED);
  const descent = new Descent(dtype, METHODS[method](settings), { rows: q, cols: p });
  const random = uniform(SEED + 1);
  const draw = () => Array.from({ length: batch }, () => Math.floor(n * random()));
  const { learningRate: eta, damping: rho, rank, refreshEvery } = settings;

  let moment = await descent.start(gaussian(random, q, p));
  // What is observed is the batch before, so that P̃ is there before the batch is drawn.
  let drawn = draw();
  let window: Matrix[] = [];
  let A = secondMoment(problem.X);
  let [nu, missed] = [0, 0];
  const steps: Step[] = [];
  for (let k = 0; k < count; k++) {
    const [now, rows] = [moment, pickRows(problem.X, drawn)];
    window.push(secondMoment(rows));
    const { W } = now;
    const examples = gradients(problem, W);
    if (k % refreshEvery === 0) {
      A = movingAverage(window);
      if (method !== 'foof') {
        // NysAct's average restarts with its window, and its refresh certifies its error.
        window = [];
        const { found } = descent.outcome(now, examples[0], rows);
        nu = numberOf(found, 'shift');
        missed = numberOf(found, 'residual') * trace(A) + (p - rank) * nu;
      }
    }
    const rounding = 4 * p * EPSILON[dtype] * trace(A);
    const farthest = (eta / rho) * Math.max(...examples.map(norm));
    steps.push({
      problem,
      W,
      eta,
      batch,
      rho,
      A,
      P: descent.preconditioner(now, rows, eta),
      nu: nu + rounding,
      error: missed + rounding,
      rounding: roundingOf(dtype, A, rho),
      end: (G) => descent.outcome(now, G, rows).W,
      endRounding: 4 * EPSILON[dtype] * (norm(W) + farthest),
    });
    drawn = draw();
    const G = average(drawn.map((i) => examples[i]));
    moment = await descent.next(now, G, rows);
  }
  return steps;
}

/** ρ, and η: as small as the smallest steps are, and as large as the layer's own curvature allows. */
const RATES = [
  { damping: 0.05, learningRate: 0.05 / 4 },
  { damping: 5, learningRate: 5 / 4 },
  { damping: 0.05, learningRate: 0.3 },
  { damping: 1, learningRate: 0.9 },
] as const;

describe.each(DTYPES)('along a run, %s', (dtype) => {
  describe.each(NAMES)('%s', (method) => {
    test.each(RATES)('every statement holds: ρ = $damping, η = $learningRate', async (rates) => {
      const settings = { ...rates, rank: 3, refreshEvery: 3, seed: SEED };
      for (const step of await stepsOf(dtype, method, settings, 9)) {
        const isSmall = step.eta <= rateFor('a small step', step) * (1 + EPSILON[dtype]);
        for (const name of STATEMENT_NAMES.filter((each) => isSmall || each !== 'a small step')) {
          const { left, right, unit } = sidesOf(name, step);
          expect(left, name).toBeLessThanOrEqual(right + unit);
        }
      }
    });
  });
});

describe('over all runs of six steps', () => {
  test.each(NAMES)('the smallest E‖∇‖² is within its bound: %s', async (method) => {
    const { left, right } = await sixSteps(method, SEED);
    expect(left).toBeLessThanOrEqual(right);
  });

  test('it is not, where η is so large that the loss grows', async () => {
    const problem = { X: build(2, 1, () => 1), Y: build(2, 1, () => 0) };
    const [damping, start] = [0.2, build(1, 1, () => 1)];
    const settings = {
      learningRate: 4 * (1 + damping),
      damping,
      rank: 1,
      refreshEvery: 2,
      seed: 0,
    };
    const { left, right } = await everyRun('foof', problem, start, settings, 6);
    expect(left).toBeGreaterThan(10 * right);
  });
});

describe('a P̃ that is not there before the batch', () => {
  // x = 1 with the residual −1 and x = 10 with 1/2: ∇ = 2, and yet each is divided by its own x² + ρ.
  const X = build(2, 1, (i) => [1, 10][i]);
  const W = build(1, 1, () => 0);
  const problem = { X, Y: build(2, 1, (i) => [1, -0.5][i]) };
  const descent = new Descent('float64', foof({ learningRate: 0.01, damping: 0.1 }), W);

  const change = async (rows: (i: number) => Matrix): Promise<number> => {
    const moment = await descent.start(W);
    const losses = gradients(problem, W).map((G, i) =>
      loss(problem, descent.outcome(moment, G, rows(i)).W),
    );
    return losses.reduce((sum, after) => sum + after, 0) / X.rows - loss(problem, W);
  };

  test('goes down on average where it observes all examples', async () => {
    expect(await change(() => X)).toBeLessThan(0);
  });

  test('goes up on average where it observes the example that it steps along', async () => {
    expect(await change((i) => pickRows(X, [i]))).toBeGreaterThan(0);
  });
});
