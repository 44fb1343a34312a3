// The gradients of sums and means: copies, where TensorFlow.js multiplies by a tensor of ones.

import type { Tensor } from '@tensorflow/tfjs';
import type { GradientCall, TrainingGradient } from '../gradient.js';
import { isFloat, sizeOf } from '../kernel.js';
import { axesOf } from '../kernels/sums.js';

/** The gradient of tf.sum: dy wherever it came from. */
export const sumGradient: TrainingGradient = {
  name: 'Sum',
  run: (call) => spread(call, false),
};

/** The gradient of tf.mean: dy over the number of elements, wherever it came from. */
export const meanGradient: TrainingGradient = {
  name: 'Mean',
  run: (call) => spread(call, true),
};

function spread(
  { tf, dy, saved: [x], attrs: { axis } }: GradientCall,
  isMean: boolean,
): { x: () => Tensor } | undefined {
  if (!isFloat(x) || !isFloat(dy)) return undefined;
  const { shape } = x;
  const summed = axesOf(tf, axis, shape);
  if (summed === undefined) return undefined;
  const rows = shape.map((length, i) => (summed.has(i) ? 1 : length));
  const count = sizeOf(shape) / sizeOf(rows);
  return {
    x() {
      const each = isMean ? tf.div(dy, count) : dy;
      return tf.broadcastTo(tf.reshape(each, rows), shape);
    },
  };
}
