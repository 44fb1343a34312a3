// Two pieces of work timed in turn, so that whatever slows the machine slows both.

import { quantile } from '../report/statistics.js';

/** Work, and the floating-point operations of one run of it. */
export interface Timed {
  readonly run: () => void;
  readonly flops: number;
}

/** Medians, in milliseconds, and the median of the ratios of neighbouring measurements. */
export interface Pair {
  readonly ours: number;
  readonly beside: number;
  /** How many times longer `beside` takes than `ours`. */
  readonly ratio: number;
  readonly rounds: number;
}

/** Rounds that are made at least, however long they take. */
const FEWEST = 5;

/** A sample lasts this long at least: shorter work is repeated. */
const SHORTEST = 1;

/** Runs `ours` and `beside` in turn for `budget` milliseconds after half as long of warming up. */
export function timePair(ours: () => void, beside: () => void, budget: number): Pair {
  const repeats = [ours, beside].map((work) => warmUp(work, budget / 4));
  const samples: [number[], number[]] = [[], []];
  const start = performance.now();
  while (samples[0].length < FEWEST || performance.now() - start < budget) {
    samples[0].push(sample(ours, repeats[0]));
    samples[1].push(sample(beside, repeats[1]));
  }
  const ratios = samples[0].map((time, k) => samples[1][k] / time);
  return {
    ours: quantile(samples[0], 0.5),
    beside: quantile(samples[1], 0.5),
    ratio: quantile(ratios, 0.5),
    rounds: ratios.length,
  };
}

/** Gives the compiler its chance, and tells how often the work fits into a sample. */
function warmUp(work: () => void, budget: number): number {
  const start = performance.now();
  let calls = 0;
  let spent = 0;
  while (calls < 3 || spent < budget) {
    work();
    calls++;
    spent = performance.now() - start;
  }
  return Math.max(1, Math.ceil((SHORTEST * calls) / spent));
}

/** Milliseconds of one call. */
function sample(work: () => void, repeats: number): number {
  const start = performance.now();
  for (let k = 0; k < repeats; k++) work();
  return (performance.now() - start) / repeats;
}
