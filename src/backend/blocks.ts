// Blocks of a matrix, cut out and put together by primitives alone.

import type { DType } from '../core/dtype.js';
import { zeros } from '../core/matrix.js';
import type { Backend, Slot, Take } from './backend.js';
import { sideBySide } from './side-by-side.js';

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
  const block = columnsOf(backend, A, cols, take);
  if (rows.size === A.rows) return block;
  return rowsOf(backend, block, pickedRows(backend, A.rows, rows, take), take);
}

/**
 * C ← what `map` makes of each block of A in `into`, a slot as large; `row` and `col` number the parts. C is
 * not A.
 *
 * Cost: 4·q flops an element to pick and place rows, where there are more parts of them than one. Memory beside
 * what `map` borrows, for one part of b rows at a time: b columns of C's length, and a few strips of b rows.
 */
export function mapBlocks<D extends DType>(
  backend: Backend<D>,
  A: Slot<D>,
  { rows, cols }: { readonly rows: readonly Part[]; readonly cols: readonly Part[] },
  map: (block: Slot<D>, row: number, col: number, into: Slot<D>) => void,
  C: Slot<D>,
): void {
  rows.forEach((part, row) => {
    backend.borrow((take) => {
      const E = rows.length > 1 ? pickedRows(backend, A.rows, part, take) : undefined;
      const strip = E === undefined ? A : rowsOf(backend, A, E, take);
      const isWhole = E === undefined && cols.length === 1;
      const mapped = cols.map((columns, col) => {
        const into = isWhole ? C : take(part.size, columns.size);
        map(columnsOf(backend, strip, columns, take), row, col, into);
        return into;
      });
      if (isWhole) return;
      const joined = sideBySide(backend, take, mapped);
      if (E === undefined) backend.axpby(1, joined, 0, C);
      else backend.gemm(1, E, 'N', joined, 'N', Math.min(row, 1), C);
    });
  });
}

function columnsOf<D extends DType>(
  backend: Backend<D>,
  A: Slot<D>,
  { from, size }: Part,
  take: Take<D>,
): Slot<D> {
  if (size === A.cols) return A;
  const columns = take(A.rows, size);
  backend.sliceColumns(A, from, columns);
  return columns;
}

/** EᵀA, of columns of I. */
function rowsOf<D extends DType>(
  backend: Backend<D>,
  A: Slot<D>,
  E: Slot<D>,
  take: Take<D>,
): Slot<D> {
  const picked = take(E.cols, A.cols);
  backend.gemm(1, E, 'T', A, 'N', 0, picked);
  return picked;
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
