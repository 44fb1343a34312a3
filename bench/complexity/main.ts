// `npm run bench -- complexity`: the costs that the paper's Table I states, measured against p.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { cpuBackend } from '../../src/backend/cpu.js';
import { checkPositive } from '../../src/core/check.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import type { Timing } from '../measure/timing.js';
import { formatBytes, formatMilliseconds } from '../report/format.js';
import { resultJson, writeResultFile } from '../report/json.js';
import { startProgress } from '../report/progress.js';
import { terminalTable } from '../report/table.js';
import { countAllocations } from './allocation.js';
import { contenders, rank } from './contenders.js';
import { growths, type Row } from './growth.js';
import { calibrate, layer, makeSubject, timeSubject } from './measure.js';
import { costFigure, costTable, quantities } from './report.js';

const sizes = [256, 512, 1024, 2048, 4096] as const;
/** Allocations follow from the sizes alone, so that the largest p need not be waited for twice. */
const largestCounted = 2048;

/** Runs the benchmark, prints a table for each quantity, and writes JSON and a figure. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string', default: '1' },
      time: { type: 'string', default: '400' },
      quick: { type: 'boolean', default: false },
    },
  });
  const seed = Number(values.seed);
  const time = Number(values.time);
  checkPositive('complexity', 'time', time);
  const key = randomKey(seed);
  const runs = sizes
    .filter((inputs) => !values.quick || inputs <= 1024)
    .flatMap((inputs) =>
      contenders
        .filter(({ largest }) => inputs <= largest)
        .map((contender) => ({ inputs, contender })),
    );

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
  const calibration = { before, after: calibrate(time, key) };

  for (const quantity of quantities) {
    console.log(`${terminalTable(costTable(quantity, growths(rows, quantity)))}\n`);
  }
  const largest = Math.max(...allocations.map(({ apply }) => apply));
  console.log(`One application allocates at most ${formatBytes(largest)}.`);
  console.log(describeLeftOut());
  console.log(describeMachine(calibration));
  const json = resultJson({
    name: 'complexity',
    seed,
    backend: cpuBackend(layer.dtype).info,
    configuration: { ...layer, rank, millisecondsPerMeasurement: time },
    results: {
      calibration,
      growths: quantities.flatMap((quantity) => growths(rows, quantity)),
      rows,
    },
  });
  const files = [
    writeResultFile('complexity.json', json),
    writeResultFile('complexity.svg', costFigure(rows)),
  ];
  console.log(`Written to ${files.join(' and ')}.`);
}

function describeMachine({ before, after }: { before: Timing; after: Timing }): string {
  const [first, last] = [before, after].map(({ median }) => formatMilliseconds(median));
  const cpu = cpus()[0]?.model ?? 'an unknown CPU';
  return `On one thread of ${cpu}, Node ${process.version}, where a product of two 512×512 matrices took ${first} before and ${last} after.`;
}

function describeLeftOut(): string {
  const stopped = contenders.filter(({ largest }) => largest < sizes[sizes.length - 1]);
  const list = stopped.map(({ name, largest }) => `${name} beyond p = ${largest}`).join('; ');
  return `Left out to save time: ${list}; allocations beyond p = ${largestCounted}.`;
}
