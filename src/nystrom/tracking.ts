// The sketch of a window that follows the factor of the window before.

import { checkChoice, checkInteger, checkShape } from '../core/check.js';
import { DTYPES, type DType } from '../core/dtype.js';
import { convert, copyInto, type DenseMatrix, fitDType, zeros } from '../core/matrix.js';
import { gemm } from '../kernels/gemm.js';
import { thinQr } from '../linalg/qr.js';
import { checkSketch, denseSketch, type Sketch } from '../sketch/sketch.js';
import { checkEigenpairs, type Eigenpairs } from './factor.js';

/**
 * S = orth[U, Ω], p×k for Ω of k columns: the `kept` leading eigenvectors of `pairs`, and the first columns of
 * Ω in place of the rest. An eigenvector whose λ̂ is 0 says nothing, and is not kept.
 *
 * With such sketches every window is one step of subspace iteration at no pass over X: the factor of a
 * constant A approaches the best of its rank. The fresh columns find a subspace that A has turned to.
 *
 * Cost: 4pk² flops, in float64 whatever the dtype.
 *
 * @param pairs The eigenpairs of the window before, of p inputs.
 * @param sketch Ω, a fresh sketch that the eigenpairs had no part in.
 * @throws RangeError where shapes do not fit, or `kept` is no integer in 0 … k; TypeError where an argument
 *   is of another type.
 */
export function trackingSketch<D extends DType>(
  pairs: Eigenpairs,
  sketch: Sketch,
  kept: number,
  dtype: D,
): Sketch<D> {
  const where = 'trackingSketch';
  checkEigenpairs(where, pairs);
  checkSketch(where, sketch);
  checkChoice(where, 'dtype', dtype, DTYPES);
  const { U, eigenvalues } = pairs;
  const { inputs, width } = sketch;
  checkInteger(where, 'kept', kept, 0, width);
  checkShape(where, 'U of pairs', U, inputs, U.cols);
  const seen = eigenvalues.filter((value) => value > 0).length;
  const leading = Math.min(kept, seen);
  const S = denseSketch(sketch, 'float64');
  const moved = S.view(0, leading, inputs, width - leading);
  copyInto(S.view(0, 0, inputs, width - leading).clone(), moved);
  copyInto(U.view(0, 0, inputs, leading), S.view(0, 0, inputs, leading));
  return { kind: 'dense', inputs, width, S: convert(thinQr(S).Q, dtype) };
}

/**
 * ÂS = U·diag(λ̂)·UᵀS, p×k: what the average of a window begins with that carries on the one before.
 *
 * Cost: 4prk flops, in float64 whatever the dtype.
 *
 * @throws RangeError where shapes do not fit, or ÂS leaves the range of the dtype; TypeError where an argument
 *   is of another type.
 */
export function carriedSketch<D extends DType>(
  pairs: Eigenpairs,
  sketch: Sketch,
  dtype: D,
): DenseMatrix<D> {
  const where = 'carriedSketch';
  checkEigenpairs(where, pairs);
  checkSketch(where, sketch);
  checkChoice(where, 'dtype', dtype, DTYPES);
  const { U, eigenvalues } = pairs;
  checkShape(where, 'U of pairs', U, sketch.inputs, U.cols);
  const UtS = zeros('float64', U.cols, sketch.width);
  gemm(1, U, 'T', denseSketch(sketch, 'float64'), 'N', 0, UtS);
  eigenvalues.forEach((value, j) => {
    for (let k = 0; k < UtS.cols; k++) UtS.set(j, k, value * UtS.at(j, k));
  });
  const C = zeros('float64', sketch.inputs, sketch.width);
  gemm(1, U, 'N', UtS, 'N', 0, C);
  return fitDType(where, 'ÂS', C, dtype);
}

/** How a sketch of `width` columns is made of the last factor's eigenvectors and fresh columns. */
interface Tracking {
  /** r. */
  readonly rank: number;
  readonly width: number;
  /** Columns that a sketch has beyond r, where it is not cut to p. */
  readonly oversample: number;
  /** Fresh columns that are asked for. */
  readonly fresh: number | undefined;
  readonly carry: boolean;
}

/**
 * How many eigenvectors a sketch keeps. Unless they are asked for, the columns that it is oversampled by are
 * fresh; else two, and fewer than r; and none of what is carried: eigenvectors that are not kept are lost.
 */
export function keptColumns({ rank, width, oversample, fresh, carry }: Tracking): number {
  const least = carry ? 0 : Math.min(2, rank - 1);
  return Math.min(rank, Math.max(0, width - (fresh ?? (oversample || least))));
}
