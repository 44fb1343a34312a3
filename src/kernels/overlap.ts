// Whether two views share memory, decided exactly: kernels refuse an output that is also an input.

import { bufferOf, type DenseMatrix } from '../core/matrix.js';

/** Whether `A` and `C` are the same view: every element (i, j) is the same memory. */
export function isSameView(A: DenseMatrix, C: DenseMatrix): boolean {
  return (
    bufferOf(A) === bufferOf(C) &&
    start(A) === start(C) &&
    A.dtype === C.dtype &&
    A.stride === C.stride &&
    A.rows === C.rows &&
    A.cols === C.cols
  );
}

/**
 * Whether some element of `A` and some element of `C` lie in the same memory. Exact for any
 * offsets, strides and dtypes: side-by-side blocks of one matrix do not overlap.
 *
 * Cost: constant, or O(A.rows + C.rows) where the two lie in one buffer and their spans cross.
 */
export function overlaps(A: DenseMatrix, C: DenseMatrix): boolean {
  if (bufferOf(A) !== bufferOf(C)) return false;
  if (A.rows === 0 || A.cols === 0 || C.rows === 0 || C.cols === 0) return false;
  const a = rowsInBytes(A);
  const c = rowsInBytes(C);
  // Rows are byte intervals in rising order; walk both lists and drop the one that ends first.
  let i = Math.max(0, Math.ceil((c.start - a.start - a.width) / a.step));
  let k = Math.max(0, Math.ceil((a.start - c.start - c.width) / c.step));
  while (i < A.rows && k < C.rows) {
    const fromA = a.start + i * a.step;
    const fromC = c.start + k * c.step;
    if (fromA + a.width <= fromC) i++;
    else if (fromC + c.width <= fromA) k++;
    else return true;
  }
  return false;
}

/**
 * The indices of two of `matrices` that overlap, if any do.
 *
 * Cost: O(n log n) where matrices of one buffer lie one behind the other; matrices that lie side by side
 * are compared in pairs.
 */
export function firstOverlap(
  matrices: readonly DenseMatrix[],
): readonly [number, number] | undefined {
  const spans = matrices
    .map((A, index) => ({ A, index, ...spanInBytes(A) }))
    .filter(({ first, last }) => first < last)
    .toSorted((a, b) => a.first - b.first);
  /** By buffer, the spans that have begun and may not have ended. */
  const open = new Map<ArrayBufferLike, typeof spans>();
  for (const span of spans) {
    const buffer = bufferOf(span.A);
    const begun = (open.get(buffer) ?? []).filter(({ last }) => last > span.first);
    const other = begun.find(({ A }) => overlaps(A, span.A));
    if (other !== undefined) return [other.index, span.index];
    open.set(buffer, [...begun, span]);
  }
  return undefined;
}

/**
 * `A` must share no memory with the output `C`.
 *
 * @throws RangeError naming the routine and the input that overlaps.
 */
export function checkDisjoint(
  where: string,
  nameA: string,
  A: DenseMatrix,
  nameC: string,
  C: DenseMatrix,
): void {
  if (!overlaps(A, C)) return;
  throw new RangeError(
    `${where}: ${nameC} shares memory with ${nameA}, expected an output that overlaps no input`,
  );
}

/** Byte address of element (0, 0) in its buffer. */
function start(A: DenseMatrix): number {
  return A.data.byteOffset + A.offset * A.data.BYTES_PER_ELEMENT;
}

function rowsInBytes(A: DenseMatrix): { start: number; width: number; step: number } {
  const bytes = A.data.BYTES_PER_ELEMENT;
  return { start: start(A), width: A.cols * bytes, step: A.stride * bytes };
}

/** The bytes from the first element to behind the last. */
function spanInBytes(A: DenseMatrix): { first: number; last: number } {
  if (A.rows === 0 || A.cols === 0) return { first: 0, last: 0 };
  const { start: first, width, step } = rowsInBytes(A);
  return { first, last: first + (A.rows - 1) * step + width };
}
