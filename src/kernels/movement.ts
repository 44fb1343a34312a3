// Elements that change their place and not their value.

import { checkDType, checkInteger, checkShape, checkSquare } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { checkMatrix, type DenseMatrix } from '../core/matrix.js';
import { takeIndices } from './indices.js';
import { axpby } from './level1.js';
import { checkDisjoint } from './overlap.js';

/** Rows and columns of the square tiles that {@link transpose} walks, so that both sides stay in cache. */
const TILE = 16;

/**
 * C ← Aᵀ. A is m×n, C is n×m. Cost: one pass, in cache-sized tiles.
 *
 * @throws TypeError if an operand is no DenseMatrix, has lost its memory, or has another dtype;
 * RangeError if the shapes do not fit or C overlaps A. C is untouched then.
 */
export function transpose<D extends DType>(A: DenseMatrix<D>, C: DenseMatrix<D>): void {
  checkMatrix('transpose', 'A', A);
  checkMatrix('transpose', 'C', C);
  checkDType('transpose', 'A', A, C.dtype);
  checkShape('transpose', 'C', C, A.cols, A.rows);
  checkDisjoint('transpose', 'A', A, 'C', C);
  const a = A.data;
  const c = C.data;
  for (let i0 = 0; i0 < A.rows; i0 += TILE) {
    const i1 = Math.min(i0 + TILE, A.rows);
    for (let j0 = 0; j0 < A.cols; j0 += TILE) {
      const j1 = Math.min(j0 + TILE, A.cols);
      for (let j = j0; j < j1; j++) {
        const rowC = C.offset + j * C.stride;
        for (let i = i0; i < i1; i++) c[rowC + i] = a[A.offset + i * A.stride + j];
      }
    }
  }
}

/**
 * C ← the columns of A named by `indices`, in that order; an index may come twice.
 *
 * A is m×n, C is m×indices.length, 0 ≤ index < n; the indices may be an array of any kind. Cost: one
 * pass over C.
 *
 * @throws TypeError if an operand is no DenseMatrix, has lost its memory, or has another dtype, or the
 * indices are no array; RangeError if the shapes do not fit, an index is no integer in range, or C
 * overlaps A. C is untouched then.
 */
export function gatherColumns<D extends DType>(
  A: DenseMatrix<D>,
  indices: ArrayLike<number>,
  C: DenseMatrix<D>,
): void {
  checkMatrix('gatherColumns', 'A', A);
  checkMatrix('gatherColumns', 'C', C);
  checkDType('gatherColumns', 'A', A, C.dtype);
  const picks = takeIndices('gatherColumns', indices, A.cols);
  checkShape('gatherColumns', 'C', C, A.rows, picks.length);
  checkDisjoint('gatherColumns', 'A', A, 'C', C);
  const a = A.data;
  const c = C.data;
  for (let i = 0; i < C.rows; i++) {
    const rowA = A.offset + i * A.stride;
    const rowC = C.offset + i * C.stride;
    for (let j = 0; j < C.cols; j++) c[rowC + j] = a[rowA + picks[j]];
  }
}

/**
 * Columns [to, to+count) of C ← columns [from, from+count) of A; the other columns of C stay.
 *
 * A and C have the same number of rows, and may be one matrix where the two column ranges are
 * apart. Cost: one pass over the columns.
 *
 * @throws TypeError if an operand is no DenseMatrix, has lost its memory, or has another dtype;
 * RangeError if the rows differ, a range leaves its matrix, or the two ranges share memory. C is
 * untouched then.
 */
export function copyColumns<D extends DType>(
  A: DenseMatrix<D>,
  from: number,
  C: DenseMatrix<D>,
  to: number,
  count: number,
): void {
  checkMatrix('copyColumns', 'A', A);
  checkMatrix('copyColumns', 'C', C);
  checkDType('copyColumns', 'A', A, C.dtype);
  checkShape('copyColumns', 'A', A, C.rows, A.cols);
  checkInteger('copyColumns', 'from', from, 0, A.cols);
  checkInteger('copyColumns', 'to', to, 0, C.cols);
  checkInteger('copyColumns', 'count', count, 0, Math.min(A.cols - from, C.cols - to));
  const source = A.view(0, from, A.rows, count);
  const target = C.view(0, to, C.rows, count);
  checkDisjoint('copyColumns', 'A', source, 'C', target);
  axpby(1, source, 0, target);
}

/**
 * Cⱼᵢ ← Cᵢⱼ for j < i: the lower triangle is copied onto the upper. C is n×n. Cost: n²/2 copies.
 *
 * @throws TypeError if C is no DenseMatrix or has lost its memory; RangeError if it is not square. C is
 * untouched then.
 */
export function mirrorLower(C: DenseMatrix): void {
  checkMatrix('mirrorLower', 'C', C);
  checkSquare('mirrorLower', 'C', C);
  const c = C.data;
  for (let i0 = 0; i0 < C.rows; i0 += TILE) {
    for (let j0 = 0; j0 <= i0; j0 += TILE) {
      const j1 = Math.min(j0 + TILE, C.rows);
      for (let j = j0; j < j1; j++) {
        const row = C.offset + j * C.stride;
        const i1 = Math.min(i0 + TILE, C.rows);
        for (let i = Math.max(i0, j + 1); i < i1; i++) c[row + i] = c[C.offset + i * C.stride + j];
      }
    }
  }
}
