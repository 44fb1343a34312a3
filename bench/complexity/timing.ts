// Timing of work that takes between microseconds and half a minute.

import { quantile } from '../report/statistics.js';

/** Milliseconds of one call: the median, and the median distance from it. */
export interface Timing {
  readonly median: number;
  readonly deviation: number;
  readonly samples: number;
}

/** Something to time, and what has to happen before each call without being timed. */
export interface Work {
  readonly run: () => void;
  readonly prepare?: () => void;
}

/**
 * Calls the work until it has taken `budget` milliseconds in all, at most `maxSamples` times. The
 * first call warms up and counts only where it used up the budget by itself.
 */
export function timeWork({ run, prepare }: Work, budget: number, maxSamples = 1000): Timing {
  const call = (): number => {
    prepare?.();
    const start = performance.now();
    run();
    return performance.now() - start;
  };
  const first = call();
  const samples = first >= budget ? [first] : [];
  for (let spent = first; spent < budget && samples.length < maxSamples; ) {
    const sample = call();
    samples.push(sample);
    spent += sample;
  }
  const median = quantile(samples, 0.5);
  const deviations = samples.map((sample) => Math.abs(sample - median));
  return { median, deviation: quantile(deviations, 0.5), samples: samples.length };
}
