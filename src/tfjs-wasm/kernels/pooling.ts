// Gradients of max and average pooling in two dimensions, channels last.

import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs';
import { type Call, isFloat, type TrainingKernel } from '../kernel.js';
import { geometryOf } from './geometry.js';

/**
 * The gradient of tf.maxPool: a window gives its own to the first of its largest pixels, by rows and columns,
 * as the cpu backend does. TensorFlow.js's own kernel errs where all of its pixels are negative.
 */
export const maxPoolGrad: TrainingKernel = {
  name: 'MaxPoolGrad',
  run({ tf, host, inputs: { dy, input }, attrs }) {
    if (!isFloat(dy) || !isFloat(input)) return undefined;
    const windows = windowsOf(tf, input, dy, attrs);
    if (windows === undefined) return undefined;
    const dX = host.output(input.shape);
    host.exports.maxPoolGradient(...windows, host.at(input), host.at(dy), host.at(dX));
    return dX;
  },
};

/**
 * The gradient of tf.avgPool: a window divides by the pixels that it has, as the forward kernels do.
 * TensorFlow.js's own kernels divide by those of a whole window at the borders too.
 */
export const avgPoolGrad: TrainingKernel = {
  name: 'AvgPoolGrad',
  run({ tf, host, inputs: { dy, input }, attrs }) {
    if (!isFloat(dy) || !isFloat(input)) return undefined;
    const windows = windowsOf(tf, input, dy, attrs);
    if (windows === undefined) return undefined;
    const dX = host.output(input.shape);
    host.exports.averagePoolGradient(...windows, host.at(dy), host.at(dX));
    return dX;
  },
};

/** Images, windows, strides, padding and output, as the kernels take them. */
function windowsOf(
  tf: Call['tf'],
  { shape }: TensorInfo,
  dy: TensorInfo,
  attrs: NamedAttrMap,
): readonly [...numbers: number[]] | undefined {
  const { filterSize } = attrs;
  const [rows, columns] = Array.isArray(filterSize) ? filterSize : [filterSize, filterSize];
  if (typeof rows !== 'number' || typeof columns !== 'number') return undefined;
  const channels = shape[3];
  const geometry = geometryOf(tf, shape, [rows, columns, channels, channels], attrs);
  const [batch, outRows, outColumns, outputs] = dy.shape;
  if (geometry === undefined || batch !== shape[0] || outputs !== channels) return undefined;
  const { images, strides, padding } = geometry;
  // TensorFlow.js does not say how the output was rounded: that shows in its gradient alone.
  return [...images, rows, columns, ...strides, ...padding, outRows, outColumns];
}
