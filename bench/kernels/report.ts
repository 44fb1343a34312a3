// What was measured of the kernels, as tables.

import { kernelInfo } from '../../src/kernels/selection.js';
import type { Timing } from '../measure/timing.js';
import { formatMeasured, formatMilliseconds } from '../report/format.js';
import { geometricMean } from '../report/statistics.js';
import type { Table } from '../report/table.js';
import type { Accuracy } from './accuracy.js';
import type { Row } from './measure.js';
import type { Numpy } from './numpy.js';
import type { Reached } from './reach.js';

const left = { align: 'left' } as const;
const right = { align: 'right' } as const;

/** Every case, and how many times faster than ml-matrix it is. */
export function caseTable(rows: readonly Row[]): Table {
  const ratios = {
    float32: rows.map((row) => row.mlMatrix.median / row.float32.median),
    float64: rows.map((row) => row.mlMatrix.median / row.float64.median),
  };
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

/** Every figure beside what is aimed at. */
export function reachTable(figures: readonly Reached[]): Table {
  const { kind, variant } = kernelInfo();
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

/** The errors of products by kernels, dtype and depth. */
export function accuracyTable(rows: readonly Accuracy[]): Table {
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

/** What NumPy reached, in one line. */
export function describeNumpy(numpy: Numpy | undefined): string {
  if (numpy === undefined) return 'NumPy is not installed; it would be shown beside these.';
  const { version, gemm512, cholesky577, inverse577, eigh577 } = numpy;
  return `NumPy ${version}, one thread: GEMM n=512 ${productRate(gemm512.float32)} float32, ${productRate(gemm512.float64)} float64; n=577 float64: Cholesky ${formatMilliseconds(cholesky577)}, inverse ${formatMilliseconds(inverse577)}, eigh ${formatMilliseconds(eigh577)}.`;
}

/** The rate of a product of 512×512 matrices. */
function productRate(milliseconds: number): string {
  return `${formatMeasured((2 * 512 ** 3) / milliseconds / 1e6)} GFLOP/s`;
}

function formatTiming({ median, deviation }: Timing): string {
  return `${formatMilliseconds(median)} ±${Math.round((100 * deviation) / median)}%`;
}
