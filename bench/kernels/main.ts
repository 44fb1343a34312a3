// `npm run bench -- kernels`: our dense kernels against ml-matrix, in one process, in one run.

import { parseArgs } from 'node:util';
import { cpuBackend } from '../../src/backend/cpu.js';
import { checkPositive } from '../../src/core/check.js';
import { kernelInfo } from '../../src/kernels/selection.js';
import { startTensorflow } from '../data/tensorflow.js';
import { surroundings, toJson, writeResultFile } from '../report/json.js';
import { startProgress } from '../report/progress.js';
import { markdownTable, type Table, terminalTable } from '../report/table.js';
import { measureAccuracy } from './accuracy.js';
import { kernelCases } from './cases.js';
import { measureCase } from './measure.js';
import { measureOnNode24 } from './node24.js';
import { measureNumpy } from './numpy.js';
import { type Reached, reaches } from './reach.js';
import { accuracyTable, caseTable, describeNumpy, reachTable } from './report.js';
import { measureThreads } from './threads.js';

/** Runs the benchmark, prints its table and writes bench/results/kernels.json. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string', default: '1' },
      time: { type: 'string', default: '300' },
      markdown: { type: 'boolean', default: false },
    },
  });
  const seed = Number(values.seed);
  const time = Number(values.time);
  checkPositive('kernels', 'time', time);
  const cases = kernelCases(seed);
  const progress = startProgress('kernels', cases.length);
  const rows = cases.map((item, index) => {
    const row = measureCase(item, time);
    progress.update(index + 1, item.name);
    return row;
  });
  progress.stop();
  const print = (table: Table): void =>
    console.log(`${values.markdown ? markdownTable(table) : terminalTable(table)}\n`);
  print(caseTable(rows));
  const reached = await reach(time);
  print(reachTable(reached.figures));
  const accuracy = measureAccuracy();
  print(accuracyTable(accuracy));
  const numpy = measureNumpy();
  console.log(describeNumpy(numpy));
  const configuration = { millisecondsPerMeasurement: time, peer: 'ml-matrix (float64)' };
  const json = toJson({
    ...surroundings({
      name: 'kernels',
      seed,
      backend: cpuBackend('float64').info,
      configuration,
    }),
    ...kernelInfo(),
    node: process.version,
    node24: reached.node24,
    reach: Object.fromEntries(reached.figures.map(({ key, value }) => [key, value])),
    measured: reached.figures,
    accuracy,
    numpy,
    results: rows,
  });
  console.log(`Written to ${writeResultFile('kernels.json', json)}.`);
}

/** Every figure, and what ran those of Node 24. */
async function reach(time: number) {
  const list = reaches(await startTensorflow());
  const progress = startProgress('reach', list.length + 2);
  const figures: Reached[] = list.map((item, index) => {
    progress.update(index, item.key);
    return item.measure(4 * time);
  });
  progress.update(list.length, 'two threads');
  figures.push(await measureThreads('float32', 4 * time));
  progress.update(list.length + 1, 'Node 24');
  const other = measureOnNode24(4 * time);
  progress.stop();
  if (other === undefined) {
    console.log('Node 24 is not installed: `npm run node24`, and its figures come too.');
    return { figures, node24: undefined };
  }
  figures.push(...other.reached);
  return { figures, node24: { node: other.node, ...other.info } };
}
