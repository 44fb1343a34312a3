// Where the windows of convolutions and poolings lie, as TensorFlow.js has it.

import type { NamedAttrMap } from '@tensorflow/tfjs';
import { type Call, sizeOf } from '../kernel.js';

/** A convolution or a pooling in numbers, in the order in which the kernels take them. */
export interface Geometry {
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

/** A geometry as the kernels take it that know no dilations. */
export function numbersOf(geometry: Geometry): readonly [...numbers: number[]] {
  const { images, kernel, strides, padding, out } = geometry;
  return [...images, ...kernel, ...strides, ...padding, ...out];
}

/** What TensorFlow.js makes of the arguments; undefined for channels first, which its backend has not. */
export function geometryOf(
  tf: Call['tf'],
  shape: readonly number[],
  filterShape: readonly number[],
  attrs: NamedAttrMap,
): Geometry | undefined {
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

/** A shape among the arguments; undefined where it is none, or one without elements. */
export function shapeOf(attrs: NamedAttrMap, name: string): readonly number[] | undefined {
  const shape = attrs[name];
  if (!Array.isArray(shape) || sizeOf(shape.map(Number)) === 0) return undefined;
  return shape.map(Number);
}
