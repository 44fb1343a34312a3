// Blocks of a matrix, cut out and put together by primitives alone.

import type { DType } from '../core/dtype.js';
import { zeros } from '../core/matrix.js';
import type { Backend, Slot, Take } from './backend.js';

/** Consecutive rows or columns. */
export interface Part {
  readonly from: number;
  readonly size: number;
}

/** `length` rows or columns in parts of at most `most`. */
export function partsOf(length: number, most: number): readonly Part[] {
  return Array.from({ length: Math.ceil(length / most) }, (_, k) => {
    const from = k * most;
    return { from, size: Math.min(most, length - from) };
  });
}

/**
 * The block of A of these rows and columns: A itself if that is all of it, else a copy in what is taken.
 *
 * Cost: none for the columns; of fewer than all q rows 2·q flops an element, as they are picked by a product.
 */
export function blockOf<D extends DType>(
  backend: Backend<D>,
  A: Slot<D>,
  rows: Part,
  cols: Part,
  take: Take<D>,
): Slot<D> {
  let block = A;
  if (cols.size < A.cols) {
    block = take(A.rows, cols.size);
    backend.sliceColumns(A, cols.from, block);
  }
  if (rows.size === A.rows) return block;
  const picked = take(rows.size, cols.size);
  backend.gemm(1, pickedRows(backend, A.rows, rows, take), 'T', block, 'N', 0, picked);
  return picked;
}

/**
 * A ← the blocks, row after row of them: parts of the rows first, side by side. Cost: that of {@link blockOf}.
 */
export function putBlocks<D extends DType>(
  backend: Backend<D>,
  blocks: readonly (readonly Slot<D>[])[],
  A: Slot<D>,
  take: Take<D>,
): void {
  let from = 0;
  blocks.forEach((row, k) => {
    const strip = row.reduce((left, right) => {
      const joined = take(left.rows, left.cols + right.cols);
      backend.joinColumns(left, right, joined);
      return joined;
    });
    const size = strip.rows;
    if (size === A.rows) backend.axpby(1, strip, 0, A);
    else {
      const E = pickedRows(backend, A.rows, { from, size }, take);
      backend.gemm(1, E, 'N', strip, 'N', Math.min(k, 1), A);
    }
    from += size;
  });
}

/** The columns of I, q×q, whose product with a matrix picks or places rows. */
function pickedRows<D extends DType>(
  backend: Backend<D>,
  q: number,
  { from, size }: Part,
  take: Take<D>,
): Slot<D> {
  const columns = zeros(backend.dtype, q, size);
  for (let k = 0; k < size; k++) columns.set(from + k, k, 1);
  const E = take(q, size);
  backend.write(E, columns);
  return E;
}
