// All contenders at all sizes: their times, and the bytes that they keep and allocate.

import { foldIn, type RandomKey } from '../../src/core/random.js';
import type { Timing } from '../measure/timing.js';
import { startProgress } from '../report/progress.js';
import { countAllocations } from './allocation.js';
import { type Contender, contenders } from './contenders.js';
import type { Row } from './growth.js';
import { calibrate, makeSubject, timeSubject } from './measure.js';

/** p. */
export const sizes = [256, 512, 1024, 2048, 4096] as const;

/** Allocations follow from the sizes alone, so that the largest p need not be waited for twice. */
export const largestCounted = 2048;

/** How much is measured. */
export interface CostPlan {
  /** The largest p. */
  readonly largest: number;
  /** Milliseconds of each timing. */
  readonly time: number;
  readonly key: RandomKey;
}

/** What was measured, and the machine's speed before and after. */
export interface Costs {
  readonly rows: readonly Row[];
  readonly calibration: { readonly before: Timing; readonly after: Timing };
}

/** Every contender at every size up to the largest. */
function runsUpTo(largest: number): { readonly inputs: number; readonly contender: Contender }[] {
  return sizes
    .filter((inputs) => inputs <= largest)
    .flatMap((inputs) =>
      contenders
        .filter((contender) => inputs <= contender.largest)
        .map((contender) => ({ inputs, contender })),
    );
}

/** Milliseconds that the timings of {@link measureCosts} take: three a run. */
export function durationOf({ largest, time }: Omit<CostPlan, 'key'>): number {
  return 3 * time * runsUpTo(largest).length;
}

/** Measures every contender at every size up to the largest. */
export async function measureCosts({ largest, time, key }: CostPlan): Promise<Costs> {
  const runs = runsUpTo(largest);

  let counted = 0;
  const countedRuns = runs.filter(({ inputs }) => inputs <= largestCounted);
  const counting = startProgress('counting allocations', countedRuns.length);
  const allocations = await countAllocations(
    { runs: countedRuns.map(({ inputs, contender }) => ({ inputs, method: contender.name })), key },
    ({ method, inputs }) => counting.update(++counted, `${method}, p = ${inputs}`),
  );
  counting.stop();

  const before = calibrate(time, key);
  const progress = startProgress('timing', runs.length);
  const rows = runs.map(({ inputs, contender }, k): Row => {
    const subject = makeSubject(contender, inputs, foldIn(key, inputs));
    const times = timeSubject(subject, contender, time);
    progress.update(k + 1, `${contender.name}, p = ${inputs}`);
    return {
      method: contender.name,
      inputs,
      times,
      kept: subject.kept,
      // Runs are in ascending order of p: those that were counted come first.
      allocated: allocations.at(k),
    };
  });
  progress.stop();
  return { rows, calibration: { before, after: calibrate(time, key) } };
}
