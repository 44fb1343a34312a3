// Clones, which the backward pass keeps of all that it will need.

import { isFloat, type TrainingKernel } from '../kernel.js';

/** tf.clone: another tensor on the same data, which never change. TensorFlow.js copies them. */
export const identity: TrainingKernel = {
  name: 'Identity',
  run: ({ host, inputs: { x } }) => (isFloat(x) ? host.sharing(x) : undefined),
};
