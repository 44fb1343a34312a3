// Convolutions in two dimensions, channels last: forward, and the gradients of images and filter.

import type { TensorInfo } from '@tensorflow/tfjs';
import type { Exports } from '../host.js';
import { type Call, isFloat, type TrainingKernel } from '../kernel.js';
import { finishOf } from './activation.js';
import { type Geometry, geometryOf, shapeOf } from './geometry.js';

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
    const geometry = geometryOf(tf, x.shape, filterShape, attrs);
    if (
      geometry === undefined ||
      geometry.dilated ||
      String(geometry.outShape) !== String(dy.shape)
    ) {
      return undefined;
    }
    const work = host.scratch(workspace(host.exports, geometry, geometry.out[0] * geometry.out[1]));
    const dF = host.output(filterShape);
    host.exports.filterGradient(
      ...geometry.images,
      ...geometry.kernel,
      ...geometry.strides,
      ...geometry.padding,
      ...geometry.out,
      host.at(x),
      host.at(dy),
      host.at(dF),
      work,
    );
    return dF;
  },
};

/** The gradient of tf.conv2d with respect to the images, which is also tf.conv2dTranspose. */
export const conv2dBackpropInput: TrainingKernel = {
  name: 'Conv2DBackpropInput',
  run({ tf, host, inputs: { dy, filter }, attrs }) {
    const inputShape = shapeOf(attrs, 'inputShape');
    if (!isFloat(dy) || !isFloat(filter) || inputShape === undefined) return undefined;
    const geometry = geometryOf(tf, inputShape, filter.shape, attrs);
    if (
      geometry === undefined ||
      geometry.dilated ||
      String(geometry.outShape) !== String(dy.shape)
    ) {
      return undefined;
    }
    const work = host.scratch(workspace(host.exports, geometry, inputShape[1] * inputShape[2]));
    const dX = host.output(inputShape);
    host.exports.inputGradient(
      ...geometry.images,
      ...geometry.kernel,
      ...geometry.strides,
      ...geometry.padding,
      ...geometry.out,
      host.at(dy),
      host.at(filter),
      host.at(dX),
      work,
    );
    return dX;
  },
};

function convolved({ tf, host, inputs: { x, filter }, attrs }: Call): TensorInfo | undefined {
  if (!isFloat(x) || !isFloat(filter)) return undefined;
  const geometry = geometryOf(tf, x.shape, filter.shape, attrs);
  if (geometry === undefined) return undefined;
  const [batch, height, width, inputs] = geometry.images;
  const [rows, columns, outputs] = geometry.kernel;
  if (isPointwise(geometry)) {
    // Every pixel is a row as it lies.
    const work = host.scratch(host.exports.multiplyWorkspace());
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
  const work = host.scratch(workspace(host.exports, geometry, geometry.out[0] * geometry.out[1]));
  const Y = host.output(geometry.outShape);
  host.exports.convolve(
    ...geometry.images,
    rows,
    columns,
    outputs,
    ...geometry.strides,
    ...geometry.dilations,
    ...geometry.padding,
    ...geometry.out,
    host.at(x),
    host.at(filter),
    host.at(Y),
    work,
  );
  return Y;
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

/** Bytes that a function needs which computes so many positions, or pixels, of each image. */
function workspace(exports: Exports, geometry: Geometry, positions: number): number {
  const [batch, height, width, inputs] = geometry.images;
  const [rows, columns, outputs] = geometry.kernel;
  const [down, right] = geometry.dilations;
  const [outHeight, outWidth] = geometry.out;
  // A frame has the pixels of an image, what the kernel sees beyond its borders, and the positions.
  const frameRows =
    Math.max(height + geometry.padding[0], outHeight * geometry.strides[0]) + 2 * rows * down;
  const frameColumns =
    Math.max(width + geometry.padding[1], outWidth * geometry.strides[1]) + 2 * columns * right;
  return exports.convolutionWorkspace(
    batch,
    positions,
    frameRows * frameColumns,
    rows * columns,
    inputs,
    outputs,
  );
}
