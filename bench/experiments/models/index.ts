// The architectures of the paper, by name: a further one is a line here.

import { bottleneckNetwork } from './bottleneck.js';
import { denselyConnected } from './dense.js';
import { lenet } from './lenet.js';
import type { MakeNetwork } from './network.js';
import { multilayerPerceptron } from './perceptron.js';
import { residualNetwork } from './residual.js';
import { visionTransformer } from './vision-transformer.js';

/** One architecture. */
export interface Architecture {
  readonly name: string;
  readonly make: MakeNetwork;
  /** Pixels a side of what it is meant for, and the classes of the weights that were counted. */
  readonly side: number;
  readonly classes: number;
  /** Colours of a pixel (default 3). */
  readonly channels?: number;
  /** Weights that are trained, as they were published. */
  readonly published: number;
  /** Where ours are more or fewer: how many more, and why. */
  readonly differs?: { readonly by: number; readonly why: string };
  /** What the paper says that there are, in millions, where it trains it; why that is not what they are. */
  readonly paper?: { readonly millions: number; readonly note?: string };
}

const SHORTCUTS = {
  by: 2752,
  why: 'two shortcuts are convolutions of 1×1 with batch norm instead of padding',
};

export const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  lenet: {
    name: 'LeNet-5',
    make: lenet,
    side: 28,
    channels: 1,
    classes: 10,
    published: 61_706,
  },
  resnet8: {
    name: 'ResNet-8',
    make: residualNetwork(1),
    side: 32,
    classes: 10,
    published: 75_290,
    differs: SHORTCUTS,
  },
  resnet20: {
    name: 'ResNet-20',
    make: residualNetwork(3),
    side: 32,
    classes: 10,
    published: 269_722,
    differs: SHORTCUTS,
  },
  resnet32: {
    name: 'ResNet-32',
    make: residualNetwork(5),
    side: 32,
    classes: 10,
    published: 464_154,
    differs: SHORTCUTS,
    paper: { millions: 0.5 },
  },
  resnet110: {
    name: 'ResNet-110',
    make: residualNetwork(18),
    side: 32,
    classes: 10,
    published: 1_727_962,
    differs: SHORTCUTS,
    paper: { millions: 2, note: '1.7 million, rounded up' },
  },
  densenet121: {
    name: 'DenseNet-121',
    make: denselyConnected([6, 12, 24, 16]),
    side: 32,
    classes: 10,
    published: 6_956_298,
    paper: { millions: 8, note: 'that of the form for ImageNet, with a thousand classes' },
  },
  resnet50: {
    name: 'ResNet-50',
    make: bottleneckNetwork([3, 4, 6, 3]),
    side: 224,
    classes: 1000,
    published: 25_557_032,
    paper: { millions: 27, note: 'published as 25.6 million' },
  },
  resnet101: {
    name: 'ResNet-101',
    make: bottleneckNetwork([3, 4, 23, 3]),
    side: 224,
    classes: 1000,
    published: 44_549_160,
    paper: { millions: 45 },
  },
  deit: {
    name: 'DeiT-S',
    make: visionTransformer({ width: 384, heads: 6, blocks: 12, patch: 16 }),
    side: 224,
    classes: 1000,
    published: 22_050_664,
    paper: { millions: 22 },
  },
};

/** Networks that are nobody's: for what has to be quick. */
const OWN: Readonly<Record<string, Pick<Architecture, 'name' | 'make'>>> = {
  mlp: { name: 'MLP 256-128', make: multilayerPerceptron([256, 128]) },
  'transformer-tiny': {
    name: 'vision transformer of width 16',
    make: visionTransformer({ width: 16, heads: 2, blocks: 2, patch: 4 }),
  },
  'resnet8-narrow': { name: 'ResNet-8 of width 8', make: residualNetwork(1, 8) },
};

/**
 * What can be trained, by the name that configurations call it.
 *
 * @throws RangeError where there is none of that name.
 */
export function networkOf(name: string): Pick<Architecture, 'name' | 'make'> {
  const known = { ...OWN, ...ARCHITECTURES };
  if (Object.hasOwn(known, name)) return known[name];
  throw new RangeError(
    `networkOf: there is no network '${name}', expected one of ${Object.keys(known).join(', ')}`,
  );
}
