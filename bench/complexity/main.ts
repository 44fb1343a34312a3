// `npm run bench -- complexity`: the costs that the paper's Table I states, measured against p.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { cpuBackend } from '../../src/backend/cpu.js';
import { checkPositive } from '../../src/core/check.js';
import { randomKey } from '../../src/core/random.js';
import type { Timing } from '../measure/timing.js';
import { formatBytes, formatMilliseconds } from '../report/format.js';
import { resultJson, writeResultFile } from '../report/json.js';
import { terminalTable } from '../report/table.js';
import { contenders, rank } from './contenders.js';
import { largestCounted, measureCosts, sizes } from './costs.js';
import { growths } from './growth.js';
import { layer } from './measure.js';
import { costFigure, costTable, quantities } from './report.js';

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
  const largest = values.quick ? 1024 : 4096;
  const { rows, calibration } = await measureCosts({ largest, time, key: randomKey(seed) });

  for (const quantity of quantities) {
    console.log(`${terminalTable(costTable(quantity, growths(rows, quantity)))}\n`);
  }
  const most = Math.max(...rows.map(({ allocated }) => allocated?.apply ?? 0));
  console.log(`One application allocates at most ${formatBytes(most)}.`);
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
