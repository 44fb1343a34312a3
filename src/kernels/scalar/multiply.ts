// Products of any shape in plain TypeScript: packed, or along a vector.

import type { DenseMatrix, Op } from '../../core/matrix.js';
import { rescale } from '../level1.js';
import { matrixVector } from '../vector.js';
import { packedProduct } from './packed.js';

/** C ← α·op(A)·op(B) + β·C; shapes are the caller's to check, and any dimension may be 0. */
export function multiply(
  alpha: number,
  A: DenseMatrix,
  opA: Op,
  B: DenseMatrix,
  opB: Op,
  beta: number,
  C: DenseMatrix,
): void {
  if ((opA === 'N' ? A.cols : A.rows) === 0) rescale(beta, C);
  else if (C.cols === 1) matrixVector(alpha, A, opA, B, beta, C);
  else if (C.rows === 1) matrixVector(alpha, B, opB === 'N' ? 'T' : 'N', A, beta, C);
  else packedProduct(alpha, A, opA, B, opB, beta, C, false);
}
