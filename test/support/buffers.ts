// Buffers that go or shrink under a matrix, as they do where they are posted to a worker.

import type { DenseMatrix } from '../../src/core/matrix.js';

/** `A`, whose elements have gone elsewhere. */
export function transferred<A extends DenseMatrix>(A: A): A {
  structuredClone(A.data, { transfer: [A.data.buffer] });
  return A;
}

/** An array in a buffer that {@link resize} can make smaller. */
export function resizableArray(elements: number): Float64Array {
  const bytes = elements * 8;
  return Reflect.construct(Float64Array, [
    Reflect.construct(ArrayBuffer, [bytes, { maxByteLength: bytes }]),
  ]);
}

/** The same, of a fixed length: it is out of bounds once the buffer is smaller. */
export function resizableView(elements: number): Float64Array {
  return new Float64Array(resizableArray(elements).buffer, 0, elements);
}

/** Changes the number of elements that the buffer of a {@link resizableArray} has room for. */
export function resize(array: Float64Array, elements: number): void {
  Reflect.apply(Reflect.get(array.buffer, 'resize'), array.buffer, [elements * 8]);
}
