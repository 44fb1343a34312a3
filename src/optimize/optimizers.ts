// The optimisers of the paper, by name. Each is a chain short enough to read in one breath.

import { nonNegative, type OptionsOf, optionList } from '../core/options.js';
import { EVA_OPTIONS, type EvaOptions, evaMethod } from '../precondition/eva.js';
import { FOOF_OPTIONS, type FoofOptions, foofMethod } from '../precondition/foof.js';
import { KFAC_OPTIONS, type KfacOptions, kfacMethod } from '../precondition/kfac.js';
import { NYSACT_OPTIONS, type NysactOptions, nysactMethod } from '../precondition/nysact.js';
import { SCALE_BY_ADAM, scaleByAdam } from './adam.js';
import { decoupledSteps } from './decoupled-steps.js';
import { descend } from './descend.js';
import { momentumSteps, SGD_OPTIONS } from './momentum-steps.js';
import { PRESET, type PresetOptions, withPreset } from './paper-settings.js';
import { parameterFilter } from './parameter-filter.js';
import {
  PRECONDITIONED_OPTIONS,
  type PreconditionedOptions,
  preconditioned,
} from './preconditioned.js';
import { refuseOverflow } from './refuse-overflow.js';
import { rate } from './schedules.js';
import { chain, type Transform } from './transform.js';
import { addWeightDecay } from './weight-decay.js';

/** The options of {@link sgd}. */
const SGD = optionList({ ...SGD_OPTIONS.entries, ...PRESET.entries });

/** Options of {@link sgd}. @interface */
export type SgdOptions = OptionsOf<typeof SGD>;

/** The options of {@link adam}. */
const ADAM_OPTIONS = optionList({
  /** The learning rate η, a number or a schedule (default 1e-3). */
  learningRate: rate.default(1e-3),
  ...SCALE_BY_ADAM.entries,
  ...PRESET.entries,
  /** The weight decay λ ≥ 0, added to the gradient (default 0). */
  weightDecay: nonNegative.default(0),
  /** Which parameters decay: 'all' (default), 'weights', names, or a function of a parameter. */
  decays: parameterFilter.default('all'),
});

/** Options of {@link adam}. @interface */
export type AdamOptions = OptionsOf<typeof ADAM_OPTIONS>;

/** The options of {@link adamw}. */
const ADAMW_OPTIONS = optionList({
  ...ADAM_OPTIONS.entries,
  /** The weight decay λ ≥ 0, decoupled from the moments (default 0.01). */
  weightDecay: nonNegative.default(0.01),
});

/** Options of {@link adamw}. @interface */
export type AdamwOptions = OptionsOf<typeof ADAMW_OPTIONS>;

const { klClip } = PRECONDITIONED_OPTIONS.entries;

/** The options of {@link nysact}. */
const NYSACT = optionList({
  ...PRECONDITIONED_OPTIONS.entries,
  ...NYSACT_OPTIONS.entries,
  ...PRESET.entries,
});

/** The options of {@link foof}. */
const FOOF = optionList({
  ...PRECONDITIONED_OPTIONS.entries,
  ...FOOF_OPTIONS.entries,
  ...PRESET.entries,
});

/** The options of {@link kfac}. */
const KFAC = optionList({
  ...PRECONDITIONED_OPTIONS.entries,
  ...KFAC_OPTIONS.entries,
  ...PRESET.entries,
  klClip: klClip.default(1e-3),
});

/** The options of {@link eva}. */
const EVA = optionList({
  ...PRECONDITIONED_OPTIONS.entries,
  ...EVA_OPTIONS.entries,
  ...PRESET.entries,
  klClip: klClip.default(1e-3),
});

/** Options of {@link nysact}. */
export interface NysactOptimizerOptions
  extends PreconditionedOptions,
    NysactOptions,
    PresetOptions {}

/** Options of {@link foof}. */
export interface FoofOptimizerOptions extends PreconditionedOptions, FoofOptions, PresetOptions {}

/** Options of {@link kfac}. */
export interface KfacOptimizerOptions extends PreconditionedOptions, KfacOptions, PresetOptions {}

/** Options of {@link eva}. */
export interface EvaOptimizerOptions extends PreconditionedOptions, EvaOptions, PresetOptions {}

/**
 * SGD: d = G + λθ; buf ← m·buf + d; θ ← θ − η·buf.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function sgd(options: SgdOptions = {}): Transform {
  return refuseOverflow(momentumSteps(SGD.read('sgd', withPreset('sgd', SGD, options))));
}

/**
 * Adam, with L2 regularisation added to the gradient. Source: Kingma and Ba 2015.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function adam(options: AdamOptions = {}): Transform {
  const settings = ADAM_OPTIONS.read('adam', withPreset('adam', ADAM_OPTIONS, options));
  const { learningRate, weightDecay, decays } = settings;
  return refuseOverflow(
    chain(
      addWeightDecay(weightDecay, { decays }),
      scaleByAdam(SCALE_BY_ADAM.pick('adam', settings)),
      descend(learningRate),
    ),
  );
}

/**
 * AdamW: Adam with weight decay decoupled from the moments, θ ← θ − η(m̂/(√v̂ + ε) + λθ). Source:
 * Loshchilov and Hutter 2019, Algorithm 2, with the schedule multiplying both terms, as is usual.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function adamw(options: AdamwOptions = {}): Transform {
  const settings = ADAMW_OPTIONS.read('adamw', withPreset('adamw', ADAMW_OPTIONS, options));
  return decoupledSteps(scaleByAdam(SCALE_BY_ADAM.pick('adamw', settings)), settings);
}

/**
 * NysAct: SGD on P = G(Â + ρI)⁻¹. See {@link nysactMethod}.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function nysact(options: NysactOptimizerOptions = {}): Transform {
  const settings = NYSACT.read('nysact', withPreset('nysact', NYSACT, options));
  return preconditioned('nysact', nysactMethod(NYSACT_OPTIONS.pick('nysact', settings)), settings);
}

/**
 * FOOF: SGD on P = G(Ā + ρI)⁻¹. See {@link foofMethod}.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function foof(options: FoofOptimizerOptions = {}): Transform {
  const settings = FOOF.read('foof', withPreset('foof', FOOF, options));
  return preconditioned('foof', foofMethod(FOOF_OPTIONS.pick('foof', settings)), settings);
}

/**
 * KFAC: SGD on the Kronecker-factored natural gradient. See {@link kfacMethod}.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function kfac(options: KfacOptimizerOptions = {}): Transform {
  const settings = KFAC.read('kfac', withPreset('kfac', KFAC, options));
  return preconditioned('kfac', kfacMethod(KFAC_OPTIONS.pick('kfac', settings)), settings);
}

/**
 * Eva: SGD on the rank-one Kronecker-factored gradient. See {@link evaMethod}.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function eva(options: EvaOptimizerOptions = {}): Transform {
  const settings = EVA.read('eva', withPreset('eva', EVA, options));
  return preconditioned('eva', evaMethod(EVA_OPTIONS.pick('eva', settings)), settings);
}
