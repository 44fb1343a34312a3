// Weight decay as a link.

import { checkNonNegative } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { guarded, type OptionsOf, optionList } from '../core/options.js';
import type { ParameterShape, Stage, Transform, TransformContext } from './transform.js';

/** Which parameters decay. */
export type DecayFilter = (parameter: ParameterShape, index: number) => boolean;

/** An option that says which parameters decay. */
export const decayFilter = /* @__PURE__ */ guarded(
  'a function of a parameter',
  (value): value is DecayFilter => typeof value === 'function',
);

const DECAY_OPTIONS = /* @__PURE__ */ optionList({
  /** Which parameters decay (default: all), by shape, name and index. */
  decays: decayFilter,
});

/** Options of {@link addWeightDecay}. @interface */
export type WeightDecayOptions = OptionsOf<typeof DECAY_OPTIONS>;

/**
 * u ← u + λθ, for the parameters that `decays` picks (default: all). Before `momentum` or
 * `scaleByAdam` this is L2 regularisation (coupled weight decay); after `scaleByAdam` it is
 * AdamW's decoupled weight decay.
 *
 * @throws RangeError unless `weightDecay` is finite and ≥ 0, and TypeError unless `decays` is a function.
 */
export function addWeightDecay(weightDecay: number, options: WeightDecayOptions = {}): Transform {
  checkNonNegative('addWeightDecay', 'weightDecay', weightDecay);
  const { decays } = DECAY_OPTIONS.read('addWeightDecay', options);
  return {
    description: { weightDecay, ...(decays === undefined ? {} : { decays: 'a function' }) },
    init<D extends DType>({ backend, parameters }: TransformContext<D>): Stage<D> {
      checkNonNegative('addWeightDecay', 'weightDecay', weightDecay, backend.dtype);
      const decaying = parameters.map(
        (parameter, index) => weightDecay !== 0 && (decays?.(parameter, index) ?? true),
      );
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
