// What a kernel for TensorFlow.js is here.

import type { NamedAttrMap, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs';
import type { Host } from './host.js';
import type { TensorFlowKernels } from './tensorflow.js';

/** What TensorFlow.js calls a kernel with. */
export interface Call {
  readonly tf: TensorFlowKernels;
  readonly host: Host;
  readonly inputs: NamedTensorInfoMap;
  readonly attrs: NamedAttrMap;
}

/** A kernel of our own, by the name that TensorFlow.js knows it by. */
export interface TrainingKernel {
  readonly name: string;
  /** The result, or undefined where it does not know the arguments: then what was there before computes. */
  run(call: Call): TensorInfo | TensorInfo[] | undefined;
}

/** The number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1);
}

/** Whether there is a tensor, of float32 and with elements. */
export function isFloat(tensor: TensorInfo | null | undefined): tensor is TensorInfo {
  return tensor?.dtype === 'float32' && sizeOf(tensor.shape) > 0;
}

/** Whether there is a tensor with elements of four bytes each. */
export function hasWords(tensor: TensorInfo | null | undefined): tensor is TensorInfo {
  if (!tensor || sizeOf(tensor.shape) === 0) return false;
  return tensor.dtype === 'float32' || tensor.dtype === 'int32';
}
