// A step that could overflow is refused before it changes anything: what is infinite cannot be taken back.

import type { Backend, Slot } from '../backend/backend.js';
import type { DType } from '../core/dtype.js';
import { DivergenceError } from '../core/errors.js';
import { checkFinite } from '../core/matrix.js';
import { checkRange, HARMLESS } from '../core/range.js';
import {
  checkTransform,
  type ParameterShape,
  type Stage,
  type Step,
  type Transform,
  type TransformContext,
} from './transform.js';

/**
 * The same transform, whose step throws before anything changes where a gradient is not finite, or where
 * the parameters could leave the range of the dtype: finite parameters stay finite. Every stage bounds
 * what it makes of the largest |gradient|, so this costs one pass over the gradients, and one over the
 * parameters where weights decay or a bound is enormous.
 *
 * On backends that cannot look at their matrices without waiting for a device it does nothing: there a
 * refresh finds what is not finite in the averages, and nobody what is not in the parameters.
 *
 * The bounds are conservative.
 *
 * @throws TypeError where `transform` is none; when it is given state, if a stage of the transform
 *   knows no bound.
 */
export function refuseOverflow(transform: Transform): Transform {
  checkTransform('refuseOverflow', 'transform', transform);
  return {
    ...transform,
    init<D extends DType>(context: TransformContext<D>): Stage<D> {
      const { backend, parameters } = context;
      const stage = transform.init(context);
      const bound = stage.bound?.bind(stage);
      if (bound === undefined) {
        throw new TypeError(
          'refuseOverflow: a stage of the transform has no bound, expected one in each',
        );
      }
      const size = backend.bound?.bind(backend);
      if (size === undefined) return stage;
      return {
        ...stage,
        check(step) {
          // Training that diverges is told as that, not as what a layer saw of it.
          const gradients = step.gradients.map((G, index) => {
            const largest = size(G);
            if (!Number.isFinite(largest)) diverged(backend, parameters[index], index, G, step);
            return largest;
          });
          stage.check?.(step);
          const updates = bound(gradients, step);
          updates.forEach((update, index) => {
            // The largest number survives what is below half a unit in its last place; a quarter of that,
            // as bounds are of exact arithmetic.
            if (update <= HARMLESS[backend.dtype] / 4) return;
            const name = `parameters[${index}] with the update made of gradients[${index}]`;
            checkRange('step', name, size(step.parameters[index]) + update, backend.dtype);
          });
        },
      };
    },
  };
}

/** Says which gradient is not finite, and where. */
function diverged<D extends DType>(
  backend: Backend<D>,
  { name }: ParameterShape,
  index: number,
  G: Slot<D>,
  { index: step }: Step<D>,
): never {
  const label = name === undefined ? `gradients[${index}]` : `the gradient of '${name}'`;
  try {
    const content = backend.readSync?.(G);
    if (content !== undefined) checkFinite('step', label, content);
  } catch (cause) {
    throw new DivergenceError(step, cause instanceof Error ? cause.message : label, cause);
  }
  throw new DivergenceError(step, `step: ${label} is too large, or not finite`, undefined);
}
