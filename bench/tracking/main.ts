// `npm run bench -- tracking`: how well the policies of NysAct follow A while a network trains.

import { parseArgs } from 'node:util';
import { cpuBackend } from '../../src/backend/cpu.js';
import { checkFraction, checkInteger } from '../../src/core/check.js';
import { startTensorflow } from '../data/tensorflow.js';
import { resultJson, writeResultFile } from '../report/json.js';
import { startProgress } from '../report/progress.js';
import { markdownTable, terminalTable } from '../report/table.js';
import { cadence, type Found, measureSeed } from './measure.js';
import { rank } from './policies.js';
import { errorTable, trackingFigure } from './report.js';

const batch = 128;

/** How much is done: `--quick` is for a look, not for figures to quote. */
const scopes = {
  full: { seeds: 5, steps: 301, heldOut: 4096 },
  quick: { seeds: 1, steps: 201, heldOut: 1024 },
} as const;

/** Runs the benchmark, prints a table, and writes JSON and a figure. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      seeds: { type: 'string' },
      momentum: { type: 'string', default: '0' },
      quick: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
    },
  });
  const scope = scopes[values.quick ? 'quick' : 'full'];
  const seeds = values.seeds === undefined ? scope.seeds : Number(values.seeds);
  const momentum = Number(values.momentum);
  checkInteger('tracking', 'seeds', seeds, 1);
  checkFraction('tracking', 'momentum', momentum);
  const tf = await startTensorflow();
  const progress = startProgress('tracking', seeds * scope.steps);
  let done = 0;
  const found: Found[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const training = { seed, steps: scope.steps, batch, momentum, heldOut: scope.heldOut };
    found.push(...measureSeed(tf, training, () => progress.update(++done, `seed ${seed}`)));
  }
  progress.stop();
  const table = errorTable(found, momentum);
  console.log(`${values.markdown ? markdownTable(table) : terminalTable(table)}\n`);
  const json = resultJson({
    name: 'tracking',
    seed: seeds,
    backend: cpuBackend('float32').info,
    configuration: { ...cadence, ...scope, rank, seeds, batch, momentum },
    results: found,
  });
  const files = [
    writeResultFile('tracking.json', json),
    writeResultFile('tracking.svg', trackingFigure(found, momentum)),
  ];
  console.log(`Written: ${files.join(', ')}.`);
}
