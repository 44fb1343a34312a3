// The gradient of softmax, in one kernel.

import type { TrainingGradient } from '../gradient.js';
import { isFloat } from '../kernel.js';
import { softmaxGrad } from '../kernels/softmax.js';

/** The gradient of tf.softmax. */
export const softmaxGradient: TrainingGradient = {
  name: 'Softmax',
  run({ tf, dy, saved: [y] }) {
    if (!isFloat(y) || !isFloat(dy) || y.rank === 0) return undefined;
    return { logits: () => tf.engine().runKernel(softmaxGrad.name, { y, dy }) };
  },
};
