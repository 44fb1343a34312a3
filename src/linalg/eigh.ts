// Eigenvalues and eigenvectors of a symmetric matrix.

import { checkSquare } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { NonFiniteError } from '../core/errors.js';
import {
  checkFinite,
  checkMatrix,
  convert,
  copyInto,
  type DenseMatrix,
  type Matrix64,
  setIdentity,
} from '../core/matrix.js';
import { integer, type OptionsOf, optionList } from '../core/options.js';
import { checkWorkspace, Workspace } from '../core/workspace.js';
import { scale } from '../kernels/level1.js';
import { mirrorLower, transpose } from '../kernels/movement.js';
import { diagonaliseByRotations } from './jacobi.js';
import { diagonaliseTridiagonal } from './ql.js';
import { Rotations } from './rotations.js';
import { nearbyPowerOfTwo } from './scaling.js';
import { orthogonalFactor, tridiagonalise } from './tridiagonal.js';

/** A = V·diag(eigenvalues)·Vᵀ. */
export interface Eigh<D extends DType> {
  /** In descending order. */
  readonly eigenvalues: Float64Array;
  /** V: n×n, orthogonal; column j belongs to `eigenvalues[j]`. Its sign is arbitrary. */
  readonly vectors: DenseMatrix<D>;
}

const EIGH_OPTIONS = /* @__PURE__ */ optionList({
  /**
   * Jacobi sweeps over a small matrix, or QL sweeps per row of a larger one (on average); default
   * 30, which is several times what is usual.
   */
  maxSweeps: /* @__PURE__ */ integer(1).default(30),
});

/** The bound of an iteration. @interface */
export type EighOptions = OptionsOf<typeof EIGH_OPTIONS>;

/** Up to this size Jacobi rotations are used, for their accuracy; beyond, QL for its speed. */
const JACOBI_SIZE = 12;

/**
 * The eigendecomposition A = V·diag(λ)·Vᵀ of a symmetric matrix.
 *
 * A is n×n and is not changed; only its lower triangle is read. Computed in float64 on a copy that is
 * scaled near 1 by a power of two, whatever the dtype; V is rounded to it at the end. The same
 * input gives the same bits. Errors are of order n·ε·‖A‖, with the ε of float64 in λ and that of the
 * dtype in ‖AV − V·diag(λ)‖.
 *
 * Cost: cyclic Jacobi up to n = 12, about 50n³ flops; beyond it Householder reduction to tridiagonal
 * form and implicit-shift QL, about 9n³ flops. 2n² float64 numbers of workspace.
 *
 * @throws TypeError if A is no matrix or the options are no object; RangeError if A is not square,
 * its lower triangle holds NaN or Infinity or `maxSweeps` is not a positive integer;
 * NotConvergedError if the sweeps are used up; NonFiniteError if an eigenvalue exceeds the range of
 * float64.
 */
export function eigh<D extends DType>(
  A: DenseMatrix<D>,
  options: EighOptions = {},
  workspace: Workspace = new Workspace(),
): Eigh<D> {
  const { maxSweeps } = checkArguments('eigh', A, options, workspace);
  return workspace.scope(() => {
    const n = A.rows;
    const W = workspace.take('float64', n, n);
    const unit = prepare('eigh', A, W);
    const Zt = workspace.take('float64', n, n);
    const values = n <= JACOBI_SIZE ? jacobi(W, Zt, maxSweeps) : ql(W, Zt, maxSweeps);
    const order = Array.from(values.keys()).toSorted((i, j) => values[j] - values[i]);
    const sorted = Float64Array.from(order, (i) => values[i]);
    // W has done its work: it takes the eigenvectors in their order.
    order.forEach((from, to) => {
      const row = Zt.offset + from * Zt.stride;
      W.data.set(Zt.data.subarray(row, row + n), W.offset + to * W.stride);
    });
    transpose(W, Zt);
    return { eigenvalues: rescale('eigh', sorted, unit), vectors: convert(Zt, A.dtype) };
  });
}

/**
 * The eigenvalues of a symmetric matrix, in descending order: {@link eigh} without its vectors.
 *
 * A is n×n and is not changed; only its lower triangle is read. Cost: 4n³/3 flops; n² numbers of workspace.
 *
 * @throws TypeError if A is no matrix or the options are no object; RangeError if A is not square,
 * its lower triangle holds NaN or Infinity or `maxSweeps` is not a positive integer;
 * NotConvergedError if the sweeps are used up; NonFiniteError if an eigenvalue exceeds the range of
 * float64.
 */
export function eigvalsh(
  A: DenseMatrix,
  options: EighOptions = {},
  workspace: Workspace = new Workspace(),
): Float64Array {
  const { maxSweeps } = checkArguments('eigvalsh', A, options, workspace);
  return workspace.scope(() => {
    const W = workspace.take('float64', A.rows, A.rows);
    const unit = prepare('eigvalsh', A, W);
    const T = tridiagonalise(W);
    diagonaliseTridiagonal('eigvalsh', T, undefined, maxSweeps);
    return rescale(
      'eigvalsh',
      T.diagonal.toSorted((a, b) => b - a),
      unit,
    );
  });
}

function checkArguments(
  where: string,
  A: DenseMatrix,
  options: EighOptions,
  workspace: Workspace,
): { readonly maxSweeps: number } {
  checkMatrix(where, 'A', A);
  checkSquare(where, 'A', A);
  checkWorkspace(where, workspace);
  return EIGH_OPTIONS.read(where, options);
}

/** W ← A/unit, from the lower triangle of A; returns the unit, a power of two that brings it near 1. */
function prepare(where: string, A: DenseMatrix, W: Matrix64): number {
  copyInto(A, W);
  for (let i = 0; i < W.rows; i++) {
    const row = W.offset + i * W.stride;
    W.data.fill(0, row + i + 1, row + W.cols);
  }
  const unit = nearbyPowerOfTwo(checkFinite(where, 'A', W));
  scale(1 / unit, W);
  mirrorLower(W);
  return unit;
}

/** Zt ← the eigenvectors of W as rows; returns the eigenvalues in their order. W is destroyed. */
function jacobi(W: Matrix64, Zt: Matrix64, maxSweeps: number): Float64Array {
  setIdentity(Zt);
  diagonaliseByRotations(W, Zt, maxSweeps);
  const values = new Float64Array(W.rows);
  for (let i = 0; i < W.rows; i++) values[i] = W.at(i, i);
  return values;
}

/** As {@link jacobi}. */
function ql(W: Matrix64, Zt: Matrix64, maxSweeps: number): Float64Array {
  const T = tridiagonalise(W);
  orthogonalFactor(W, Zt);
  diagonaliseTridiagonal('eigh', T, new Rotations(Zt), maxSweeps);
  return T.diagonal;
}

function rescale(where: string, eigenvalues: Float64Array, unit: number): Float64Array {
  for (let i = 0; i < eigenvalues.length; i++) eigenvalues[i] *= unit;
  if (!eigenvalues.every(Number.isFinite)) throw new NonFiniteError(`${where}: eigenvalues`);
  return eigenvalues;
}
