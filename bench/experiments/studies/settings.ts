// What is trained at each scale, all but the optimiser and the seed.

import type { Configuration, DataChoice } from '../engine/configuration.js';
import { networkOf } from '../models/index.js';
import { type OptimizerName, optimizers, PAPER_ORDER, type Settings } from '../optimizers.js';
import { CHOSEN, type Chosen } from './chosen.js';
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
  /** What `tuning` chose (default: all take the paper's settings). */
  readonly chosen?: Chosen;
}

/** The paper's, and what this library adds. */
const ALL: readonly OptimizerName[] = [...PAPER_ORDER, 'nysact-tracking', 'nysact-published'];

const PUBLISHED: readonly Contest[] = (['cifar10', 'cifar100'] as const).flatMap((name) =>
  ['resnet32', 'resnet110', 'densenet121'].flatMap((network) =>
    [100, 200].map((count) => ({ setting: published(network, whole(name), count), names: ALL })),
  ),
);

const SMOKE: readonly Contest[] = [{ setting: smoke, names: ALL }];

/** A network of the scale 'small', for six epochs or longer. */
function contest(
  network: keyof typeof CHOSEN,
  names: readonly OptimizerName[],
  budget: Partial<Setting> = {},
): Contest {
  return { setting: { ...small, network, ...budget }, names, chosen: CHOSEN[network] };
}

const LONG: Partial<Setting> = { steps: 4 * small.steps, validations: 24 };

/** Table III and figure 2: at 'small', the one has the short budget and the other the long one. */
export const ACCURACY: Readonly<
  Record<Scale, Readonly<Record<'table3' | 'figure2', readonly Contest[]>>>
> = {
  smoke: { table3: SMOKE, figure2: SMOKE },
  small: {
    table3: [contest('lenet', ALL), contest('resnet8-narrow', PAPER_ORDER)],
    figure2: [
      contest('lenet', ['sgd', 'adam', 'kfac', 'foof', 'nysact-g', 'nysact-s'], LONG),
      contest('resnet8-narrow', ['sgd', 'adam', 'nysact-g'], LONG),
    ],
  },
  full: { table3: PUBLISHED, figure2: PUBLISHED },
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
  /** Turns that are made at least (default: as many as a cycle of refreshes has). */
  readonly turns?: number;
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
    ...stepsOf(BATCH, LAYERED, 'resnet8'),
    // A turn of all takes minutes.
    ...[
      ...stepsOf(BATCH, LAYERED, 'resnet20', 'resnet32'),
      ...stepsOf(8, LAYERED, 'densenet121'),
    ].map((steps) => ({ ...steps, turns: 4 })),
  ],
  full: stepsOf(BATCH, OTHERS, 'resnet32', 'resnet110', 'densenet121'),
};

/** The options of an optimiser in a contest. */
export function optionsIn({ chosen }: Contest, name: OptimizerName): Settings {
  return { ...optimizers[name].paper.cifar, ...chosen?.[name] };
}

/** Names a setting. */
export function describeSetting({ network, data, steps, batch }: Setting): string {
  return `${networkOf(network).name}, ${data.name} (${data.train} images), ${steps} steps of ${batch}`;
}
