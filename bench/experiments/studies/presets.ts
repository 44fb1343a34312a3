// Table VI: the paper's settings as presets.

import { type OptimizerName, optimizers, type Settings } from '../optimizers.js';
import type { Experiment } from './experiment.js';

/** The paper's columns, by the options' names. */
const COLUMNS = [
  ['η', ['learningRate']],
  ['momentum', ['momentum']],
  ['β₁', ['beta1']],
  // Of Adam's second moments, and of the averages that are preconditioned by.
  ['β₂', ['beta2', 'decay']],
  ['weight decay', ['weightDecay']],
  ['ε', ['epsilon']],
  ['ρ', ['damping']],
  ['τ_cov', ['observeEvery']],
  ['τ_inv', ['refreshEvery']],
  ['r', ['rank']],
] as const;

const CIFAR: readonly OptimizerName[] = ['sgd', 'adam', 'adamw', 'kfac', 'eva', 'foof', 'nysact-g'];
const IMAGENET: readonly OptimizerName[] = ['sgd', 'adamw', 'kfac', 'eva', 'foof', 'nysact-s'];

/** Where the table has one value for ResNets and another for DeiT. */
const NETWORKS = [
  ['ImageNet, ResNets', 'resnet'],
  ['ImageNet, DeiT-S', 'deit'],
] as const;

function row(name: OptimizerName, settings: Settings | undefined): string[] {
  const cells = COLUMNS.map(([, options]) => {
    const found = options.map((option) => settings?.[option]);
    return String(found.find((value) => value !== undefined) ?? '');
  });
  return [optimizers[name].title, ...cells];
}

function tableOf(title: string, rows: readonly string[][]) {
  const columns = [
    { heading: 'optimiser', align: 'left' } as const,
    ...COLUMNS.map(([heading]) => ({ heading, align: 'right' }) as const),
  ];
  return { kind: 'table', table: { title, columns, rows } } as const;
}

/** Table VI. It needs no run. */
export const table6: Experiment = {
  title: 'Table VI: the settings of the paper, as the presets of experiments',
  report: () => [
    tableOf(
      'CIFAR',
      CIFAR.map((name) => row(name, optimizers[name].paper.cifar)),
    ),
    ...NETWORKS.map(([title, network]) =>
      tableOf(
        title,
        IMAGENET.map((name) => row(name, optimizers[name].paper.imagenet?.[network])),
      ),
    ),
  ],
};
