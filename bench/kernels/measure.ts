// The timings of one case, beside ml-matrix's.

import { type Timing, timeWork } from '../measure/timing.js';
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
  const both = timeWork(
    {
      run: () => {
        float32();
        float64();
      },
    },
    time,
  );
  return {
    name,
    flops,
    float32: timeWork({ run: float32 }, time),
    float64: timeWork({ run: float64 }, time),
    alternating: { ...both, median: both.median / 2, deviation: both.deviation / 2 },
    mlMatrix: timeWork({ run: peer() }, time),
  };
}
