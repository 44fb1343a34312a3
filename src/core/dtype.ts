// Element types, and the typed arrays that hold them.

import { checkChoice } from './check.js';
import { typedArrayName } from './typed-array.js';

/** Element type of a matrix: IEEE 754 binary32 or binary64. */
export type DType = 'float32' | 'float64';

/** Every {@link DType}. */
export const DTYPES: readonly DType[] = ['float32', 'float64'];

/** The typed array that stores each {@link DType}. @inline */
export interface TypedArrays {
  readonly float32: Float32Array;
  readonly float64: Float64Array;
}

/** The typed array of one element type. */
export type TypedArrayOf<D extends DType> = TypedArrays[D];

/** Machine epsilon: the gap between 1 and the next larger number (2⁻²³, 2⁻⁵²). */
export const EPSILON: Readonly<Record<DType, number>> = { float32: 2 ** -23, float64: 2 ** -52 };

/** The largest finite number of each element type. */
export const LARGEST: Readonly<Record<DType, number>> = {
  float32: (2 - 2 ** -23) * 2 ** 127,
  float64: Number.MAX_VALUE,
};

/** The smallest number of each element type that has all its digits. */
export const SMALLEST_NORMAL: Readonly<Record<DType, number>> = {
  float32: 2 ** -126,
  float64: 2 ** -1022,
};

/** Bytes of one element. */
export const BYTES: Readonly<Record<DType, number>> = { float32: 4, float64: 8 };

interface ArrayClass<Stored> {
  new (length: number): Stored;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Stored;
}

const constructors: { readonly [D in DType]: ArrayClass<TypedArrays[D]> } = {
  float32: Float32Array,
  float64: Float64Array,
};

/** What {@link typedArrayName} says of them. */
const ARRAY_NAMES: Readonly<Record<DType, string>> = {
  float32: 'Float32Array',
  float64: 'Float64Array',
};

/**
 * A zero-filled typed array of `length` elements.
 *
 * @throws RangeError for an unknown dtype.
 */
export function allocate<D extends DType>(dtype: D, length: number): TypedArrayOf<D> {
  checkChoice('allocate', 'dtype', dtype, DTYPES);
  return new constructors[dtype](length);
}

/** Whether `value` is the typed array that stores `dtype`, of this realm or another. */
export function isTypedArray<D extends DType>(value: unknown, dtype: D): value is TypedArrayOf<D> {
  const name = typedArrayName(value);
  return name !== undefined && name === ARRAY_NAMES[dtype];
}

/** Whether `value` is a Float32Array or a Float64Array, of this realm or another. */
export function isFloatArray(value: unknown): value is Float32Array | Float64Array {
  return DTYPES.some((dtype) => isTypedArray(value, dtype));
}

/** `data` as an array of this realm, on the same memory. */
export function ownArray<D extends DType>(data: TypedArrayOf<D>, dtype: D): TypedArrayOf<D> {
  const Stored = constructors[dtype];
  return data instanceof Stored ? data : new Stored(data.buffer, data.byteOffset, data.length);
}
