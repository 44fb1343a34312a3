// The gradient of softmax.

import { isFloat, sizeOf, type TrainingKernel } from '../kernel.js';

/** The gradient of tf.softmax, which is over the last axis, from its result y and the gradient dy of that. */
export const softmaxGrad: TrainingKernel = {
  name: 'SoftmaxGrad',
  run({ host, inputs: { y, dy } }) {
    const columns = y?.shape.at(-1);
    if (!isFloat(y) || !isFloat(dy) || columns === undefined) return undefined;
    const dx = host.output(y.shape);
    const rows = sizeOf(y.shape) / columns;
    host.exports.softmaxGradient(rows, columns, host.at(y), host.at(dy), host.at(dx));
    return dx;
  },
};
