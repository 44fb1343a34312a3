// The figures that the paper prints, to be put beside ours.

import type { OptimizerName } from '../optimizers.js';

/** By optimiser, then in the order of the networks; what the paper leaves out is absent. */
type Printed<Value> = Partial<Readonly<Record<OptimizerName, readonly Value[]>>>;

/** What a figure of the paper is of. */
export interface PaperSetting {
  readonly network: string;
  /** Absent where a figure is not of one data set. */
  readonly data?: string;
  readonly epochs?: number;
}

/** Table II: time and memory over SGD. */
const CIFAR_NETWORKS: readonly string[] = ['resnet32', 'resnet110', 'densenet121'];
const TIMES: Printed<number> = {
  kfac: [2.29, 2.45, 2.18],
  eva: [1.77, 1.71, 1.24],
  foof: [1.52, 1.55, 1.67],
  'nysact-g': [1.33, 1.36, 1.22],
  'nysact-s': [1.4, 1.31, 1.19],
};
const MEMORY: Printed<number> = {
  kfac: [1.05, 1.09, 1.05],
  eva: [1, 1, 1],
  foof: [1.04, 1.06, 1.04],
  'nysact-g': [1, 1, 1],
  'nysact-s': [1, 1, 1],
};

/** Table V: the same in the ImageNet setting. */
const IMAGENET_NETWORKS: readonly string[] = ['resnet50', 'resnet101', 'deit'];
const IMAGENET_TIMES: Printed<number> = {
  kfac: [1.21, 1.25, 1.37],
  eva: [1.02, 1.03, 1.01],
  foof: [1.25, 1.31, 1.11],
  'nysact-s': [1.06, 1.07, 1.03],
};
const IMAGENET_MEMORY: Printed<number> = {
  kfac: [1.02, 1.02, 1.03],
  eva: [1, 1, 1],
  foof: [1.01, 1.02, 1.02],
  'nysact-s': [1, 1, 1],
};

/** Table III: test accuracy in %, mean ± spread, for 100 and for 200 epochs of each network. */
const ACCURACIES: Readonly<Record<string, Printed<string>>> = {
  cifar10: {
    sgd: [
      '92.80 ± 0.21',
      '93.57 ± 0.29',
      '93.30 ± 0.24',
      '94.18 ± 0.43',
      '95.33 ± 0.16',
      '95.58 ± 0.13',
    ],
    adam: [
      '91.59 ± 0.09',
      '92.28 ± 0.14',
      '92.43 ± 0.08',
      '92.90 ± 0.21',
      '93.11 ± 0.19',
      '93.35 ± 0.16',
    ],
    adamw: [
      '90.79 ± 0.16',
      '91.83 ± 0.28',
      '92.33 ± 0.25',
      '93.19 ± 0.19',
      '94.24 ± 0.10',
      '94.56 ± 0.14',
    ],
    kfac: [
      '93.16 ± 0.17',
      '93.78 ± 0.13',
      '94.35 ± 0.13',
      '94.64 ± 0.10',
      '95.23 ± 0.16',
      '95.57 ± 0.07',
    ],
    eva: [
      '93.07 ± 0.16',
      '93.65 ± 0.14',
      '94.18 ± 0.10',
      '94.64 ± 0.09',
      '95.30 ± 0.13',
      '95.69 ± 0.11',
    ],
    foof: [
      '93.61 ± 0.14',
      '94.05 ± 0.17',
      '94.70 ± 0.10',
      '95.09 ± 0.10',
      '95.79 ± 0.04',
      '95.95 ± 0.08',
    ],
    'nysact-g': [
      '93.12 ± 0.11',
      '93.68 ± 0.21',
      '94.48 ± 0.09',
      '94.76 ± 0.12',
      '95.53 ± 0.13',
      '95.74 ± 0.10',
    ],
    'nysact-s': [
      '93.28 ± 0.21',
      '93.79 ± 0.22',
      '94.53 ± 0.17',
      '94.94 ± 0.16',
      '95.60 ± 0.19',
      '95.83 ± 0.08',
    ],
  },
  cifar100: {
    sgd: [
      '70.47 ± 0.38',
      '70.67 ± 0.49',
      '71.44 ± 1.90',
      '72.48 ± 1.36',
      '79.63 ± 0.15',
      '80.32 ± 0.24',
    ],
    adam: [
      '67.16 ± 0.41',
      '67.90 ± 0.55',
      '70.10 ± 0.45',
      '71.22 ± 0.44',
      '73.48 ± 0.41',
      '73.49 ± 0.21',
    ],
    adamw: [
      '65.23 ± 0.16',
      '67.04 ± 1.08',
      '68.88 ± 0.31',
      '70.59 ± 0.37',
      '75.51 ± 0.23',
      '76.30 ± 0.12',
    ],
    kfac: [
      '70.21 ± 0.34',
      '70.91 ± 0.28',
      '73.10 ± 0.41',
      '74.68 ± 0.33',
      '79.79 ± 0.24',
      '80.16 ± 0.10',
    ],
    eva: [
      '70.32 ± 0.31',
      '71.11 ± 0.50',
      '73.55 ± 0.33',
      '74.13 ± 0.34',
      '79.32 ± 0.08',
      '79.89 ± 0.27',
    ],
    foof: [
      '71.21 ± 0.34',
      '71.82 ± 0.23',
      '75.13 ± 0.26',
      '75.91 ± 0.31',
      '80.92 ± 0.28',
      '80.98 ± 0.25',
    ],
    'nysact-g': [
      '70.70 ± 0.18',
      '71.14 ± 0.17',
      '73.94 ± 0.38',
      '74.70 ± 0.19',
      '80.40 ± 0.24',
      '80.70 ± 0.34',
    ],
    'nysact-s': [
      '70.86 ± 0.44',
      '71.12 ± 0.34',
      '73.76 ± 0.45',
      '75.01 ± 0.16',
      '80.33 ± 0.29',
      '80.54 ± 0.17',
    ],
  },
};

/** Table IV: top-1 accuracy in %, for 100 and . */
const IMAGENET_ACCURACIES: Printed<string> = {
  sgd: ['78.05', '79.46', '79.66', '81.34', '69.08', '75.27'],
  adamw: ['76.73', '79.14', '77.76', '80.62', '73.78', '77.96'],
  kfac: ['78.16', '79.34', '79.53', '81.13', '69.84', '×'],
  eva: ['77.71', '79.48', '79.55', '81.06', '69.67', '76.57'],
  foof: ['78.37', '79.69', '79.96', '81.04', '65.37', ''],
  'nysact-s': ['75.47', '', '', '', '70.72', '76.16'],
};

/** Time and memory of an optimiser over SGD on a network of the paper, as tables II and V print them. */
export function printedCost(
  network: string,
  name: OptimizerName,
): { readonly time: number; readonly memory: number } | undefined {
  const tables = [
    { networks: CIFAR_NETWORKS, times: TIMES, memory: MEMORY },
    { networks: IMAGENET_NETWORKS, times: IMAGENET_TIMES, memory: IMAGENET_MEMORY },
  ];
  for (const { networks, times, memory } of tables) {
    const k = networks.indexOf(network);
    const [time, bytes] = [times[name]?.[k], memory[name]?.[k]];
    if (time !== undefined && bytes !== undefined) return { time, memory: bytes };
  }
  return undefined;
}

/** Test accuracy in %, as tables III and IV print it; undefined where they print none. */
export function printedAccuracy(
  { network, data = '', epochs = 0 }: PaperSetting,
  name: OptimizerName,
): string | undefined {
  const isImageNet = IMAGENET_NETWORKS.includes(network);
  const networks = isImageNet ? IMAGENET_NETWORKS : CIFAR_NETWORKS;
  const printed = isImageNet ? IMAGENET_ACCURACIES : ACCURACIES[data];
  const k = networks.indexOf(network);
  const budget = [100, 200].indexOf(epochs);
  if (k < 0 || budget < 0) return undefined;
  return printed?.[name]?.[2 * k + budget] || undefined;
}
