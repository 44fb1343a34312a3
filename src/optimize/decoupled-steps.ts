// Steps whose weight decay is beside the direction, as in AdamW.

import type { SettingsOf } from '../core/options.js';
import { descend } from './descend.js';
import type { SGD_OPTIONS } from './momentum-steps.js';
import { refuseOverflow } from './refuse-overflow.js';
import { chain, type Transform } from './transform.js';
import { addWeightDecay } from './weight-decay.js';

/** θ ← θ − η(u + λθ), with u what `direction` makes of the gradient. */
export function decoupledSteps(
  direction: Transform,
  {
    learningRate,
    weightDecay,
    decays,
  }: Pick<SettingsOf<typeof SGD_OPTIONS>, 'learningRate' | 'weightDecay' | 'decays'>,
): Transform {
  return refuseOverflow(
    chain(direction, addWeightDecay(weightDecay, { decays }), descend(learningRate)),
  );
}
