// A flat typed array, or a matrix, read row by row as a matrix of another shape.

import type { DType, TypedArrayOf } from '../core/dtype.js';
import { DenseMatrix } from '../core/matrix.js';

/**
 * The elements of `input`, in row-major order, as a rows × cols matrix: a view that shares memory,
 * or a compact copy where `input` is a matrix with gaps between its rows.
 *
 * @throws RangeError where the number of elements is not rows·cols, TypeError for another input.
 */
export function reshape<D extends DType>(
  where: string,
  name: string,
  input: DenseMatrix<D> | TypedArrayOf<D>,
  rows: number,
  cols: number,
): DenseMatrix<D>;
export function reshape(
  where: string,
  name: string,
  input: DenseMatrix | Float32Array | Float64Array,
  rows: number,
  cols: number,
): DenseMatrix {
  const isMatrix = input instanceof DenseMatrix;
  if (!isMatrix && !(input instanceof Float32Array || input instanceof Float64Array)) {
    throw new TypeError(
      `${where}: ${name} is ${input === null ? 'null' : typeof input}, expected a DenseMatrix, a Float32Array or a Float64Array`,
    );
  }
  const length = isMatrix ? input.rows * input.cols : input.length;
  if (length !== rows * cols) {
    throw new RangeError(
      `${where}: ${name} has ${length} elements, expected ${rows}·${cols} = ${rows * cols}`,
    );
  }
  if (isMatrix) {
    const A = input.stride === input.cols ? input : input.clone();
    return new DenseMatrix(A.dtype, rows, cols, A.data, A.offset);
  }
  return input instanceof Float32Array
    ? new DenseMatrix('float32', rows, cols, input)
    : new DenseMatrix('float64', rows, cols, input);
}
