// Shampoo and its one-sided form from a sketch: what preconditions by gradients alone.

import { choice, type OptionsOf, optionList, type SettingsOf } from '../core/options.js';
import type { Method } from '../precondition/method.js';
import { NYSTROM_SHAMPOO_OPTIONS, nystromShampooMethod } from '../precondition/nystrom-shampoo.js';
import { SHAMPOO_OPTIONS, shampooMethod } from '../precondition/shampoo.js';
import { scaleByAdam } from './adam.js';
import { graft } from './graft.js';
import { PRECONDITIONED_OPTIONS, preconditioned } from './preconditioned.js';
import type { Transform } from './transform.js';

/** The option of grafting. */
const GRAFT = optionList({
  /**
   * Whose steps those of a layer are as long as: 'none' (default) for its own, 'sgd' for those of its gradient, or
   * 'adam' for Adam's.
   */
  graft: choice('none', 'sgd', 'adam').default('none'),
});

/** The options of {@link shampoo}. */
const SHAMPOO = optionList({
  ...PRECONDITIONED_OPTIONS.entries,
  ...SHAMPOO_OPTIONS.entries,
  ...GRAFT.entries,
});

/** Options of {@link shampoo}. @interface */
export type ShampooOptimizerOptions = OptionsOf<typeof SHAMPOO>;

/** The options of {@link nystromShampoo}. */
const NYSTROM_SHAMPOO = optionList({
  ...PRECONDITIONED_OPTIONS.entries,
  ...NYSTROM_SHAMPOO_OPTIONS.entries,
  ...GRAFT.entries,
});

/** Options of {@link nystromShampoo}. @interface */
export type NystromShampooOptimizerOptions = OptionsOf<typeof NYSTROM_SHAMPOO>;

/**
 * Shampoo: SGD on P = (L + ρI)^(−1/4)·G·(R + ρI)^(−1/4). Any matrix among the parameters will do as a layer. See
 * `shampooMethod`, and {@link graft} for steps as long as those of another optimiser.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function shampoo(options: ShampooOptimizerOptions = {}): Transform {
  const settings = SHAMPOO.read('shampoo', options);
  return byGradients('shampoo', shampooMethod(SHAMPOO_OPTIONS.pick('shampoo', settings)), settings);
}

/**
 * One-sided Nyström Shampoo: SGD on P = G(Â + ρI)^(−1/2) with Â ≈ GᵀG from a sketch. Any matrix among the
 * parameters will do as a layer. See `nystromShampooMethod`, and {@link graft}.
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function nystromShampoo(options: NystromShampooOptimizerOptions = {}): Transform {
  const where = 'nystromShampoo';
  const settings = NYSTROM_SHAMPOO.read(where, options);
  const method = nystromShampooMethod(NYSTROM_SHAMPOO_OPTIONS.pick(where, settings));
  return byGradients(where, method, settings);
}

/** SGD on what the method makes of gradients, grafted or not. */
function byGradients(
  where: string,
  method: Method,
  settings: SettingsOf<typeof PRECONDITIONED_OPTIONS> & SettingsOf<typeof GRAFT>,
): Transform {
  const { klClip } = settings;
  if (settings.graft !== 'none' && klClip !== 'none') {
    throw new RangeError(
      `${where}: klClip is ${klClip} beside graft '${settings.graft}', expected 'none': grafted steps have a size of their own`,
    );
  }
  const grafted = (direction: Transform): Transform => {
    if (settings.graft === 'none') return direction;
    return settings.graft === 'adam' ? graft(direction, scaleByAdam()) : graft(direction);
  };
  return preconditioned(where, method, settings, grafted);
}
