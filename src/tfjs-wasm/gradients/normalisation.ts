// The gradient of normalisation by given moments, in one kernel.

import type { Tensor } from '@tensorflow/tfjs';
import type { TrainingGradient } from '../gradient.js';
import { isFloat } from '../kernel.js';
import { columnsOf, fusedBatchNormGrad } from '../kernels/normalisation.js';

/** The gradient of tf.batchNorm: TensorFlow.js has none without scale and offset. */
export const fusedBatchNormGradient: TrainingGradient = {
  name: 'FusedBatchNorm',
  run({ tf, dy, saved: [x, mean, variance, scale], attrs }) {
    if (!isFloat(x) || !isFloat(dy)) return undefined;
    if (!isFloat(mean) || !isFloat(variance) || !isFloat(scale)) return undefined;
    if (columnsOf(x, [mean, variance, scale]) === undefined) return undefined;
    const [dx, dMean, dVariance, dScale, dOffset] = tf
      .engine()
      .runKernel<Tensor[]>(fusedBatchNormGrad.name, { x, dy, mean, variance, scale }, attrs);
    return {
      x: () => dx,
      mean: () => dMean,
      variance: () => dVariance,
      scale: () => dScale,
      offset: () => dOffset,
    };
  },
};
