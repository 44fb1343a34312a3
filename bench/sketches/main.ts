// `npm run bench -- sketches`: what policies of sketches and forms of damping are worth in training.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkInteger } from '../../src/core/check.js';
import { tfjsBackend } from '../../src/tfjs/index.js';
import { registerKernels } from '../../src/tfjs-wasm/index.js';
import { loadFashionMnist } from '../data/fashion-mnist.js';
import { startTensorflow } from '../data/tensorflow.js';
import { packageFolder, resultJson, writeResultFile } from '../report/json.js';
import { startProgress } from '../report/progress.js';
import { markdownTable, terminalTable } from '../report/table.js';
import { chosen, keysOf } from '../study/chosen.js';
import { Ledger } from '../study/ledger.js';
import { CONTENDERS, cadence } from './contenders.js';
import { resultTable } from './report.js';
import { runsOf, study } from './study.js';
import { TASKS } from './tasks.js';

/** One split for all seeds: no image of the test is trained on by any run. */
const images = { train: 19_200, validation: 2_000, test: 5_000, seed: 0 } as const;

/**
 * Runs the study, prints its tables, and writes bench/results/sketches.json. Runs that have ended are kept in
 * sketches.jsonl beside it, and not made again.
 */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      seeds: { type: 'string', default: '5' },
      tasks: { type: 'string', default: keysOf(TASKS) },
      markdown: { type: 'boolean', default: false },
    },
  });
  const count = Number(values.seeds);
  checkInteger('sketches', 'seeds', count, 1);
  const seeds = Array.from({ length: count }, (_, k) => k + 1);
  const tasks = chosen('tasks', values.tasks, TASKS);
  const tf = await startTensorflow();
  await registerKernels(tf);
  const plan = { data: loadFashionMnist(images), tasks, contenders: CONTENDERS, seeds };
  const progress = startProgress('study', runsOf(plan));
  const runs = study(
    tf,
    plan,
    new Ledger(join(packageFolder('bench', 'results'), 'sketches.jsonl')),
    progress,
  );
  progress.stop();
  for (const { key, name, batch, steps } of tasks) {
    const title = `${name} on Fashion-MNIST, ${steps} steps of ${batch} images`;
    const table = resultTable(key, title, runs);
    console.log(`${values.markdown ? markdownTable(table) : terminalTable(table)}\n`);
  }
  const minutes = runs.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  const json = resultJson({
    name: 'sketches',
    seed: count,
    backend: tfjsBackend(tf).info,
    configuration: { ...cadence, images, seeds: count },
    results: runs,
  });
  console.log(
    `${runs.length} runs, ${minutes.toFixed(0)} minutes of processor time. Written to ${writeResultFile('sketches.json', json)}.`,
  );
}
