// Momentum steps along preconditioned gradients: what all that look at layers have in common.

import { choice, type OptionsOf, optionList, positive, type SettingsOf } from '../core/options.js';
import { checkMethod, type Method } from '../precondition/method.js';
import { CADENCE_OPTIONS } from '../precondition/network.js';
import { momentumDirection, SGD_OPTIONS } from './momentum-steps.js';
import { type KlClip, precondition } from './precondition.js';
import { refuseOverflow } from './refuse-overflow.js';
import { REST_OPTIONS, withRest } from './rest.js';
import { chain, type Transform } from './transform.js';

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
