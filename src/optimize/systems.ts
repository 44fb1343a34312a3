// Systems of other authors, by name, as chains.

import { nonNegative, type OptionsOf, optionList } from '../core/options.js';
import { EKFAC_OPTIONS, type EkfacOptions, ekfacMethod } from '../precondition/ekfac.js';
import { SKFAC_OPTIONS, type SkfacOptions, skfacMethod } from '../precondition/skfac.js';
import { SCALE_BY_ADAHESSIAN, scaleByAdahessian } from './adahessian.js';
import { decoupledSteps } from './decoupled-steps.js';
import { descend } from './descend.js';
import { SCALE_BY_MFAC, scaleByMfac } from './mfac.js';
import { momentumDirection, momentumSteps, SGD_OPTIONS } from './momentum-steps.js';
import { parameterFilter } from './parameter-filter.js';
import {
  PRECONDITIONED_OPTIONS,
  type PreconditionedOptions,
  preconditioned,
} from './preconditioned.js';
import { refuseOverflow } from './refuse-overflow.js';
import { rate } from './schedules.js';
import { SKETCHED_HESSIAN, scaleBySketchedHessian } from './sketchy-sgd.js';
import { SCALE_BY_SOAP, scaleBySoap } from './soap.js';
import { chain, type Transform } from './transform.js';

const { klClip } = PRECONDITIONED_OPTIONS.entries;

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

/** Options of {@link soap}. @interface */
export type SoapOptions = OptionsOf<typeof SOAP_OPTIONS>;

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

/** Options of {@link adahessian}. @interface */
export type AdahessianOptions = OptionsOf<typeof ADAHESSIAN>;

/** The options of {@link mfac}. */
const MFAC_OPTIONS = optionList({
  ...SGD_OPTIONS.entries,
  /** The learning rate η, a number or a schedule (default 1e-3). */
  learningRate: rate.default(1e-3),
  ...SCALE_BY_MFAC.entries,
});

/** Options of {@link mfac}. @interface */
export type MfacOptions = OptionsOf<typeof MFAC_OPTIONS>;

/** The options of {@link sketchySgd}. */
const SKETCHY_SGD = optionList({ ...SGD_OPTIONS.entries, ...SKETCHED_HESSIAN.entries });

/** Options of {@link sketchySgd}. @interface */
export type SketchySgdOptions = OptionsOf<typeof SKETCHY_SGD>;

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

/** Options of {@link ekfac}. */
export interface EkfacOptimizerOptions extends PreconditionedOptions, EkfacOptions {}

/** Options of {@link skfac}. */
export interface SkfacOptimizerOptions extends PreconditionedOptions, SkfacOptions {}

/**
 * SOAP: Adam in the eigenbases of Shampoo's factors, with decoupled weight decay. See {@link scaleBySoap}.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function soap(options: SoapOptions = {}): Transform {
  const settings = SOAP_OPTIONS.read('soap', options);
  return decoupledSteps(scaleBySoap(SCALE_BY_SOAP.pick('soap', settings)), settings);
}

/**
 * AdaHessian: θ ← θ − η(m̂/(v̂^(k/2) + ε) + λθ), v̂ the mean square of the diagonal of the Hessian. Its steps
 * use curvature. See {@link scaleByAdahessian}. Source: Yao et al. 2021.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function adahessian(options: AdahessianOptions = {}): Transform {
  const settings = ADAHESSIAN.read('adahessian', options);
  return decoupledSteps(
    scaleByAdahessian(SCALE_BY_ADAHESSIAN.pick('adahessian', settings)),
    settings,
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
