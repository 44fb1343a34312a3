// Parts of tensors, copied from memory to memory.

import type { TensorInfo } from '@tensorflow/tfjs';
import { type Call, isFloat, sizeOf, type TrainingKernel } from '../kernel.js';

/** tf.slice. TensorFlow.js copies the whole tensor out of its memory first. */
export const slice: TrainingKernel = {
  name: 'Slice',
  run({ tf, host, inputs: { x }, attrs: { begin, size } }) {
    if (!isFloat(x) || !isCut(begin) || !isCut(size)) return undefined;
    const [from, shape] = tf.slice_util.parseSliceParams(x, begin, size);
    if (sizeOf(shape) === 0 || !liesWithin(x.shape, from, shape)) return undefined;
    const result = host.output(shape);
    copyPart(host, { x, from, result });
    return result;
  },
};

/** A part of `x` that begins at `from`, and is as `result` is. */
interface Part {
  readonly x: TensorInfo;
  readonly from: readonly number[];
  readonly result: TensorInfo;
}

/** Copies run by run: what lies in one piece in both. */
function copyPart(host: Call['host'], { x, from, result }: Part): void {
  const { shape } = result;
  // The innermost axis that is cut: all behind it lies in one piece.
  const cut = Math.max(
    0,
    shape.findLastIndex((length, axis) => length < x.shape[axis]),
  );
  const run = sizeOf(shape.slice(cut));
  const floats = host.floats();
  const [source, target] = [x, result].map(
    (tensor) => (host.at(tensor) >>> 0) / Float32Array.BYTES_PER_ELEMENT,
  );
  const strides = x.shape.map((_, axis) => sizeOf(x.shape.slice(axis + 1)));
  const start = from.reduce((sum, index, axis) => sum + index * strides[axis], source);
  const outer = shape.slice(0, cut);
  for (let k = 0; k < sizeOf(shape) / run; k++) {
    const at = start + offsetOf(k, outer, strides);
    floats.copyWithin(target + k * run, at, at + run);
  }
}

/** Where the k-th element of a part of that shape lies. */
function offsetOf(k: number, shape: readonly number[], strides: readonly number[]): number {
  let [rest, offset] = [k, 0];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    offset += (rest % shape[axis]) * strides[axis];
    rest = Math.floor(rest / shape[axis]);
  }
  return offset;
}

function liesWithin(
  whole: readonly number[],
  from: readonly number[],
  shape: readonly number[],
): boolean {
  return whole.every((length, axis) => from[axis] >= 0 && from[axis] + shape[axis] <= length);
}

/** A number, or one an axis. */
function isCut(value: unknown): value is number | number[] {
  if (typeof value === 'number') return true;
  return Array.isArray(value) && value.every((index) => typeof index === 'number');
}
