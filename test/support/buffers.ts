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

/** Changes the number of elements of a {@link resizableArray}. */
export function resize(array: Float64Array, elements: number): void {
  Reflect.apply(Reflect.get(array.buffer, 'resize'), array.buffer, [elements * 8]);
}
