// Momentum as a link.

import { ofParameters } from '../backend/state.js';
import { checkFraction, checkNonNegative } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { flag, optionList } from '../core/options.js';
import { HeldBounds } from './held-bounds.js';
import { type Stage, type Transform, type TransformContext, writable } from './transform.js';

const MOMENTUM_OPTIONS = /* @__PURE__ */ optionList({
  nesterov: /* @__PURE__ */ flag.default(false),
});

/**
 * Momentum: buf ← m·buf + u; u ← buf, or with Nesterov's variant u ← u + m·buf.
 *
 * @throws RangeError unless `momentum` is in [0, 1); when it is given state, where it would become 0 in the
 *   dtype.
 */
export function momentum(
  decay: number,
  options: {
    /** Nesterov's variant of momentum (default false). */
    readonly nesterov?: boolean;
  } = {},
): Transform {
  checkFraction('momentum', 'momentum', decay);
  const { nesterov } = MOMENTUM_OPTIONS.read('momentum', options);
  return {
    description: { momentum: decay, nesterov },
    init<D extends DType>({ backend, parameters }: TransformContext<D>): Stage<D> {
      checkNonNegative('momentum', 'momentum', decay, backend.dtype);
      const buffers = parameters.map(({ rows, cols }) => backend.allocate(rows, cols));
      const held = new HeldBounds(parameters.length, (index) => backend.bound?.(buffers[index]));
      return {
        state: ofParameters('buffer', buffers),
        bound: (updates) =>
          updates.map((size, index) => {
            const buffer = decay * held.at(index) + size;
            held.propose(index, buffer);
            return nesterov ? decay * buffer + size : buffer;
          }),
        update(updates, step) {
          held.accept();
          updates.forEach((u, index) => {
            backend.axpby(1, u, decay, buffers[index]);
          });
          if (!nesterov) return buffers;
          const next = writable(backend, updates, step);
          next.forEach((u, index) => {
            backend.axpby(decay, buffers[index], 1, u);
          });
          return next;
        },
        restored: () => held.forget(),
      };
    },
  };
}
