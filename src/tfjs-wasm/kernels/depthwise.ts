// Gradients of depthwise convolutions in two dimensions, channels last.

import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs';
import type { Host } from '../host.js';
import { type Call, isFloat, type TrainingKernel } from '../kernel.js';
import { type Geometry, geometryOf, numbersOf, shapeOf } from './geometry.js';

/** The gradient of tf.depthwiseConv2d with respect to the filter. */
export const depthwiseConv2dNativeBackpropFilter: TrainingKernel = {
  name: 'DepthwiseConv2dNativeBackpropFilter',
  run({ tf, host, inputs: { x, dy }, attrs }) {
    const filterShape = shapeOf(attrs, 'filterShape');
    if (!isFloat(x) || !isFloat(dy) || filterShape === undefined) return undefined;
    const geometry = depthwise(tf, x.shape, filterShape, dy, attrs);
    if (geometry === undefined) return undefined;
    const work = workspace(host, geometry);
    if (work === undefined) return undefined;
    const dF = host.output(filterShape);
    host.exports.depthwiseFilterGradient(
      ...numbersOf(geometry),
      host.at(x),
      host.at(dy),
      host.at(dF),
      work,
    );
    return dF;
  },
};

/** The gradient of tf.depthwiseConv2d with respect to the images. */
export const depthwiseConv2dNativeBackpropInput: TrainingKernel = {
  name: 'DepthwiseConv2dNativeBackpropInput',
  run({ tf, host, inputs: { dy, filter }, attrs }) {
    const inputShape = shapeOf(attrs, 'inputShape');
    if (!isFloat(dy) || !isFloat(filter) || inputShape === undefined) return undefined;
    const geometry = depthwise(tf, inputShape, filter.shape, dy, attrs);
    if (geometry === undefined) return undefined;
    const work = workspace(host, geometry);
    if (work === undefined) return undefined;
    const dX = host.output(inputShape);
    host.exports.depthwiseInputGradient(
      ...numbersOf(geometry),
      host.at(dy),
      host.at(filter),
      host.at(dX),
      work,
    );
    return dX;
  },
};

/** Where the windows lie, if the gradient of the output is one of these. */
function depthwise(
  tf: Call['tf'],
  shape: readonly number[],
  filterShape: readonly number[],
  dy: TensorInfo,
  attrs: NamedAttrMap,
): Geometry | undefined {
  const geometry = geometryOf(tf, shape, filterShape, attrs);
  if (geometry === undefined || geometry.dilated) return undefined;
  const { images, kernel, out } = geometry;
  const [batch, , , inputs] = images;
  const expected = [batch, ...out, inputs * kernel[2]];
  return String(dy.shape) === String(expected) ? geometry : undefined;
}

/** Where the workspace lies, if there is memory for it. */
function workspace(host: Host, { images, kernel }: Geometry): number | undefined {
  const [, height, width, inputs] = images;
  return host.scratch(host.exports.depthwiseWorkspace(height * width, inputs, kernel[2]));
}
