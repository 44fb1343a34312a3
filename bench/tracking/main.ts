// `npm run bench -- tracking`: how well the policies of NysAct follow A while a network trains.

import { parseArgs } from 'node:util';
import { checkFraction, checkInteger } from '../../src/core/check.js';
import { startTensorflow } from '../data/tensorflow.js';
import { resultJson, writeResultFile } from '../report/json.js';
import { startProgress } from '../report/progress.js';
import { markdownTable, terminalTable } from '../report/table.js';
import { backend, cadence } from './follow.js';
import { type Found, measureSeed } from './measure.js';
import { rank } from './policies.js';
import { type FoundRank, MOST, ranksOfSeed, rankTable } from './ranks.js';
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
  const progress = startProgress('tracking', 2 * seeds * scope.steps);
  let done = 0;
  const found: Found[] = [];
  const ranks: FoundRank[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const training = { seed, steps: scope.steps, batch, momentum, heldOut: scope.heldOut };
    const onStep = () => progress.update(++done, `seed ${seed}`);
    found.push(...measureSeed(tf, training, onStep));
    ranks.push(...ranksOfSeed(tf, training, onStep));
  }
  progress.stop();
  for (const table of [errorTable(found, momentum), rankTable(ranks)]) {
    console.log(`${values.markdown ? markdownTable(table) : terminalTable(table)}\n`);
  }
  const json = resultJson({
    name: 'tracking',
    seed: seeds,
    backend: backend.info,
    configuration: { ...cadence, ...scope, rank, seeds, batch, momentum, most: MOST },
    results: { errors: found, ranks },
  });
  const files = [
    writeResultFile('tracking.json', json),
    writeResultFile('tracking.svg', trackingFigure(found, momentum)),
  ];
  console.log(`Written: ${files.join(', ')}.`);
}
