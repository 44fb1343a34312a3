// (c) Steps of the preconditioned optimisers over SGD's, all on our kernels.

import { eva, foof, kfac, nysact, sgd, type TfjsOptimizer } from '../../src/tfjs/index.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { type Quartiles, quantile, quartiles } from '../report/statistics.js';
import type { Workload } from './models.js';

/** How often layers are observed and refreshed. */
export const cadence = { observeEvery: 5, refreshEvery: 50 } as const;

/** r. */
export const rank = 10;

const learningRate = 0.01;

/** An optimiser that is compared with SGD. */
export interface Contender {
  readonly name: string;
  /** Steps between two refreshes, a multiple of those between two observations (default 50). */
  readonly refreshEvery?: number;
  make(tf: TensorFlow): TfjsOptimizer;
}

const settings = { ...cadence, learningRate };

/** What is compared. */
const CONTENDERS: readonly Contender[] = [
  { name: 'NysAct-G', make: (tf) => nysact(tf, { ...settings, rank, sketch: 'gaussian' }) },
  { name: 'NysAct-S', make: (tf) => nysact(tf, { ...settings, rank, sketch: 'subcolumn' }) },
  { name: 'FOOF', make: (tf) => foof(tf, settings) },
  { name: 'KFAC', make: (tf) => kfac(tf, settings) },
  { name: 'Eva', make: (tf) => eva(tf, settings) },
];

/** Milliseconds of a step of SGD, and every optimiser over it. */
export interface OptimizerRow {
  readonly key: string;
  readonly name: string;
  readonly batch: number;
  readonly sgd: number;
  readonly over: readonly Over[];
  /** Turns of so many steps as lie between two observations. */
  readonly turns: number;
}

/** One optimiser. */
export interface Over {
  readonly name: string;
  /** Of the mean step of a whole cycle, refresh and observations at their share. */
  readonly ratio: number;
  /** Of turns without a refresh. */
  readonly spread: Quartiles;
  /** Milliseconds that a refresh takes beside all else; NaN where no turn is without one. */
  readonly refresh: number;
}

/** What to measure, and how long. */
export interface OptimizerPlan {
  /** What is compared with SGD (default: the preconditioned optimisers). */
  readonly contenders?: readonly Contender[];
  readonly seed: number;
  /** Milliseconds that all turns take together. */
  readonly budget: number;
  /** Turns that are made at least: the first of a cycle has the refresh. */
  readonly turns: number;
}

/**
 * Times all optimisers in turn, each on a network of its own with the same weights; our kernels must be
 * registered.
 *
 * A cycle is of n turns, and each turn has one observation. With ρ₁ the median over first turns of time
 * over SGD's, and ρ over all others, the mean step is (ρ₁ + (n − 1)ρ)/n.
 */
export function timeOptimizers(
  tf: TensorFlow,
  workload: Workload,
  plan: OptimizerPlan,
): OptimizerRow {
  const { contenders = CONTENDERS } = plan;
  const all: readonly Contender[] = [
    { name: 'SGD', make: () => sgd(tf, { learningRate }) },
    ...contenders,
  ];
  const { key, name, batch, stepsInARow } = workload;
  warmUp(tf, workload, all, plan.seed);
  const runs = all.map((contender) => started(tf, workload, contender, plan.seed));
  try {
    const turns: number[][] = runs.map(() => []);
    const start = performance.now();
    for (let turn = 0; turn < plan.turns || performance.now() - start < plan.budget; turn++) {
      for (const [k, time] of turnOf(runs, stepsInARow).entries()) turns[k].push(time);
    }
    const [baseline, ...others] = turns;
    return {
      key,
      name,
      batch,
      sgd: quantile(baseline, 0.5) / cadence.observeEvery,
      over: others.map((times, k) => {
        const contender = contenders[k];
        return { name: contender.name, ...over(times, baseline, contender.refreshEvery) };
      }),
      turns: baseline.length,
    };
  } finally {
    for (const run of runs) run.dispose();
  }
}

/** The mean of a cycle over the baseline's, of turns whose first has the refresh. */
export function over(
  times: readonly number[],
  baseline: readonly number[],
  refreshEvery: number = cadence.refreshEvery,
): Omit<Over, 'name'> {
  const turnsInCycle = refreshEvery / cadence.observeEvery;
  const ratios = times.map((time, turn) => time / baseline[turn]);
  const isFirst = (_: unknown, turn: number): boolean => turn % turnsInCycle === 0;
  const others = ratios.filter((_, turn) => !isFirst(_, turn));
  const first = quantile(ratios.filter(isFirst), 0.5);
  // Where every turn has a refresh, there are no others.
  const spread = quartiles(turnsInCycle === 1 ? ratios : others);
  return {
    ratio: (first + (turnsInCycle - 1) * spread.median) / turnsInCycle,
    spread,
    refresh: turnsInCycle === 1 ? Number.NaN : (first - spread.median) * quantile(baseline, 0.5),
  };
}

interface Run {
  step(): void;
  dispose(): void;
}

function started(tf: TensorFlow, workload: Workload, contender: Contender, seed: number): Run {
  const training = workload.make(tf, seed);
  const optimizer = contender.make(tf);
  return {
    step: () => {
      optimizer.minimize(() => training.loss(), false, training.variables);
    },
    dispose: () => {
      optimizer.dispose();
      training.dispose();
    },
  };
}

/** Compilers get their chance, on networks that are thrown away. */
function warmUp(tf: TensorFlow, workload: Workload, all: readonly Contender[], seed: number): void {
  for (const contender of all) {
    const run = started(tf, workload, contender, seed);
    for (let step = 0; step <= 2 * workload.stepsInARow; step++) run.step();
    run.dispose();
  }
}

/** Milliseconds that each takes for the steps of one turn, some in a row at a time. */
function turnOf(runs: readonly Run[], stepsInARow: number): number[] {
  const times = runs.map(() => 0);
  for (let done = 0; done < cadence.observeEvery; done += stepsInARow) {
    for (const [k, run] of runs.entries()) {
      const start = performance.now();
      for (let step = 0; step < stepsInARow; step++) run.step();
      times[k] += performance.now() - start;
    }
  }
  return times;
}
