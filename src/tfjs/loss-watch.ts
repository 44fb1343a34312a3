// Divergence on a device, where looking at a number would wait for all that is under way.

import type { Scalar } from '@tensorflow/tfjs';
import { DivergenceError } from '../core/errors.js';
import type { TensorFlowCore } from './tensorflow.js';

/** Looks at losses when they arrive, and tells of the first that is not finite. */
export class LossWatch {
  #found: DivergenceError | undefined;

  /** `loss` is that of `step`; it stays the caller's. */
  add(tf: TensorFlowCore, loss: Scalar, step: number): void {
    const own = tf.keep(tf.clone(loss));
    own
      .data()
      .then(
        ([value]) => {
          if (Number.isFinite(value)) return;
          this.#found ??= new DivergenceError(step, `the loss is ${value}`, undefined);
        },
        // The device is gone: its own error comes at the next call.
        () => {},
      )
      .finally(() => own.dispose());
  }

  /**
   * Says once what was found since the last time.
   *
   * @throws DivergenceError where a loss was not finite.
   */
  check(): void {
    const found = this.#found;
    this.#found = undefined;
    if (found !== undefined) throw found;
  }
}
