// `npm run bench -- kernels`: our dense kernels against ml-matrix, in one process, in one run.

import { parseArgs } from 'node:util';
import { cpuBackend } from '../../src/backend/cpu.js';
import { checkPositive } from '../../src/core/check.js';
import { kernelInfo } from '../../src/kernels/selection.js';
import { startTensorflow } from '../data/tensorflow.js';
import { type Timing, timeWork } from '../measure/timing.js';
import { formatMeasured, formatMilliseconds } from '../report/format.js';
import { surroundings, toJson, writeResultFile } from '../report/json.js';
import { startProgress } from '../report/progress.js';
import { geometricMean } from '../report/statistics.js';
import { markdownTable, type Table, terminalTable } from '../report/table.js';
import { type Accuracy, measureAccuracy } from './accuracy.js';
import { type KernelCase, kernelCases } from './cases.js';
import { measureOnNode24 } from './node24.js';
import { measureNumpy, type Numpy } from './numpy.js';
import { type Reached, reaches } from './reach.js';
import { measureThreads } from './threads.js';

/** One case's timings; alternating is half of a call in float32 followed by one in float64. */
interface Row {
  readonly name: string;
  readonly flops: number;
  readonly float32: Timing;
  readonly float64: Timing;
  readonly alternating: Timing;
  readonly mlMatrix: Timing;
}

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
  const table = summarise(rows);
  console.log(values.markdown ? markdownTable(table) : terminalTable(table));
  const reached = await reach(time);
  const reachTable = summariseReach(reached.figures);
  console.log(values.markdown ? markdownTable(reachTable) : terminalTable(reachTable));
  const accuracy = measureAccuracy();
  const accuracyTable = summariseAccuracy(accuracy);
  console.log(values.markdown ? markdownTable(accuracyTable) : terminalTable(accuracyTable));
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

function summariseAccuracy(rows: readonly Accuracy[]): Table {
  const right = { align: 'right' } as const;
  return {
    title:
      'How exact products are: max |error|/Σ|ab| over 400 entries of a product of normal numbers',
    columns: [
      { heading: 'kernels', align: 'left' },
      { heading: 'dtype', align: 'left' },
      { heading: 'depth', ...right },
      { heading: 'error', ...right },
      { heading: 'in units of ε', ...right },
    ],
    rows: rows.map(({ kind, variant, dtype, depth, error, errorInEpsilons }) => [
      `${kind}, ${variant}`,
      dtype,
      String(depth),
      formatMeasured(error),
      formatMeasured(errorInEpsilons),
    ]),
  };
}

/** The rate of a product of 512×512 matrices. */
function productRate(milliseconds: number): string {
  return `${formatMeasured((2 * 512 ** 3) / milliseconds / 1e6)} GFLOP/s`;
}

function describeNumpy(numpy: Numpy | undefined): string {
  if (numpy === undefined) return 'NumPy is not installed; it would be shown beside these.';
  const { version, gemm512, cholesky577, inverse577, eigh577 } = numpy;
  return `NumPy ${version}, one thread: GEMM n=512 ${productRate(gemm512.float32)} float32, ${productRate(gemm512.float64)} float64; n=577 float64: Cholesky ${formatMilliseconds(cholesky577)}, inverse ${formatMilliseconds(inverse577)}, eigh ${formatMilliseconds(eigh577)}.`;
}

function summariseReach(figures: readonly Reached[]): Table {
  const { kind, variant } = kernelInfo();
  const right = { align: 'right' } as const;
  return {
    title: `What the kernels reach (Node ${process.version}, ${kind}, ${variant})`,
    columns: [
      { heading: 'figure', align: 'left' },
      { heading: 'reached', ...right },
      { heading: 'aim', ...right },
      { heading: 'ours', ...right },
      { heading: 'beside it', ...right },
      { heading: 'GFLOP/s', ...right },
      { heading: 'key', align: 'left' },
    ],
    rows: figures.map(({ name, value, aim, pair, gflops, key }) => [
      name,
      formatMeasured(value),
      'least' in aim ? `≥ ${aim.least}` : `≤ ${aim.most}`,
      pair === undefined ? '' : formatMilliseconds(pair.ours),
      pair === undefined ? '' : formatMilliseconds(pair.beside),
      gflops === undefined ? '' : formatMeasured(gflops),
      key,
    ]),
  };
}

function measureCase({ name, flops, ours, peer }: KernelCase, time: number): Row {
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

function summarise(rows: readonly Row[]): Table {
  const ratios = {
    float32: rows.map((row) => row.mlMatrix.median / row.float32.median),
    float64: rows.map((row) => row.mlMatrix.median / row.float64.median),
  };
  const left = { align: 'left' } as const;
  const right = { align: 'right' } as const;
  return {
    title:
      'Dense kernels: median time ± median deviation, and how many times faster than ml-matrix',
    columns: [
      { heading: 'operation', ...left },
      { heading: 'float32', ...right },
      { heading: 'float64', ...right },
      { heading: 'alternating', ...right },
      { heading: 'ml-matrix', ...right },
      { heading: '× float32', ...right },
      { heading: '× float64', ...right },
      { heading: 'GFLOP/s float64', ...right },
    ],
    rows: [
      ...rows.map((row, k) => [
        row.name,
        formatTiming(row.float32),
        formatTiming(row.float64),
        formatTiming(row.alternating),
        formatTiming(row.mlMatrix),
        formatMeasured(ratios.float32[k]),
        formatMeasured(ratios.float64[k]),
        formatMeasured(row.flops / row.float64.median / 1e6),
      ]),
      [
        'geometric mean',
        '',
        '',
        '',
        '',
        formatMeasured(geometricMean(ratios.float32)),
        formatMeasured(geometricMean(ratios.float64)),
        '',
      ],
    ],
  };
}

function formatTiming({ median, deviation }: Timing): string {
  return `${formatMilliseconds(median)} ±${Math.round((100 * deviation) / median)}%`;
}
