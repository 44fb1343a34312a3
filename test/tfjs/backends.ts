// The TensorFlow.js backends that run in Node, for the tests of its host.

import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe } from 'vitest';

export { tf };

/** Declares `tests` once for each backend, with that backend current while they run. */
export function onBackends(backends: readonly ('wasm' | 'cpu')[], tests: () => void): void {
  describe.each(backends)('on the %s backend', (backend) => {
    beforeAll(async () => {
      if (!(await tf.setBackend(backend))) throw new Error(`no ${backend} backend`);
    });
    tests();
  });
}
