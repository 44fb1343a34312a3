// Convolutions in two dimensions, channels last: forward, and the gradients of images and filter.

import type { TensorInfo } from '@tensorflow/tfjs';
import { type Call, isFloat, type TrainingKernel } from '../kernel.js';
import { finishOf } from './activation.js';
import { type Geometry, geometryOf, numbersOf, shapeOf } from './geometry.js';

/** tf.conv2d; its layers in one dimension come here too. */
export const conv2d: TrainingKernel = {
  name: 'Conv2D',
  run: (call) => convolved(call),
};

/** tf.fused.conv2d. */
export const fusedConv2d: TrainingKernel = {
  name: 'FusedConv2D',
  run(call) {
    const { host, inputs, attrs } = call;
    const { bias, preluActivationWeights, filter } = inputs;
    if (!isFloat(filter) || filter.shape.length !== 4 || preluActivationWeights) return undefined;
    const finish = finishOf(host, bias, filter.shape[3], attrs);
    const result = finish === undefined ? undefined : convolved(call);
    if (result !== undefined) finish?.(result);
    return result;
  },
};

/** The gradient of tf.conv2d with respect to the filter. */
export const conv2dBackpropFilter: TrainingKernel = {
  name: 'Conv2DBackpropFilter',
  run({ tf, host, inputs: { x, dy }, attrs }) {
    const filterShape = shapeOf(attrs, 'filterShape');
    if (!isFloat(x) || !isFloat(dy) || filterShape === undefined) return undefined;
    const geometry = geometryBehind(dy, geometryOf(tf, x.shape, filterShape, attrs));
    if (geometry === undefined) return undefined;
    const numbers = numbersOf(geometry);
    const work = host.scratch(host.exports.filterGradientWorkspace(...numbers));
    if (work === undefined) return undefined;
    const dF = host.output(filterShape);
    host.exports.filterGradient(...numbers, host.at(x), host.at(dy), host.at(dF), work);
    return dF;
  },
};

/** The gradient of tf.conv2d with respect to the images, which is also tf.conv2dTranspose. */
export const conv2dBackpropInput: TrainingKernel = {
  name: 'Conv2DBackpropInput',
  run({ tf, host, inputs: { dy, filter }, attrs }) {
    const inputShape = shapeOf(attrs, 'inputShape');
    if (!isFloat(dy) || !isFloat(filter) || inputShape === undefined) return undefined;
    const geometry = geometryBehind(dy, geometryOf(tf, inputShape, filter.shape, attrs));
    if (geometry === undefined) return undefined;
    const numbers = numbersOf(geometry);
    const work = host.scratch(host.exports.inputGradientWorkspace(...numbers));
    if (work === undefined) return undefined;
    const dX = host.output(inputShape);
    host.exports.inputGradient(...numbers, host.at(dy), host.at(filter), host.at(dX), work);
    return dX;
  },
};

function convolved({ tf, host, inputs: { x, filter }, attrs }: Call): TensorInfo | undefined {
  if (!isFloat(x) || !isFloat(filter)) return undefined;
  const geometry = geometryOf(tf, x.shape, filter.shape, attrs);
  if (geometry === undefined) return undefined;
  const { images, kernel, strides, dilations, padding, out } = geometry;
  if (isPointwise(geometry)) {
    // Every pixel is a row as it lies.
    const [batch, height, width, inputs] = images;
    const [, , outputs] = kernel;
    const work = host.scratch(host.exports.multiplyWorkspace());
    if (work === undefined) return undefined;
    const Y = host.output(geometry.outShape);
    host.exports.multiply(
      batch * height * width,
      outputs,
      inputs,
      host.at(x),
      inputs,
      1,
      host.at(filter),
      outputs,
      1,
      host.at(Y),
      work,
    );
    return Y;
  }
  const numbers = [...images, ...kernel, ...strides, ...dilations, ...padding, ...out] as const;
  const work = host.scratch(host.exports.convolveWorkspace(...numbers));
  if (work === undefined) return undefined;
  const Y = host.output(geometry.outShape);
  host.exports.convolve(...numbers, host.at(x), host.at(filter), host.at(Y), work);
  return Y;
}

/** The geometry, if its output is as the gradient is, and without dilations, which our gradients do not know. */
function geometryBehind(dy: TensorInfo, geometry: Geometry | undefined): Geometry | undefined {
  if (geometry === undefined || geometry.dilated) return undefined;
  return String(geometry.outShape) === String(dy.shape) ? geometry : undefined;
}

/** Whether a kernel of one pixel meets every pixel where it lies. */
function isPointwise({
  kernel: [rows, columns],
  strides,
  padding,
  images,
  out,
}: Geometry): boolean {
  return (
    rows === 1 &&
    columns === 1 &&
    [...strides].every((stride) => stride === 1) &&
    [...padding].every((zeros) => zeros === 0) &&
    out[0] === images[1] &&
    out[1] === images[2]
  );
}
