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

/**
 * A sample is of so many milliseconds at least: shorter work is repeated, so that all of it runs in caches
 * as warm as its own repetition keeps them.
 */
const SHORTEST = 10;

/** What is timed, and what has to happen before each call without being timed. */
export interface Prepared {
  readonly run: () => void;
  readonly prepare: () => void;
}

/** Runs `ours` and `beside` in turn for `budget` milliseconds after half as long of warming up. */
export function timePair(
  ours: (() => void) | Prepared,
  beside: (() => void) | Prepared,
  budget: number,
): Pair {
  const samplers = [ours, beside].map((work) => sampler(work, budget / 4));
  const samples: [number[], number[]] = [[], []];
  const start = performance.now();
  while (samples[0].length < FEWEST || performance.now() - start < budget) {
    samples[0].push(samplers[0]());
    samples[1].push(samplers[1]());
  }
  const ratios = samples[0].map((time, k) => samples[1][k] / time);
  return {
    ours: quantile(samples[0], 0.5),
    beside: quantile(samples[1], 0.5),
    ratio: quantile(ratios, 0.5),
    rounds: ratios.length,
  };
}

/** Gives the compiler its chance, and returns what times one call, in milliseconds. */
function sampler(work: (() => void) | Prepared, budget: number): () => number {
  const { run, prepare } = typeof work === 'function' ? { run: work, prepare: undefined } : work;
  const once = (): number => {
    prepare?.();
    const start = performance.now();
    run();
    return performance.now() - start;
  };
  let calls = 0;
  let spent = 0;
  while (calls < 3 || spent < budget) {
    spent += once();
    calls++;
  }
  const repeats = Math.max(1, Math.ceil((SHORTEST * calls) / spent));
  if (prepare !== undefined) {
    return () => {
      let sum = 0;
      for (let k = 0; k < repeats; k++) sum += once();
      return sum / repeats;
    };
  }
  return () => {
    const start = performance.now();
    for (let k = 0; k < repeats; k++) run();
    return (performance.now() - start) / repeats;
  };
}
