// Weight decay as a link.

import { checkNonNegative } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { type OptionsOf, optionList } from '../core/options.js';
import { filterWords, parameterFilter, taken } from './parameter-filter.js';
import type { Stage, Transform, TransformContext } from './transform.js';

const DECAY_OPTIONS = /* @__PURE__ */ optionList({
  /** Which parameters decay (default 'all'). */
  decays: /* @__PURE__ */ parameterFilter.default('all'),
});

/** Options of {@link addWeightDecay}. @interface */
export type WeightDecayOptions = OptionsOf<typeof DECAY_OPTIONS>;

/**
 * u ← u + λθ, for the parameters that `decays` takes (default 'all'). Before `momentum` or
 * `scaleByAdam` this is L2 regularisation (coupled weight decay); after `scaleByAdam` it is
 * AdamW's decoupled weight decay.
 *
 * @throws RangeError unless `weightDecay` is finite and ≥ 0, and when it is given state, where `decays` names
 *   what is no parameter; TypeError where `decays` is no filter of parameters.
 */
export function addWeightDecay(weightDecay: number, options: WeightDecayOptions = {}): Transform {
  checkNonNegative('addWeightDecay', 'weightDecay', weightDecay);
  const { decays } = DECAY_OPTIONS.read('addWeightDecay', options);
  return {
    description: { weightDecay, ...(decays === 'all' ? {} : { decays: filterWords(decays) }) },
    init<D extends DType>(context: TransformContext<D>): Stage<D> {
      const { backend } = context;
      checkNonNegative('addWeightDecay', 'weightDecay', weightDecay, backend.dtype);
      const takes = taken('addWeightDecay', 'decays', decays, context);
      const decaying = takes.map((takesIt) => takesIt && weightDecay !== 0);
      return {
        state: [],
        bound: (updates, step) =>
          updates.map((size, index) => {
            if (!decaying[index]) return size;
            return size + weightDecay * (backend.bound?.(step.parameters[index]) ?? 0);
          }),
        update(updates, step) {
          return updates.map((u, index) => {
            if (!decaying[index]) return u;
            const next = step.gradients[index];
            if (u !== next) backend.axpby(1, u, 0, next);
            backend.axpby(weightDecay, step.parameters[index], 1, next);
            return next;
          });
        },
      };
    },
  };
}
