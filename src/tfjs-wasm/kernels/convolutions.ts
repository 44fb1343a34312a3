// Convolutions in two dimensions, channels last: forward, and the gradients of images and filter.

import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs';
import type { Exports } from '../host.js';
import { type Call, isFloat, sizeOf, type TrainingKernel } from '../kernel.js';
import { finishOf } from './activation.js';

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
    const plan = planOf(tf, x.shape, filterShape, attrs);
    if (plan === undefined || plan.dilated || String(plan.outShape) !== String(dy.shape)) {
      return undefined;
    }
    const dF = host.output(filterShape);
    const work = host.scratch(workspace(host.exports, plan, plan.out[0] * plan.out[1]));
    host.exports.filterGradient(
      ...plan.images,
      ...plan.kernel,
      ...plan.strides,
      ...plan.padding,
      ...plan.out,
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
    const plan = planOf(tf, inputShape, filter.shape, attrs);
    if (plan === undefined || plan.dilated || String(plan.outShape) !== String(dy.shape)) {
      return undefined;
    }
    const dX = host.output(inputShape);
    const work = host.scratch(workspace(host.exports, plan, inputShape[1] * inputShape[2]));
    host.exports.inputGradient(
      ...plan.images,
      ...plan.kernel,
      ...plan.strides,
      ...plan.padding,
      ...plan.out,
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
  const plan = planOf(tf, x.shape, filter.shape, attrs);
  if (plan === undefined) return undefined;
  const Y = host.output(plan.outShape);
  const [batch, height, width, inputs] = plan.images;
  const [rows, columns, outputs] = plan.kernel;
  if (isPointwise(plan)) {
    // Every pixel is a row as it lies.
    const work = host.scratch(host.exports.multiplyWorkspace());
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
  const work = host.scratch(workspace(host.exports, plan, plan.out[0] * plan.out[1]));
  host.exports.convolve(
    ...plan.images,
    rows,
    columns,
    outputs,
    ...plan.strides,
    ...plan.dilations,
    ...plan.padding,
    ...plan.out,
    host.at(x),
    host.at(filter),
    host.at(Y),
    work,
  );
  return Y;
}

/** A convolution in numbers, in the order in which the kernels take them. */
interface Plan {
  /** Batch, height, width and channels. */
  readonly images: readonly [number, number, number, number];
  /** Rows, columns and output channels. */
  readonly kernel: readonly [number, number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Above and to the left. */
  readonly padding: readonly [number, number];
  /** Rows and columns of the output. */
  readonly out: readonly [number, number];
  readonly outShape: readonly number[];
  readonly dilated: boolean;
}

/** What TensorFlow.js makes of the arguments; undefined for channels first, which its backend has not. */
function planOf(
  tf: Call['tf'],
  shape: readonly number[],
  filterShape: readonly number[],
  attrs: NamedAttrMap,
): Plan | undefined {
  if (shape.length !== 4 || filterShape.length !== 4) return undefined;
  if (attrs.dataFormat !== undefined && attrs.dataFormat !== 'NHWC') return undefined;
  const info = infoOf(tf, shape, filterShape, attrs);
  if (info === undefined || info.inChannels !== filterShape[2]) return undefined;
  const { padInfo } = info;
  if (padInfo.top < 0 || padInfo.left < 0) return undefined;
  if (info.outHeight < 1 || info.outWidth < 1) return undefined;
  return {
    images: [info.batchSize, info.inHeight, info.inWidth, info.inChannels],
    kernel: [info.filterHeight, info.filterWidth, info.outChannels],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    padding: [padInfo.top, padInfo.left],
    out: [info.outHeight, info.outWidth],
    outShape: info.outShape,
    dilated: info.dilationHeight > 1 || info.dilationWidth > 1,
  };
}

type Info = ReturnType<Call['tf']['backend_util']['computeConv2DInfo']>;
type Shape4 = Parameters<Call['tf']['backend_util']['computeConv2DInfo']>[0];
type Padding = Parameters<Call['tf']['backend_util']['computeConv2DInfo']>[4];

function infoOf(
  tf: Call['tf'],
  shape: readonly number[],
  filterShape: readonly number[],
  { strides, dilations = 1, pad, dimRoundingMode }: NamedAttrMap,
): Info | undefined {
  if (!isSteps(strides) || !isSteps(dilations) || !isPadding(pad)) return undefined;
  if (dimRoundingMode !== undefined && !isRounding(dimRoundingMode)) return undefined;
  const { computeConv2DInfo } = tf.backend_util;
  return computeConv2DInfo(
    four(shape),
    four(filterShape),
    strides,
    dilations,
    pad,
    dimRoundingMode,
  );
}

function four([a, b, c, d]: readonly number[]): Shape4 {
  return [a, b, c, d];
}

/** A number, or one an axis. */
function isSteps(value: unknown): value is number | [number, number] {
  if (typeof value === 'number') return true;
  return (
    Array.isArray(value) && value.length === 2 && value.every((step) => typeof step === 'number')
  );
}

function isRounding(value: unknown): value is 'floor' | 'round' | 'ceil' {
  return value === 'floor' || value === 'round' || value === 'ceil';
}

function isPadding(value: unknown): value is Padding {
  if (value === 'same' || value === 'valid' || typeof value === 'number') return true;
  return Array.isArray(value) && value.length === 4 && value.every(Array.isArray);
}

function shapeOf(attrs: NamedAttrMap, name: string): readonly number[] | undefined {
  const shape = attrs[name];
  if (!Array.isArray(shape) || sizeOf(shape.map(Number)) === 0) return undefined;
  return shape.map(Number);
}

/** Whether a kernel of one pixel meets every pixel where it lies. */
function isPointwise({ kernel: [rows, columns], strides, padding, images, out }: Plan): boolean {
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
function workspace(exports: Exports, plan: Plan, positions: number): number {
  const [batch, height, width, inputs] = plan.images;
  const [rows, columns, outputs] = plan.kernel;
  const [down, right] = plan.dilations;
  const [outHeight, outWidth] = plan.out;
  // A frame has the pixels of an image, what the kernel sees beyond its borders, and the positions.
  const frameRows =
    Math.max(height + plan.padding[0], outHeight * plan.strides[0]) + 2 * rows * down;
  const frameColumns =
    Math.max(width + plan.padding[1], outWidth * plan.strides[1]) + 2 * columns * right;
  return exports.convolutionWorkspace(
    batch,
    positions,
    frameRows * frameColumns,
    rows * columns,
    inputs,
    outputs,
  );
}
