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

const maxSamples = 500;

/**
 * Calls the work until it has taken `budget` milliseconds. The first call warms up and is left out,
 * unless it used up the budget by itself: then it is the only one. `now` is a clock, in milliseconds.
 */
export function timeWork(
  { run, prepare }: Work,
  budget: number,
  now: () => number = () => performance.now(),
): Timing {
  const time = (): number => {
    prepare?.();
    const start = now();
    run();
    return now() - start;
  };
  const first = time();
  if (first >= budget) return summarise([first]);
  const samples: number[] = [];
  for (let spent = 0; spent < budget && samples.length < maxSamples; ) {
    const sample = time();
    samples.push(sample);
    spent += sample;
  }
  return summarise(samples);
}

function summarise(samples: readonly number[]): Timing {
  const median = quantile(samples, 0.5);
  const deviations = samples.map((sample) => Math.abs(sample - median));
  return { median, deviation: quantile(deviations, 0.5), samples: samples.length };
}
