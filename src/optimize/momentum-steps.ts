// Steps of SGD: decayed weights and momentum.

import { flag, fraction, nonNegative, optionList, type SettingsOf } from '../core/options.js';
import { descend } from './descend.js';
import { momentum } from './momentum.js';
import { parameterFilter } from './parameter-filter.js';
import { rate } from './schedules.js';
import { chain, type Transform } from './transform.js';
import { addWeightDecay } from './weight-decay.js';

/** The options of SGD, which every preconditioned optimiser shares. */
export const SGD_OPTIONS = optionList({
  /** The learning rate η, a number or a schedule (default 0.1). */
  learningRate: rate.default(0.1),
  /** The momentum, in [0, 1) (default 0). */
  momentum: fraction.default(0),
  /** Nesterov's variant of momentum (default false). */
  nesterov: flag.default(false),
  /** The weight decay λ ≥ 0 of u ← u + λθ before momentum (default 0). */
  weightDecay: nonNegative.default(0),
  /** Which parameters decay: 'all' (default), 'weights', names, or a function of a parameter. */
  decays: parameterFilter.default('all'),
});

/** d = u + λθ; buf ← m·buf + d; u ← buf: all of SGD but the step. */
export function momentumDirection(settings: SettingsOf<typeof SGD_OPTIONS>): Transform {
  const { momentum: decay, nesterov, weightDecay, decays } = settings;
  return chain(
    addWeightDecay(weightDecay, { decays }),
    // Without momentum there is nothing to keep.
    ...(decay === 0 ? [] : [momentum(decay, { nesterov })]),
  );
}

/** d = u + λθ; buf ← m·buf + d; θ ← θ − η·buf. */
export function momentumSteps(settings: SettingsOf<typeof SGD_OPTIONS>): Transform {
  return chain(momentumDirection(settings), descend(settings.learningRate));
}
