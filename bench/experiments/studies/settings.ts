// What is trained at each scale, all but the optimiser and the seed.

import type { Configuration, DataChoice } from '../engine/configuration.js';
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

const BATCH = 128;

function epochs(count: number, data: DataChoice): Pick<Setting, 'steps' | 'validations'> {
  return { steps: count * Math.floor(data.train / BATCH), validations: count };
}

function published(network: string, data: DataChoice, count: number): Setting {
  return { network, data, batch: BATCH, ...epochs(count, data), augmentation: 'crop and flip' };
}

/** Table III and figure 2, a short budget and a long one. */
export const ACCURACY: Readonly<Record<Scale, readonly Setting[]>> = {
  smoke: [smoke],
  small: [
    small,
    { ...small, steps: 1_872, validations: 24 },
    { ...small, network: 'resnet8-narrow' },
  ],
  full: (['cifar10', 'cifar100'] as const).flatMap((name) =>
    ['resnet32', 'resnet110', 'densenet121'].flatMap((network) =>
      [100, 200].map((count) => published(network, whole(name), count)),
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

/** Table II: the networks, and the size of the batch. */
export const STEPS: Readonly<
  Record<Scale, { readonly networks: readonly string[]; readonly batch: number }>
> = {
  smoke: { networks: ['lenet'], batch: 32 },
  small: { networks: ['lenet', 'resnet8', 'resnet20', 'resnet32'], batch: 128 },
  full: { networks: ['resnet32', 'resnet110', 'densenet121'], batch: 128 },
};

/** Names a setting. */
export function describeSetting({ network, data, steps, batch }: Setting): string {
  return `${network}, ${data.name} (${data.train} images), ${steps} steps of ${batch}`;
}
