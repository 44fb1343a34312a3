// The settings of the NysAct paper, by optimiser, and options that start from them.

import {
  choice,
  type Entries,
  type OptionList,
  type OptionsOf,
  optionList,
} from '../core/options.js';

/**
 * The paper's settings for CIFAR (Table VI): `nysact({ ...paperSettings.nysact, learningRate: 0.05 })`.
 * Its learning rates go with cosine annealing over 200 epochs of batches of 128.
 */
export const paperSettings = {
  sgd: { learningRate: 0.1, momentum: 0.9, weightDecay: 5e-4 },
  adam: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 5e-4 },
  adamw: { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05 },
  kfac: { ...preconditioned(), damping: 0.03 },
  eva: { ...preconditioned(), damping: 0.03 },
  foof: { ...preconditioned(), damping: 1 },
  nysact: { ...preconditioned(), damping: 1, rank: 10 },
} as const;

/** What all preconditioned optimisers share there. */
function preconditioned() {
  return {
    learningRate: 0.1,
    momentum: 0.9,
    weightDecay: 5e-4,
    decay: 0.95,
    observeEvery: 5,
    refreshEvery: 50,
    rest: 'sgd',
  } as const;
}

/** The option that names a preset. */
export const PRESET = optionList({
  /** Settings to start from: 'paper' are the paper's for CIFAR; what is given beside it counts more. */
  preset: choice('paper'),
});

/** Options that may start from a preset. @interface */
export type PresetOptions = OptionsOf<typeof PRESET>;

/**
 * `options` over the preset that they name, for the optimiser of that name.
 *
 * @throws TypeError or RangeError where an option is unknown, of another type or out of range.
 */
export function withPreset<E extends Entries>(
  name: keyof typeof paperSettings,
  list: OptionList<E>,
  options: OptionsOf<OptionList<E>>,
): OptionsOf<OptionList<E>> {
  const given = list.load(name, options);
  return 'preset' in given ? { ...paperSettings[name], ...given } : given;
}
