// What the trials of the scale 'small' chose: where an optimiser is missing, the paper's settings.

import type { OptimizerName } from '../optimizers.js';

/** Settings in the place of the paper's. */
export type Chosen = Readonly<
  Partial<Record<OptimizerName, { readonly learningRate: number; readonly damping?: number }>>
>;

export const CHOSEN: Readonly<Record<'lenet' | 'resnet8-narrow', Chosen>> = {
  lenet: {
    sgd: { learningRate: 0.03 },
    adam: { learningRate: 0.003 },
    adamw: { learningRate: 0.003 },
    kfac: { learningRate: 0.03, damping: 0.3 },
    eva: { learningRate: 0.03, damping: 0.3 },
  },
  'resnet8-narrow': {
    sgd: { learningRate: 0.3 },
    adam: { learningRate: 0.01 },
    adamw: { learningRate: 0.01 },
    kfac: { learningRate: 0.1, damping: 0.03 },
    eva: { learningRate: 0.03, damping: 0.03 },
    foof: { learningRate: 0.1, damping: 0.1 },
    'nysact-g': { learningRate: 0.1, damping: 0.1 },
    'nysact-s': { learningRate: 0.1, damping: 0.1 },
  },
};
