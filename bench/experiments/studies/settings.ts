// What is trained at each scale, all but the optimiser and the seed.

import type { Configuration, DataChoice } from '../engine/configuration.js';
import { networkOf } from '../models/index.js';
import { type OptimizerName, PAPER_ORDER } from '../optimizers.js';
import type { Scale } from './experiment.js';

/** A network on its data for so many steps. */
export type Setting = Omit<Configuration, 'optimizer' | 'seed'>;

const DIGITS: DataChoice = { name: 'mnist', train: 256, validation: 64, test: 64 };
const SUBSET: DataChoice = { name: 'cifar10', train: 10_000, validation: 2_000, test: 4_000 };

/** The published training images less those that settings are chosen on. */
function whole(name: 'cifar10' | 'cifar100'): DataChoice {
  return { name, train: 45_000, validation: 5_000, test: 10_000 };
}

const smoke: Setting = {
  network: 'lenet',
  data: DIGITS,
  batch: 32,
  steps: 8,
  validations: 2,
  augmentation: 'crop and flip',
};

/** Six epochs. */
const small: Setting = {
  network: 'lenet',
  data: SUBSET,
  batch: 128,
  steps: 468,
  validations: 12,
  augmentation: 'crop and flip',
};

/** The paper's. */
const BATCH = 128;

function epochs(count: number, data: DataChoice): Pick<Setting, 'steps' | 'validations'> {
  return { steps: count * Math.floor(data.train / BATCH), validations: count };
}

function published(network: string, data: DataChoice, count: number): Setting {
  return { network, data, batch: BATCH, ...epochs(count, data), augmentation: 'crop and flip' };
}

/** A setting, and who is compared in it. */
export interface Contest {
  readonly setting: Setting;
  readonly names: readonly OptimizerName[];
}

/** The paper's, and what this library adds. */
const ALL: readonly OptimizerName[] = [...PAPER_ORDER, 'nysact-tracking', 'nysact-published'];

/** A network of the scale 'small', for six epochs and for four times as many. */
function shortAndLong(
  network: string,
  names: readonly OptimizerName[],
  long: readonly OptimizerName[],
): Contest[] {
  return [
    { setting: { ...small, network }, names },
    { setting: { ...small, network, steps: 4 * small.steps, validations: 24 }, names: long },
  ];
}

/** Table III and figure 2. */
export const ACCURACY: Readonly<Record<Scale, readonly Contest[]>> = {
  smoke: [{ setting: smoke, names: ALL }],
  small: [
    ...shortAndLong('lenet', ALL, ['sgd', 'adam', 'kfac', 'foof', 'nysact-g', 'nysact-s']),
    ...shortAndLong('resnet8-narrow', PAPER_ORDER, ['sgd', 'adam', 'nysact-g']),
  ],
  full: (['cifar10', 'cifar100'] as const).flatMap((name) =>
    ['resnet32', 'resnet110', 'densenet121'].flatMap((network) =>
      [100, 200].map((count) => ({ setting: published(network, whole(name), count), names: ALL })),
    ),
  ),
};

/** Figure 3. */
export const ESSENTIALS: Readonly<Record<Scale, Setting>> = {
  smoke,
  small,
  full: published('resnet32', whole('cifar10'), 100),
};

/** Figures 4 and 5. */
export const ABLATION: Readonly<Record<Scale, Setting>> = {
  smoke,
  small,
  full: published('resnet110', whole('cifar100'), 100),
};

/** Steps of a network, and whose are timed beside SGD's. */
export interface Steps extends Pick<Setting, 'network' | 'batch'> {
  readonly names: readonly OptimizerName[];
}

/** Those of the paper's table II, and its rows. */
const LAYERED: readonly OptimizerName[] = ['kfac', 'eva', 'foof', 'nysact-g', 'nysact-s'];
const OTHERS = ALL.filter((name) => name !== 'sgd');

function stepsOf(
  batch: number,
  names: readonly OptimizerName[],
  ...networks: readonly string[]
): Steps[] {
  return networks.map((network) => ({ network, batch, names }));
}

/** Table II; where accuracies are compared too, all optimisers. */
export const STEPS: Readonly<Record<Scale, readonly Steps[]>> = {
  smoke: stepsOf(32, OTHERS, 'lenet'),
  small: [
    ...stepsOf(BATCH, OTHERS, 'lenet', 'resnet8-narrow'),
    ...stepsOf(BATCH, LAYERED, 'resnet8', 'resnet20', 'resnet32'),
    ...stepsOf(8, LAYERED, 'densenet121'),
  ],
  full: stepsOf(BATCH, OTHERS, 'resnet32', 'resnet110', 'densenet121'),
};

/** Names a setting. */
export function describeSetting({ network, data, steps, batch }: Setting): string {
  return `${networkOf(network).name}, ${data.name} (${data.train} images), ${steps} steps of ${batch}`;
}
