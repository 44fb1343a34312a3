// The optimisers by name. Each is a chain short enough to read in one breath.

import {
  choice,
  nonNegative,
  type OptionsOf,
  optionList,
  positive,
  type SettingsOf,
} from '../core/options.js';
import { EKFAC_OPTIONS, type EkfacOptions, ekfacMethod } from '../precondition/ekfac.js';
import { EVA_OPTIONS, type EvaOptions, evaMethod } from '../precondition/eva.js';
import { FOOF_OPTIONS, type FoofOptions, foofMethod } from '../precondition/foof.js';
import { KFAC_OPTIONS, type KfacOptions, kfacMethod } from '../precondition/kfac.js';
import { checkMethod, type Method } from '../precondition/method.js';
import { CADENCE_OPTIONS } from '../precondition/network.js';
import { NYSACT_OPTIONS, type NysactOptions, nysactMethod } from '../precondition/nysact.js';
import { SKFAC_OPTIONS, type SkfacOptions, skfacMethod } from '../precondition/skfac.js';
import { SCALE_BY_ADAHESSIAN, scaleByAdahessian } from './adahessian.js';
import { SCALE_BY_ADAM, scaleByAdam } from './adam.js';
import { descend } from './descend.js';
import { SCALE_BY_MFAC, scaleByMfac } from './mfac.js';
import { momentumDirection, SGD_OPTIONS } from './momentum-steps.js';
import { PRESET, type PresetOptions, withPreset } from './paper-settings.js';
import { parameterFilter } from './parameter-filter.js';
import { type KlClip, precondition } from './precondition.js';
import { refuseOverflow } from './refuse-overflow.js';
import { REST_OPTIONS, withRest } from './rest.js';
import { rate } from './schedules.js';
import { SKETCHED_HESSIAN, scaleBySketchedHessian } from './sketchy-sgd.js';
import { SCALE_BY_SOAP, scaleBySoap } from './soap.js';
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

/** The options of {@link soap}. */
const SOAP_OPTIONS = optionList({
  /** The learning rate η, a number or a schedule (default 3e-3). */
  learningRate: rate.default(3e-3),
  ...SCALE_BY_SOAP.entries,
  /** The weight decay λ ≥ 0, decoupled from the moments (default 0.01). */
  weightDecay: nonNegative.default(0.01),
  /** Which parameters decay: 'all' (default), 'weights', names, or a function of a parameter. */
  decays: parameterFilter.default('all'),
});

/** The options of {@link adahessian}. */
const ADAHESSIAN = optionList({
  /** The learning rate η, a number or a schedule (default 0.15). */
  learningRate: rate.default(0.15),
  ...SCALE_BY_ADAHESSIAN.entries,
  /** The weight decay λ ≥ 0, decoupled from the moments (default 0). */
  weightDecay: nonNegative.default(0),
  /** Which parameters decay: 'all' (default), 'weights', names, or a function of a parameter. */
  decays: parameterFilter.default('all'),
});

/** Options of {@link soap}. @interface */
export type SoapOptions = OptionsOf<typeof SOAP_OPTIONS>;

/** The options of {@link mfac}. */
const MFAC_OPTIONS = optionList({
  ...SGD_OPTIONS.entries,
  /** The learning rate η, a number or a schedule (default 1e-3). */
  learningRate: rate.default(1e-3),
  ...SCALE_BY_MFAC.entries,
});

/** Options of {@link mfac}. @interface */
export type MfacOptions = OptionsOf<typeof MFAC_OPTIONS>;

/** Options of {@link adahessian}. @interface */
export type AdahessianOptions = OptionsOf<typeof ADAHESSIAN>;

/** The options of {@link sketchySgd}. */
const SKETCHY_SGD = optionList({ ...SGD_OPTIONS.entries, ...SKETCHED_HESSIAN.entries });

/** Options of {@link sketchySgd}. @interface */
export type SketchySgdOptions = OptionsOf<typeof SKETCHY_SGD>;

/** The options of momentum steps along preconditioned gradients. */
export const LAYERED_OPTIONS = optionList({
  ...SGD_OPTIONS.entries,
  ...CADENCE_OPTIONS.entries,
  /** The limit κ of the KL clip, or 'none' (default: 1e-3 for KFAC, EKFAC, SKFAC and Eva, else 'none'). */
  klClip: positive.or(choice('none')).default('none'),
});

/** Options of momentum steps along preconditioned gradients. @interface */
export type LayeredOptions = OptionsOf<typeof LAYERED_OPTIONS>;

/** The options that a preconditioned optimiser has beside those of its method. */
export const PRECONDITIONED_OPTIONS = optionList({
  ...LAYERED_OPTIONS.entries,
  ...REST_OPTIONS.entries,
});

/** Options that a preconditioned optimiser has beside those of its method. @interface */
export type PreconditionedOptions = OptionsOf<typeof PRECONDITIONED_OPTIONS>;

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

/** The options of {@link ekfac}. */
const EKFAC = optionList({
  ...PRECONDITIONED_OPTIONS.entries,
  ...EKFAC_OPTIONS.entries,
  klClip: klClip.default(1e-3),
});

/** The options of {@link skfac}. */
const SKFAC = optionList({
  ...PRECONDITIONED_OPTIONS.entries,
  ...SKFAC_OPTIONS.entries,
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

/** Options of {@link ekfac}. */
export interface EkfacOptimizerOptions extends PreconditionedOptions, EkfacOptions {}

/** Options of {@link skfac}. */
export interface SkfacOptimizerOptions extends PreconditionedOptions, SkfacOptions {}

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
  const { learningRate, weightDecay, decays } = settings;
  return refuseOverflow(
    chain(
      scaleByAdam(SCALE_BY_ADAM.pick('adamw', settings)),
      addWeightDecay(weightDecay, { decays }),
      descend(learningRate),
    ),
  );
}

/**
 * SOAP: Adam in the eigenbases of Shampoo's factors, with decoupled weight decay. See {@link scaleBySoap}.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function soap(options: SoapOptions = {}): Transform {
  const settings = SOAP_OPTIONS.read('soap', options);
  const { learningRate, weightDecay, decays } = settings;
  return refuseOverflow(
    chain(
      scaleBySoap(SCALE_BY_SOAP.pick('soap', settings)),
      addWeightDecay(weightDecay, { decays }),
      descend(learningRate),
    ),
  );
}

/**
 * AdaHessian: θ ← θ − η(m̂/(v̂^(k/2) + ε) + λθ), v̂ the mean square of the diagonal of the Hessian. Its steps
 * use curvature. See {@link scaleByAdahessian}. Source: Yao et al. 2021.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function adahessian(options: AdahessianOptions = {}): Transform {
  const settings = ADAHESSIAN.read('adahessian', options);
  const { learningRate, weightDecay, decays } = settings;
  return refuseOverflow(
    chain(
      scaleByAdahessian(SCALE_BY_ADAHESSIAN.pick('adahessian', settings)),
      addWeightDecay(weightDecay, { decays }),
      descend(learningRate),
    ),
  );
}

/**
 * M-FAC: SGD on F⁻¹g, with the empirical Fisher matrix of the last gradients. See {@link scaleByMfac}.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function mfac(options: MfacOptions = {}): Transform {
  const settings = MFAC_OPTIONS.read('mfac', options);
  const direction = scaleByMfac(SCALE_BY_MFAC.pick('mfac', settings));
  return refuseOverflow(chain(direction, momentumSteps(settings)));
}

/**
 * SketchySGD: SGD on (Ĥ + ρI)⁻¹∇, with Ĥ the Nyström approximation of the Hessian. Its refreshes use
 * curvature. See {@link scaleBySketchedHessian}. Source: Frangella et al. 2022.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function sketchySgd(options: SketchySgdOptions = {}): Transform {
  const settings = SKETCHY_SGD.read('sketchySgd', options);
  return refuseOverflow(
    chain(
      scaleBySketchedHessian(SKETCHED_HESSIAN.pick('sketchySgd', settings)),
      momentumDirection(settings),
      descend(settings.learningRate),
    ),
  );
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

/**
 * EKFAC: SGD on the gradient with KFAC's eigenbases and second moments of its own. See
 * {@link ekfacMethod}.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function ekfac(options: EkfacOptimizerOptions = {}): Transform {
  const settings = EKFAC.read('ekfac', options);
  return preconditioned('ekfac', ekfacMethod(EKFAC_OPTIONS.pick('ekfac', settings)), settings);
}

/**
 * SKFAC: SGD on KFAC's gradient with the factors of the last batch alone. See {@link skfacMethod}.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function skfac(options: SkfacOptimizerOptions = {}): Transform {
  const settings = SKFAC.read('skfac', options);
  return preconditioned('skfac', skfacMethod(SKFAC_OPTIONS.pick('skfac', settings)), settings);
}

/**
 * d = P + λθ; buf ← m·buf + d; θ ← θ − η·buf, with P the preconditioned and clipped gradient: an
 * optimiser of any method.
 *
 * @throws RangeError or TypeError on a bad option, TypeError where `method` is none.
 */
export function preconditionedBy(method: Method, options: PreconditionedOptions = {}): Transform {
  checkMethod('preconditionedBy', method);
  const where = 'preconditionedBy';
  return preconditioned(where, method, PRECONDITIONED_OPTIONS.read(where, options));
}

/**
 * Momentum steps along what `method` makes of the gradients of layers, or what `turned` makes of that link, and the
 * rest beside them.
 */
export function preconditioned(
  where: string,
  method: Method,
  settings: SettingsOf<typeof PRECONDITIONED_OPTIONS>,
  turned: (direction: Transform) => Transform = (direction) => direction,
): Transform {
  const { observeEvery, refreshEvery } = settings;
  const clip: KlClip | undefined =
    settings.klClip === 'none' ? undefined : { limit: settings.klClip };
  const layered = chain(
    turned(precondition(method, { observeEvery, refreshEvery, klClip: clip })),
    momentumDirection(settings),
  );
  return refuseOverflow(withRest(where, layered, settings));
}

function momentumSteps(settings: SettingsOf<typeof SGD_OPTIONS>): Transform {
  return chain(momentumDirection(settings), descend(settings.learningRate));
}
