// Kernels that copy: tiles, slices, transposes, and what cuts tensors up and joins them.

import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs';
import type { Host } from '../host.js';
import { hasWords, sizeOf, type TrainingKernel } from '../kernel.js';
import { type Axis, copy, planCopy, stridesOf } from './strides.js';

const WORD = 4;

/** tf.clone, which every tensor that a gradient saves goes through. */
export const identity: TrainingKernel = {
  name: 'Identity',
  run: ({ host, inputs: { x } }) => (hasWords(x) ? host.share(x, x.shape) : undefined),
};

/** tf.cast, where nothing changes. */
export const cast: TrainingKernel = {
  name: 'Cast',
  run: ({ host, inputs: { x }, attrs: { dtype } }) =>
    hasWords(x) && x.dtype === dtype ? host.share(x, x.shape) : undefined,
};

/** tf.tile, and what broadcasts. */
export const tile: TrainingKernel = {
  name: 'Tile',
  run({ host, inputs: { x }, attrs }) {
    const repetitions = integers(attrs.reps);
    if (!hasWords(x) || repetitions?.length !== x.shape.length) return undefined;
    if (repetitions.some((count) => count < 0)) return undefined;
    const shape = x.shape.map((length, i) => length * repetitions[i]);
    if (sizeOf(shape) === 0) return undefined;
    const from = stridesOf(x.shape);
    const to = stridesOf(shape);
    const axes = x.shape.flatMap((length, i) => [
      { length: repetitions[i], from: 0, to: length * to[i] },
      { length, from: from[i], to: to[i] },
    ]);
    return copied(host, x, shape, axes);
  },
};

/** tf.transpose. */
export const transpose: TrainingKernel = {
  name: 'Transpose',
  run({ host, inputs: { x }, attrs }) {
    const order = integers(attrs.perm);
    if (!hasWords(x) || order?.length !== x.shape.length) return undefined;
    if (!x.shape.every((_, axis) => order.includes(axis))) return undefined;
    const shape = order.map((axis) => x.shape[axis]);
    const from = stridesOf(x.shape);
    const to = stridesOf(shape);
    const axes = order.map((axis, i) => ({ length: shape[i], from: from[axis], to: to[i] }));
    return copied(host, x, shape, axes);
  },
};

/** tf.slice. */
export const slice: TrainingKernel = {
  name: 'Slice',
  run({ tf, host, inputs: { x }, attrs }) {
    const begin = oneOrMore(attrs.begin);
    const size = oneOrMore(attrs.size);
    if (!hasWords(x) || begin === undefined || size === undefined) return undefined;
    const [first, shape] = tf.slice_util.parseSliceParams(x, begin, size);
    const isPart = x.shape.every((length, i) => first[i] >= 0 && first[i] + shape[i] <= length);
    return isPart && sizeOf(shape) > 0 ? part(host, x, first, shape) : undefined;
  },
};

/** tf.split. */
export const splitV: TrainingKernel = {
  name: 'SplitV',
  run({ tf, host, inputs: { x }, attrs }) {
    const sizes = oneOrMore(attrs.numOrSizeSplits);
    if (!hasWords(x) || sizes === undefined) return undefined;
    const axis = axisOf(attrs, x.shape.length);
    if (axis === undefined) return undefined;
    const lengths = tf.backend_util.prepareSplitSize(x, sizes, axis);
    return lengths.every((length) => length > 0) ? cut(host, x, axis, lengths) : undefined;
  },
};

/** tf.unstack. */
export const unpack: TrainingKernel = {
  name: 'Unpack',
  run({ host, inputs: { value }, attrs }) {
    if (!hasWords(value)) return undefined;
    const axis = axisOf(attrs, value.shape.length);
    if (axis === undefined) return undefined;
    const lengths = Array.from({ length: value.shape[axis] }, () => 1);
    return cut(host, value, axis, lengths)?.map((piece) => ({
      ...piece,
      shape: piece.shape.toSpliced(axis, 1),
    }));
  },
};

/** tf.concat. */
export const concat: TrainingKernel = {
  name: 'Concat',
  run({ host, inputs, attrs }) {
    const tensors = Object.values(inputs);
    if (!areAlike(tensors)) return undefined;
    const axis = axisOf(attrs, tensors[0].shape.length);
    if (axis === undefined || !fitBut(axis, tensors)) return undefined;
    const length = tensors.reduce((sum, { shape }) => sum + shape[axis], 0);
    return joined(host, tensors, tensors[0].shape.with(axis, length), axis);
  },
};

/** tf.stack. */
export const pack: TrainingKernel = {
  name: 'Pack',
  run({ host, inputs, attrs }) {
    const tensors = Object.values(inputs);
    if (!areAlike(tensors)) return undefined;
    const axis = axisOf(attrs, tensors[0].shape.length + 1);
    if (axis === undefined || !fitBut(undefined, tensors)) return undefined;
    const rows = tensors.map((tensor) => ({
      ...tensor,
      shape: tensor.shape.toSpliced(axis, 0, 1),
    }));
    return joined(host, rows, tensors[0].shape.toSpliced(axis, 0, tensors.length), axis);
  },
};

/** The tensor that the axes copy x into; where they leave every element in its place, x itself is shared. */
function copied(
  host: Host,
  x: TensorInfo,
  shape: readonly number[],
  axes: readonly Axis[],
): TensorInfo | undefined {
  const plan = planCopy(axes);
  if (plan === undefined) return undefined;
  if (sizeOf(shape) === sizeOf(x.shape) && plan.every(isInPlace)) return host.share(x, shape);
  const y = host.output(shape, x.dtype);
  copy(host, plan, host.at(x), host.at(y));
  return y;
}

function isInPlace({ length, from, to }: Axis): boolean {
  return length === 1 || from === to;
}

/** What begins at `begin` in x and has this shape. */
function part(
  host: Host,
  x: TensorInfo,
  begin: readonly number[],
  shape: readonly number[],
): TensorInfo | undefined {
  const from = stridesOf(x.shape);
  const to = stridesOf(shape);
  const plan = planCopy(shape.map((length, i) => ({ length, from: from[i], to: to[i] })));
  if (plan === undefined) return undefined;
  if (sizeOf(shape) === sizeOf(x.shape)) return host.share(x, shape);
  const offset = begin.reduce((sum, index, i) => sum + index * from[i], 0);
  const y = host.output(shape, x.dtype);
  copy(host, plan, host.at(x) + offset * WORD, host.at(y));
  return y;
}

/** x in pieces of these lengths along an axis. */
function cut(
  host: Host,
  x: TensorInfo,
  axis: number,
  lengths: readonly number[],
): TensorInfo[] | undefined {
  // Before and after the axis all axes merge, so there are never too many.
  const pieces: TensorInfo[] = [];
  const begin = x.shape.map(() => 0);
  for (const length of lengths) {
    const piece = part(host, x, begin, x.shape.with(axis, length));
    if (piece === undefined) return undefined;
    pieces.push(piece);
    begin[axis] += length;
  }
  return pieces;
}

/** The tensors one behind the other along an axis. */
function joined(
  host: Host,
  tensors: readonly TensorInfo[],
  shape: readonly number[],
  axis: number,
): TensorInfo | undefined {
  const to = stridesOf(shape);
  const copies: { tensor: TensorInfo; plan: readonly Axis[] }[] = [];
  for (const tensor of tensors) {
    const from = stridesOf(tensor.shape);
    const plan = planCopy(tensor.shape.map((length, i) => ({ length, from: from[i], to: to[i] })));
    if (plan === undefined) return undefined;
    copies.push({ tensor, plan });
  }
  const y = host.output(shape, tensors[0].dtype);
  let target = host.at(y);
  for (const { tensor, plan } of copies) {
    copy(host, plan, host.at(tensor), target);
    target += tensor.shape[axis] * to[axis] * WORD;
  }
  return y;
}

/** Whether there are tensors, with elements, all of one dtype of four bytes. */
function areAlike(tensors: readonly (TensorInfo | undefined)[]): tensors is TensorInfo[] {
  return (
    tensors.length > 0 &&
    tensors.every((tensor) => hasWords(tensor) && tensor.dtype === tensors[0]?.dtype)
  );
}

/** Whether all tensors have the same shape, whatever their lengths along one axis are. */
function fitBut(axis: number | undefined, tensors: readonly TensorInfo[]): boolean {
  const [{ shape: first }] = tensors;
  return tensors.every(
    ({ shape }) =>
      shape.length === first.length &&
      shape.every((length, i) => i === axis || length === first[i]),
  );
}

/** The axis that is meant, where negative ones count from the end; undefined where there is none. */
function axisOf({ axis }: NamedAttrMap, rank: number): number | undefined {
  const index = Number(axis);
  const counted = index < 0 ? index + rank : index;
  return Number.isInteger(counted) && counted >= 0 && counted < rank ? counted : undefined;
}

function oneOrMore(value: unknown): number | number[] | undefined {
  return Number.isInteger(value) ? Number(value) : integers(value);
}

function integers(value: unknown): number[] | undefined {
  return Array.isArray(value) && value.every(Number.isInteger) ? value.map(Number) : undefined;
}
