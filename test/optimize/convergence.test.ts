// docs/convergence.md along real runs: every step's statements, and what they sum to.

import { describe, expect, test } from 'vitest';
import { DTYPES, type DType, EPSILON } from '../../src/core/dtype.js';
import { trace } from '../../src/kernels/level1.js';
import { spdInverse } from '../../src/linalg/cholesky.js';
import { foof, nysact } from '../../src/optimize/optimizers.js';
import type { Transform } from '../../src/optimize/transform.js';
import type { Found } from '../../src/precondition/method.js';
import { rateFor, STATEMENT_NAMES, type Step, sidesOf } from '../nystrom/statements.js';
import { roundingOf } from '../nystrom/steps.js';
import {
  activations,
  average,
  gradients,
  type LeastSquares,
  loss,
  secondMoment,
  variance,
} from '../support/least-squares.js';
import {
  build,
  combine,
  gaussian,
  type Matrix,
  map,
  norm,
  pickRows,
  product,
  uniform,
} from '../support/matrices.js';
import { spectralNorm } from '../support/nystrom.js';
import { SEED } from '../support/seed.js';
import { geometric } from '../support/spectra.js';
import { Descent, type Moment } from './descents.js';

const DECAY = 0.95;

interface Settings {
  readonly learningRate: number;
  readonly damping: number;
  readonly rank: number;
  readonly refreshEvery: number;
}

const METHODS = {
  foof: ({ rank: _, ...settings }: Settings) => foof({ ...settings, observeEvery: 1 }),
  'nysact, gaussian': (settings: Settings) => nysact({ ...settings, observeEvery: 1, seed: SEED }),
  'nysact, subcolumn': (settings: Settings) =>
    nysact({ ...settings, observeEvery: 1, seed: SEED, sketch: 'subcolumn' }),
} as const satisfies Record<string, (settings: Settings) => Transform>;
type MethodName = keyof typeof METHODS;
const NAMES: readonly MethodName[] = ['foof', 'nysact, gaussian', 'nysact, subcolumn'];

/** Targets with noise, so that gradients of examples differ at the minimum too. */
function problemOf(eigenvalues: readonly number[], n: number, q: number): LeastSquares {
  const random = uniform(SEED);
  const X = activations(eigenvalues, n, SEED);
  const teacher = gaussian(random, q, eigenvalues.length);
  return { X, Y: combine(1, product(X, 'N', teacher, 'T'), 0.1, gaussian(random, n, q)) };
}

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
async function stepsOf<D extends DType>(
  dtype: D,
  method: MethodName,
  settings: Settings,
  count: number,
): Promise<Step[]> {
  const [p, q, n, batch] = [6, 2, 12, 2];
  const problem = problemOf(geometric(p, 4, 0.02), n, q);
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
      const steps = await stepsOf(dtype, method, { ...rates, rank: 3, refreshEvery: 3 }, 9);
      for (const step of steps) {
        const isSmall = step.eta <= rateFor('a small step', step) * (1 + EPSILON[dtype]);
        for (const name of STATEMENT_NAMES.filter((each) => isSmall || each !== 'a small step')) {
          const { left, right, unit } = sidesOf(name, step);
          expect(left, name).toBeLessThanOrEqual(right + unit);
        }
      }
    });
  });
});

/** Both sides of the sum over K steps. */
interface Summed {
  /** The smallest E‖∇‖² of all steps. */
  readonly left: number;
  /** Λ(2Δ/(ηK) + Lησ²/ρ²) */
  readonly right: number;
}

/** All nᴷ runs of K steps on single examples: three of them, p = 2. */
async function everyRun(method: MethodName, factor: number, K: number): Promise<Summed> {
  const [p, q, n] = [2, 1, 3];
  const problem = problemOf([1, 0.1], n, q);
  const { X, Y } = problem;
  const A = secondMoment(X);
  const [L, damping] = [spectralNorm(A), 0.2];
  const learningRate = (factor * damping) / L;
  const settings = { learningRate, damping, rank: 1, refreshEvery: 1 };
  const descent = new Descent('float64', METHODS[method](settings), { rows: q, cols: p });

  const squares = Array.from({ length: K }, () => 0);
  let largestVariance = 0;
  const visit = async (moment: Moment, before: number, k: number): Promise<void> => {
    const examples = gradients(problem, moment.W);
    largestVariance = Math.max(largestVariance, variance(examples));
    squares[k] += norm(average(examples)) ** 2 / n ** k;
    if (k === K - 1) return;
    // What is observed is the example before.
    for (const [i, G] of examples.entries()) {
      await visit(await descent.next(moment, G, pickRows(X, [before])), i, k + 1);
    }
  };
  const start = build(q, p, () => 3);
  await visit(await descent.start(start), 0, 0);

  const best = product(
    map(product(Y, 'T', X, 'N'), (y) => y / n),
    'N',
    spdInverse(A),
    'N',
  );
  const excess = loss(problem, start) - loss(problem, best);
  // No average of xxᵀ has a larger eigenvalue than the longest x has a square.
  const longest = Math.max(...Array.from({ length: n }, (_, i) => norm(pickRows(X, [i])) ** 2));
  const noise = (L * learningRate * largestVariance) / damping ** 2;
  return {
    left: Math.min(...squares),
    right: (longest + damping) * ((2 * excess) / (learningRate * K) + noise),
  };
}

describe('over all runs of six steps', () => {
  test.each(NAMES)('the smallest E‖∇‖² is within its bound: %s', async (method) => {
    const { left, right } = await everyRun(method, 1, 6);
    expect(left).toBeLessThanOrEqual(right);
    console.log(method, left, right);
  });
});
