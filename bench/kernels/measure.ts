// The timings of one case, beside ml-matrix's.

import { Bench } from 'tinybench';
import type { Timing } from '../measure/timing.js';
import type { KernelCase } from './cases.js';

/** One case's timings; alternating is half of a call in float32 followed by one in float64. */
export interface Row {
  readonly name: string;
  readonly flops: number;
  readonly float32: Timing;
  readonly float64: Timing;
  readonly alternating: Timing;
  readonly mlMatrix: Timing;
}

/** Each timing takes about `time` milliseconds. */
export function measureCase({ name, flops, ours, peer }: KernelCase, time: number): Row {
  const [float32, float64] = [ours('float32'), ours('float64')];
  const both = timeKernel(() => {
    float32();
    float64();
  }, time);
  return {
    name,
    flops,
    float32: timeKernel(float32, time),
    float64: timeKernel(float64, time),
    alternating: { ...both, median: both.median / 2, deviation: both.deviation / 2 },
    mlMatrix: timeKernel(peer(), time),
  };
}

function timeKernel(run: () => unknown, time: number): Timing {
  const bench = new Bench({
    time,
    iterations: 3,
    warmupTime: time / 4,
    warmupIterations: 1,
    throws: true,
  });
  bench.add('kernel', () => {
    run();
  });
  const [{ result }] = bench.runSync();
  if (result.state !== 'completed') throw new Error(`kernels: the measurement ${result.state}`);
  const { p50, mad, samplesCount } = result.latency;
  return { median: p50, deviation: mad, samples: samplesCount };
}
