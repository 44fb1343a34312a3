// A constant factor as a link.

import { checkNonNegative } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { type Stage, type Transform, type TransformContext, writable } from './transform.js';

/**
 * u ← factor·u, for a group of parameters whose learning rate is to be in proportion to that of others.
 *
 * @throws RangeError unless `factor` is finite and ≥ 0, also in the dtype when it is given state.
 */
export function scaleBy(factor: number): Transform {
  checkNonNegative('scaleBy', 'factor', factor);
  return {
    description: { factor },
    init<D extends DType>({ backend }: TransformContext<D>): Stage<D> {
      checkNonNegative('scaleBy', 'factor', factor, backend.dtype);
      return {
        state: [],
        bound: (updates) => updates.map((size) => factor * size),
        update(updates, step) {
          const next = writable(backend, updates, step);
          for (const u of next) backend.axpby(factor, u, 0, u);
          return next;
        },
      };
    },
  };
}
