// What was measured of training, as tables.

import { formatMeasured, formatMilliseconds } from '../report/format.js';
import { geometricMean, type Quartiles } from '../report/statistics.js';
import type { Column, Table } from '../report/table.js';
import type { ConvolutionRow } from './convolutions.js';
import { cadence, type OptimizerRow, rank } from './optimizers.js';
import type { StepRow } from './steps.js';

/** A convolution may take so many times longer than a product of as many multiply-adds. */
export const convolutionAim = 1.15;

/** TensorFlow.js's step is to take so many times longer than ours, by the key of the network. */
export const stepAims: Readonly<Partial<Record<string, number>>> = {
  mlp: 5,
  resnet20: 4,
  transformer: 25,
};

/** NysAct's mean step may take so many times longer than SGD's, by the key of the network. */
export const nysactAims: Readonly<Partial<Record<string, number>>> = {
  mlp: 1.12,
  lenet: 1.1,
  resnet8: 1.1,
  resnet20: 1.08,
};

/** Stands behind a figure that misses its aim. */
const MISSED = ' ✗';

const left = (heading: string): Column => ({ heading, align: 'left' });
const right = (heading: string): Column => ({ heading, align: 'right' });

/** Whole steps of SGD on both sides. */
export function stepTable(rows: readonly StepRow[]): Table {
  return {
    title:
      'A step of SGD on our kernels, and how many times longer TensorFlow.js takes with its own, its missing filter gradient composed: medians, middle half in brackets (✗ misses the aim)',
    columns: [
      left('network'),
      right('weights'),
      right('batch'),
      right('ours'),
      right('TensorFlow.js'),
      right('times ours'),
      right('aim'),
      right('rounds'),
    ],
    rows: rows.map(({ key, name, batch, weights, ours, stock, ratio, rounds }) => {
      const aim = stepAims[key];
      return [
        name,
        weights.toLocaleString('en-US'),
        String(batch),
        formatMilliseconds(ours),
        formatMilliseconds(stock),
        `${withSpread(ratio.median, ratio)}${aim === undefined ? '' : mark(aim, ratio.median)}`,
        aim === undefined ? '' : `≥ ${aim}`,
        String(rounds),
      ];
    }),
  };
}

/** Every kernel of every layer. */
export function convolutionTable(rows: readonly ConvolutionRow[]): Table {
  const mean = geometricMean(rows.map(({ ratio }) => ratio));
  return {
    title: `Convolutions of ResNet-20 at batch 32, and how many times longer they take than our product of as many multiply-adds on ready patches: fastest samples, middle half of neighbours in brackets (aim ≤ ${convolutionAim}, ✗ misses it)`,
    columns: [
      left('layer'),
      left('kernel'),
      right('time'),
      right('GFLOP/s'),
      right('times the product'),
    ],
    rows: [
      ...rows.map(({ kernel, layer, milliseconds, gflops, ratio, spread }) => [
        layer,
        kernel,
        formatMilliseconds(milliseconds),
        formatMeasured(gflops),
        `${withSpread(ratio, spread)}${mark(ratio, convolutionAim)}`,
      ]),
      ['geometric mean', '', '', '', formatMeasured(mean)],
    ],
  };
}

/** Every optimiser over SGD, network by network. */
export function optimizerTable(rows: readonly OptimizerRow[]): Table {
  const { observeEvery, refreshEvery } = cadence;
  return {
    title: `The mean step of a cycle over SGD's, on our kernels (r = ${rank}, observed every ${observeEvery} steps, refreshed every ${refreshEvery}): medians, middle half of turns in brackets (✗ misses the aim)`,
    columns: [
      left('network'),
      right('batch'),
      left('optimiser'),
      right('step'),
      right('times SGD'),
      right('aim'),
      right('a refresh'),
      right('turns'),
    ],
    rows: rows.flatMap(({ key, name, batch, sgd, over, turns }) => [
      [name, String(batch), 'SGD', formatMilliseconds(sgd), '1', '', '', String(turns)],
      ...over.map(({ name: optimizer, ratio, spread, refresh }) => {
        const aim = optimizer.startsWith('NysAct') ? nysactAims[key] : undefined;
        return [
          '',
          '',
          optimizer,
          formatMilliseconds(ratio * sgd),
          `${withSpread(ratio, spread)}${aim === undefined ? '' : mark(ratio, aim)}`,
          aim === undefined ? '' : `≤ ${aim}`,
          refresh > 0 ? formatMilliseconds(refresh) : '–',
          '',
        ];
      }),
    ]),
  };
}

function withSpread(value: number, { lower, upper }: Quartiles): string {
  return `${formatMeasured(value)} (${formatMeasured(lower)}–${formatMeasured(upper)})`;
}

/** Of a value that should not be above the limit. */
function mark(value: number, limit: number): string {
  return value <= limit ? '' : MISSED;
}
