// Clipping by the norm of all updates together, as a link.

import { checkPositive } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { checkRange } from '../core/range.js';
import { type Stage, type Transform, type TransformContext, writable } from './transform.js';

/**
 * u ← u·min(1, maxNorm/‖u‖), ‖u‖ over all parameters together.
 *
 * ‖u‖² is summed in the dtype: where it overflows, u becomes 0, which `refuseOverflow` refuses.
 *
 * @throws RangeError unless `maxNorm` is finite and > 0, and its square too in the dtype; under
 *   `refuseOverflow` the step throws it where ‖u‖² could overflow.
 */
export function clipByGlobalNorm(maxNorm: number): Transform {
  checkPositive('clipByGlobalNorm', 'maxNorm', maxNorm);
  const limit = maxNorm ** 2;
  checkPositive('clipByGlobalNorm', 'the square of maxNorm', limit);
  return {
    description: { maxNorm },
    init<D extends DType>({ backend, parameters }: TransformContext<D>): Stage<D> {
      checkPositive('clipByGlobalNorm', 'the square of maxNorm', limit, backend.dtype);
      const sum = backend.allocate(1, 1);
      return {
        state: [],
        workspace: [sum],
        bound(updates) {
          const square = updates.reduce((total, size, index) => {
            const { rows, cols } = parameters[index];
            return total + rows * cols * size ** 2;
          }, 0);
          const name = 'the squared norm of the gradients';
          checkRange('clipByGlobalNorm', name, square, backend.dtype);
          return updates.map((size) => Math.min(size, maxNorm));
        },
        update(updates, step) {
          const next = writable(backend, updates, step);
          next.forEach((u, index) => {
            backend.dot(1, u, u, index === 0 ? 0 : 1, sum);
          });
          for (const u of next) backend.clip(sum, limit, u);
          return next;
        },
      };
    },
  };
}
