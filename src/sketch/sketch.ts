// A drawn sketch, by what it is in memory: compared, and applied on the host.

import { checkNonNegative, checkShape } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { convert, copyInto, type DenseMatrix, zeros } from '../core/matrix.js';
import { gemm } from '../kernels/gemm.js';
import type { SketchOf } from '../kernels/kernels.js';
import type { SketchShape } from './shape.js';

/**
 * A drawn sketch S (p×r): a matrix, or columns of I, whatever distribution it came from. A value, never
 * changed after it is drawn.
 */
export type Sketch<D extends DType = DType> = SketchShape & SketchOf<DenseMatrix<D>>;

/** Whether two sketches are the same matrix in the same form and dtype, bit for bit. */
export function sameSketch(a: Sketch, b: Sketch): boolean {
  if (a.inputs !== b.inputs || a.width !== b.width) return false;
  if (a.kind === 'dense') {
    return b.kind === 'dense' && a.S.dtype === b.S.dtype && sameElements(a.S, b.S);
  }
  return b.kind === 'columns' && a.indices.every((index, j) => index === b.indices[j]);
}

function sameElements(A: DenseMatrix, B: DenseMatrix): boolean {
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.cols; j++) {
      if (A.at(i, j) !== B.at(i, j)) return false;
    }
  }
  return true;
}

/**
 * Y ← Y + νS. Y is p×r.
 *
 * Cost: 2pr flops (dense), r additions (columns).
 *
 * @throws RangeError where Y is not p×r or `nu` is not a finite number ≥ 0; Y is untouched then.
 */
export function addScaledSketch(nu: number, sketch: Sketch, Y: DenseMatrix<'float64'>): void {
  checkNonNegative('addScaledSketch', 'nu', nu);
  checkShape('addScaledSketch', 'Y', Y, sketch.inputs, sketch.width);
  if (sketch.kind === 'dense') {
    const { data: s, offset, stride } = sketch.S;
    const y = Y.data;
    for (let i = 0; i < Y.rows; i++) {
      const from = offset + i * stride;
      const to = Y.offset + i * Y.stride;
      for (let j = 0; j < Y.cols; j++) y[to + j] += nu * s[from + j];
    }
  } else {
    sketch.indices.forEach((i, j) => {
      Y.set(i, j, Y.at(i, j) + nu);
    });
  }
}

/**
 * SᵀY in float64, whatever the dtype of S. Y is p×n, the result r×n.
 *
 * Cost: 2prn flops (dense), rn copies (columns: the rows of Y that S picks).
 *
 * @throws RangeError where Y does not have p rows.
 */
export function applySketchTranspose(
  sketch: Sketch,
  Y: DenseMatrix<'float64'>,
): DenseMatrix<'float64'> {
  checkShape('applySketchTranspose', 'Y', Y, sketch.inputs, Y.cols);
  const B = zeros('float64', sketch.width, Y.cols);
  if (sketch.kind === 'dense') {
    gemm(1, convert(sketch.S, 'float64'), 'T', Y, 'N', 0, B);
  } else {
    sketch.indices.forEach((i, j) => {
      copyInto(Y.view(i, 0, 1, Y.cols), B.view(j, 0, 1, Y.cols));
    });
  }
  return B;
}

/** S as a new dense p×r matrix of `dtype`. Cost: p·r. */
export function denseSketch<D extends DType>(sketch: Sketch, dtype: D): DenseMatrix<D> {
  if (sketch.kind === 'dense') return convert(sketch.S, dtype);
  const S = zeros(dtype, sketch.inputs, sketch.width);
  sketch.indices.forEach((i, j) => {
    S.set(i, j, 1);
  });
  return S;
}
