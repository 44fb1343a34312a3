// Which positions of a batch count: those that are masked are no rows.

import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { checkType, isObject } from '../../core/check.js';
import { inSuccession } from '../../rows/examples.js';
import type { Rows } from '../../rows/rows.js';
import type { RowsHost } from './host.js';
import { positions } from './positions.js';

/** Tells the positions of a batch that count from those that are padding. */
export interface Mask {
  /** Not 0 where a position counts: [batch], or [batch, time] and so on. It stays the caller's. */
  readonly marks: Tensor;
  /** The one time step that is meant, where `marks` are those of all. */
  readonly step: number | undefined;
}

/**
 * The positions of a tensor that count, as rows, with a column of ones where there is a bias; undefined
 * where none counts. Without a mask, or with one that is not of its positions, all of them do. The first axis
 * is that of examples.
 *
 * Where tensors lie in the host's memory the mask is read and rows that it leaves out are not there.
 * Elsewhere that would wait for the device: such rows are zeros instead, and the number of rows is that of
 * all. A moment that is a mean is smaller by the share of padding then, as if the damping were larger.
 *
 * @throws RangeError where the tensor has no elements, TypeError where an argument is of another type.
 */
export function positionRows(
  host: RowsHost,
  tensor: Tensor,
  bias: boolean,
  mask?: Mask,
): Rows<'float32'> | undefined {
  checkArguments(host, tensor, bias, mask);
  const { tf } = host;
  const shape = tensor.shape.slice(0, -1);
  const [features] = tensor.shape.slice(-1);
  const marks = mask === undefined ? undefined : marksOf(host, mask, shape);
  if (marks === undefined) return positions(host, tensor, bias);
  try {
    const exampleOf = () => inSuccession(marks.size, shape[0]);
    const matrix = () => tf.reshape<Tensor2D['rankType']>(tensor, [-1, features]);
    if (host.backend.bound === undefined) {
      return madeRows(host, false, exampleOf, () => {
        const ones = tf.cast(marks, 'float32');
        const rows = tf.mul(tf.cast(matrix(), 'float32'), ones);
        return bias ? tf.concat([rows, ones], 1) : rows;
      });
    }
    const places = placesOf(marks);
    if (places.length === 0) return undefined;
    return madeRows(
      host,
      bias,
      () => picked(exampleOf(), places),
      () => tf.gather(matrix(), tf.tensor1d(places, 'int32')),
    );
  } finally {
    marks.dispose();
  }
}

/** Elements of a tensor that count. */
export interface MaskedElements {
  /** As a vector, which is the caller's to dispose of. */
  readonly elements: Tensor1D;
  /** The example that each is of. */
  readonly exampleOf: Int32Array;
}

/**
 * The elements of a tensor that count; undefined where none does. All of them do where the mask cannot be
 * read without waiting. The first axis is that of examples.
 */
export function maskedElements(
  host: RowsHost,
  tensor: Tensor,
  mask: Mask | undefined,
): MaskedElements | undefined {
  const { tf } = host;
  const marks = mask === undefined ? undefined : marksOf(host, mask, tensor.shape);
  try {
    const exampleOf = inSuccession(tensor.size, tensor.shape[0]);
    const vector = () => tf.reshape<Tensor1D['rankType']>(tensor, [-1]);
    if (marks === undefined || host.backend.bound === undefined) {
      return { elements: vector(), exampleOf };
    }
    const places = placesOf(marks);
    if (places.length === 0) return undefined;
    const elements = tf.tidy(() => tf.gather(vector(), tf.tensor1d(places, 'int32')));
    return { elements, exampleOf: picked(exampleOf, places) };
  } finally {
    marks?.dispose();
  }
}

function checkArguments(host: unknown, tensor: unknown, bias: unknown, mask: unknown): void {
  const where = 'positionRows';
  const { tf, backend }: Partial<RowsHost> = isObject(host) ? host : {};
  const fits = tf !== undefined && backend !== undefined;
  checkType(where, 'host', host, fits, 'an object with tf and backend');
  const { Tensor: TensorClass } = tf;
  checkType(where, 'tensor', tensor, tensor instanceof TensorClass, 'a tensor');
  checkType(where, 'bias', bias, typeof bias === 'boolean', 'true or false');
  const marks: unknown = isObject(mask) && 'marks' in mask ? mask.marks : undefined;
  const masks = mask === undefined || marks instanceof TensorClass;
  checkType(where, 'mask', mask, masks, 'an object with marks, a tensor');
}

/** The rows of what is computed only for them. */
function madeRows(
  host: RowsHost,
  bias: boolean,
  exampleOf: () => Int32Array,
  compute: () => Tensor,
): Rows<'float32'> {
  const tensor = host.tf.tidy(compute);
  try {
    return positions(host, tensor, bias, exampleOf);
  } finally {
    tensor.dispose();
  }
}

/** Whether each of the positions counts, as a column; undefined where the mask is not of them. */
function marksOf(
  { tf }: RowsHost,
  { marks, step }: Mask,
  shape: readonly number[],
): Tensor2D | undefined {
  const masked = step === undefined ? marks.shape : marks.shape.slice(0, 1);
  if (!masked.every((length, axis) => length === shape[axis])) return undefined;
  const size = shape.reduce((product, length) => product * length, 1);
  const each = shape.slice(masked.length).reduce((product, length) => product * length, 1);
  return tf.tidy(() => {
    const own = step === undefined ? marks : tf.slice(marks, [0, step], [shape[0], 1]);
    const column = tf.reshape<Tensor2D['rankType']>(tf.notEqual(own, 0), [-1, 1]);
    return tf.reshape(each === 1 ? column : tf.tile(column, [1, each]), [size, 1]);
  });
}

function placesOf(marks: Tensor2D): number[] {
  return Array.from(marks.dataSync()).flatMap((mark, place) => (mark === 0 ? [] : [place]));
}

function picked(exampleOf: Int32Array, places: readonly number[]): Int32Array {
  return Int32Array.from(places, (place) => exampleOf[place]);
}
