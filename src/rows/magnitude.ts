// ‖X‖²F, and how large it may be: one sum finds overflow, NaN and Infinity before any moment is taken.

import { LARGEST } from '../core/dtype.js';
import { checkFinite, type DenseMatrix } from '../core/matrix.js';

/** What {@link checkMagnitude} is told of the rows X. */
export interface Magnitude {
  /** ‖X‖²F. */
  readonly size: number;
  /** Σw. */
  readonly count: number;
  /** p. */
  readonly cols: number;
}

/**
 * No entry of XᵀX, Xᵀ(XS) or their means may overflow. Entries of XᵀX are at most ‖X‖²F; a column of
 * XᵀXS at most ‖X‖²F·‖s‖, and ‖s‖ ≤ p covers columns of I and, with room, Gaussian ones. `A` is what
 * the rows were made of: if it holds NaN or Infinity, the message says where.
 *
 * @throws RangeError where one may.
 */
export function checkMagnitude(
  where: string,
  name: string,
  A: DenseMatrix,
  { size, count, cols }: Magnitude,
): void {
  const limit = (LARGEST[A.dtype] / cols) * Math.min(1, count);
  if (size <= limit) return;
  checkFinite(where, name, A);
  throw new RangeError(
    `${where}: rows too large for ${A.dtype}: the squared norm of X is ${size}, expected <= ${limit} so that XᵀX and its sketch stay finite`,
  );
}

/** ‖A‖²F in double precision. */
export function sumOfSquares({ data, offset, stride, rows, cols }: DenseMatrix): number {
  // Four sums, because one alone would wait for each addition.
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let i = 0; i < rows; i++) {
    let k = offset + i * stride;
    const end = k + cols;
    for (; k + 3 < end; k += 4) {
      s0 += data[k] * data[k];
      s1 += data[k + 1] * data[k + 1];
      s2 += data[k + 2] * data[k + 2];
      s3 += data[k + 3] * data[k + 3];
    }
    for (; k < end; k++) s0 += data[k] * data[k];
  }
  return s0 + s1 + s2 + s3;
}
