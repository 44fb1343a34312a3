// The comparison in the paper's introduction: an epoch under systems that it does not train with, over one under SGD.

import { formatMeasured, formatMilliseconds } from '../../report/format.js';
import type { Table } from '../../report/table.js';
import { networkOf } from '../models/index.js';
import { type OptimizerName, optimizers } from '../optimizers.js';
import type { Experiment, Scale } from './experiment.js';
import type { Steps } from './settings.js';
import { tableTimes } from './step-times.js';

/** What the paper has for ResNet-110 on CIFAR-100, over SGD, to the digits that it prints. */
const PRINTED: Partial<Readonly<Record<OptimizerName, number>>> = {
  shampoo: 22.6,
  'sketchy-sgd': 6.5,
  adahessian: 5.2,
  kfac: 2.4,
  'nysact-g': 1.27,
};

/** What the paper does not time there, and is of the same kind. */
const OTHERS: readonly OptimizerName[] = [
  'nysact-s',
  'foof',
  'eva',
  'ekfac',
  'skfac',
  'nystrom-shampoo',
  'soap',
  'muon',
  'newton-muon',
  'mfac',
];

function stepsOf(network: string, batch: number, others: readonly OptimizerName[]): Steps {
  const printed = Object.keys(PRINTED).filter((name): name is OptimizerName => name in optimizers);
  return { network, batch, names: [...printed, ...others] };
}

const STEPS: Readonly<Record<Scale, Steps>> = {
  smoke: stepsOf('lenet', 32, []),
  small: stepsOf('resnet20', 32, OTHERS),
  full: stepsOf('resnet110', 128, OTHERS),
};

/** Times of steps over SGD's, beside those that the paper's introduction tells. */
export const introduction: Experiment = {
  title: 'Introduction: an epoch over one of SGD',
  measurements: ({ scale }) => [tableTimes(scale, STEPS[scale])],
  report: ({ scale }, found) => {
    const row = found.measured(tableTimes(scale, STEPS[scale]));
    if (row === undefined) return [];
    const { network, batch, names } = STEPS[scale];
    const ratios = new Map(row.over.map(({ name, ratio }) => [name, ratio]));
    const table: Table = {
      title: `${networkOf(network).name}, batches of ${batch}: time over SGD, whose steps take ${formatMilliseconds(row.sgd)}; refreshes and observations at their share`,
      columns: [
        { heading: 'optimiser', align: 'left' },
        { heading: '× SGD', align: 'right' },
        { heading: "the paper's, ResNet-110", align: 'right' },
      ],
      rows: names.map((name) => {
        const { title } = optimizers[name];
        const ratio = ratios.get(title);
        return [
          title,
          ratio === undefined ? '–' : formatMeasured(ratio),
          String(PRINTED[name] ?? ''),
        ];
      }),
    };
    return [{ kind: 'table', table }];
  },
};
