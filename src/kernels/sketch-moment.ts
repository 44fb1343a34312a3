// C ← α·Xᵀ(XS) + β·C.

import { checkDType, checkScalar, checkShape } from '../core/check.js';
import { checkMatrix, type DenseMatrix } from '../core/matrix.js';
import { takeIndices } from './indices.js';
import type { SketchMatrix } from './kernels.js';
import { rescale } from './level1.js';
import { checkDisjoint } from './overlap.js';
import { activeKernels } from './selection.js';

/** The S of Xᵀ(XS): a matrix, or the columns of I that it picks, in an array of any kind. */
export type Sketching =
  | { readonly kind: 'dense'; readonly S: DenseMatrix }
  | { readonly kind: 'columns'; readonly indices: ArrayLike<number> };

/**
 * C ← α·Xᵀ(XS) + β·C. X is m×p, S is p×r, C is p×r. With β = 0 the old content of C is not read.
 *
 * Cost: 4mpr flops, or 2mpr where S picks columns; memory for 2pr elements, and a bounded part of X.
 *
 * @throws TypeError if an operand is no DenseMatrix, has lost its memory, or has another dtype, or the
 * indices are no array; RangeError if α or β is no number of the dtype, the shapes do not fit, an index
 * is no integer in [0, p), or C overlaps X or S. C is untouched then.
 */
export function sketchMoment(
  alpha: number,
  X: DenseMatrix,
  sketch: Sketching,
  beta: number,
  C: DenseMatrix,
): void {
  checkMatrix('sketchMoment', 'X', X);
  checkMatrix('sketchMoment', 'C', C);
  checkScalar('sketchMoment', 'alpha', alpha, C.dtype);
  checkScalar('sketchMoment', 'beta', beta, C.dtype);
  checkDType('sketchMoment', 'X', X, C.dtype);
  checkDisjoint('sketchMoment', 'X', X, 'C', C);
  const checked = checkSketching(X, sketch, C);
  if (alpha === 0 || X.rows === 0 || C.rows === 0 || C.cols === 0) rescale(beta, C);
  else activeKernels().sketchMoment(alpha, X, checked, beta, C);
}

function checkSketching(X: DenseMatrix, sketch: Sketching, C: DenseMatrix): SketchMatrix {
  if (sketch.kind === 'columns') {
    const indices = takeIndices('sketchMoment', sketch.indices, X.cols);
    checkShape('sketchMoment', 'C', C, X.cols, indices.length);
    return { kind: 'columns', indices };
  }
  const { S } = sketch;
  checkMatrix('sketchMoment', 'S', S);
  checkDType('sketchMoment', 'S', S, C.dtype);
  checkShape('sketchMoment', 'S', S, X.cols, S.cols);
  checkShape('sketchMoment', 'C', C, X.cols, S.cols);
  checkDisjoint('sketchMoment', 'S', S, 'C', C);
  return sketch;
}
