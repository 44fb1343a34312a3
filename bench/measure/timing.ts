// Pieces of work timed in turn, so that whatever slows the machine slows all of them.

import { quantile } from '../report/statistics.js';

/** Something to time, and what has to happen before each call without being timed. */
export interface Work {
  readonly run: () => unknown;
  readonly prepare?: () => void;
}

/** Milliseconds of one call: the median, and the median distance from it. */
export interface Timing {
  readonly median: number;
  readonly deviation: number;
  readonly samples: number;
}

/** Medians, in milliseconds, and the median of the ratios of neighbouring samples. */
export interface Pair {
  readonly ours: number;
  readonly beside: number;
  /** How many times longer `beside` takes than `ours`. */
  readonly ratio: number;
  readonly rounds: number;
}

/** A clock in milliseconds. */
export type Clock = () => number;

/** How long to measure. */
export interface Plan {
  /** Milliseconds that the works take together; each warms up for a quarter of them before. */
  readonly budget: number;
  /** Rounds that are made at least, however long they take (default 1). */
  readonly rounds?: number;
  readonly now?: Clock;
}

/**
 * A sample is of so many milliseconds at least: shorter work is repeated, so that all of it runs in
 * caches as warm as its own repetition keeps them.
 */
const SHORTEST = 10;

/** Rounds behind the median of ratios. */
const FEWEST_PAIRS = 5;

const systemClock: Clock = () => performance.now();

/**
 * Samples every work once a round until the budget is spent: milliseconds of one call, one list for
 * each work, all of the same length. First calls warm up and are left out, unless they use up the budget
 * by themselves and one round is enough.
 */
export function timeInTurn(
  works: readonly Work[],
  { budget, rounds = 1, now = systemClock }: Plan,
): number[][] {
  const firsts = works.map((work) => timeCalls(work, 1, now));
  if (rounds === 1 && sum(firsts) >= budget) return firsts.map((first) => [first]);
  const repeats = works.map((work, k) => warmUp(work, firsts[k], budget / 4, now));
  const samples: number[][] = works.map(() => []);
  let spent = 0;
  for (let round = 0; round < rounds || spent < budget; round++) {
    for (const [k, work] of works.entries()) {
      const time = timeCalls(work, repeats[k], now);
      samples[k].push(time / repeats[k]);
      spent += time;
    }
  }
  return samples;
}

/** Times one work alone. */
export function timeWork(work: Work, budget: number, now?: Clock): Timing {
  const [samples] = timeInTurn([work], now === undefined ? { budget } : { budget, now });
  return summarise(samples);
}

/** Times `ours` and `beside` in turn. */
export function timePair(ours: Work, beside: Work, budget: number): Pair {
  const [a, b] = timeInTurn([ours, beside], { budget, rounds: FEWEST_PAIRS });
  const ratios = a.map((time, k) => b[k] / time);
  return {
    ours: quantile(a, 0.5),
    beside: quantile(b, 0.5),
    ratio: quantile(ratios, 0.5),
    rounds: ratios.length,
  };
}

/** Times what has to be waited for, call by call; a first call warms up. */
export async function timeAsync(
  run: () => Promise<unknown>,
  budget: number,
  now: Clock = systemClock,
): Promise<Timing> {
  await run();
  const samples: number[] = [];
  do {
    const start = now();
    await run();
    samples.push(now() - start);
  } while (sum(samples) < budget);
  return summarise(samples);
}

/** Gives the compiler its chance, and returns how many calls make a sample. */
function warmUp(work: Work, first: number, budget: number, now: Clock): number {
  let [calls, spent] = [1, first];
  while (spent < budget) {
    spent += timeCalls(work, 1, now);
    calls += 1;
  }
  return Math.max(1, Math.ceil((SHORTEST * calls) / spent));
}

/** Milliseconds of so many calls. */
function timeCalls({ run, prepare }: Work, calls: number, now: Clock): number {
  if (prepare !== undefined) {
    let time = 0;
    for (let k = 0; k < calls; k++) {
      prepare();
      const start = now();
      run();
      time += now() - start;
    }
    return time;
  }
  const start = now();
  for (let k = 0; k < calls; k++) run();
  return now() - start;
}

function summarise(samples: readonly number[]): Timing {
  const median = quantile(samples, 0.5);
  const deviations = samples.map((sample) => Math.abs(sample - median));
  return { median, deviation: quantile(deviations, 0.5), samples: samples.length };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
