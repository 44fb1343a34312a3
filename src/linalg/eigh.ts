// Eigenvalues and eigenvectors of a symmetric matrix.

import { checkFinite, checkInteger, checkOptions, checkSquare } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { NonFiniteError } from '../core/errors.js';
import {
  checkMatrix,
  convert,
  copyInto,
  type DenseMatrix,
  identity,
  type Matrix64,
} from '../core/matrix.js';
import { mirrorLower, scale, transpose } from '../kernels/level1.js';
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

/** The bound of an iteration. */
export interface EighOptions {
  /**
   * Jacobi sweeps over a small matrix, or QL sweeps per row of a larger one (on average); default
   * 30, which is several times what is usual.
   */
  readonly maxSweeps?: number;
}

const MAX_SWEEPS = 30;

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
 * form and implicit-shift QL, about 8n³ flops. Workspace: 3n² float64 numbers beside the result.
 *
 * @throws TypeError if A is no matrix or the options are no object; RangeError if A is not square,
 * its lower triangle holds NaN or Infinity or `maxSweeps` is not a positive integer;
 * NotConvergedError if the sweeps are used up; NonFiniteError if an eigenvalue exceeds the range of
 * float64.
 */
export function eigh<D extends DType>(A: DenseMatrix<D>, options: EighOptions = {}): Eigh<D> {
  const { W, unit, maxSweeps } = prepare('eigh', A, options);
  const n = A.rows;
  const { values, Zt } = n <= JACOBI_SIZE ? jacobi(W, maxSweeps) : ql(W, maxSweeps);
  const order = Array.from(values.keys()).toSorted((i, j) => values[j] - values[i]);
  const sorted = Float64Array.from(order, (i) => values[i]);
  // W has done its work: it takes the eigenvectors in their order.
  order.forEach((from, to) => {
    copyInto(Zt.view(from, 0, 1, n), W.view(to, 0, 1, n));
  });
  transpose(W, Zt);
  return { eigenvalues: rescale('eigh', sorted, unit), vectors: convert(Zt, A.dtype) };
}

/**
 * The eigenvalues of a symmetric matrix, in descending order: {@link eigh} without its vectors.
 *
 * A is n×n and is not changed; only its lower triangle is read. Cost: 4n³/3 flops; workspace n².
 *
 * @throws TypeError if A is no matrix or the options are no object; RangeError if A is not square,
 * its lower triangle holds NaN or Infinity or `maxSweeps` is not a positive integer;
 * NotConvergedError if the sweeps are used up; NonFiniteError if an eigenvalue exceeds the range of
 * float64.
 */
export function eigvalsh(A: DenseMatrix, options: EighOptions = {}): Float64Array {
  const { W, unit, maxSweeps } = prepare('eigvalsh', A, options);
  const T = tridiagonalise(W);
  diagonaliseTridiagonal('eigvalsh', T, undefined, maxSweeps);
  const sorted = T.diagonal.toSorted((a, b) => b - a);
  return rescale('eigvalsh', sorted, unit);
}

/** The lower triangle of A in float64, scaled near 1 and mirrored. */
function prepare(
  where: string,
  A: DenseMatrix,
  options: EighOptions,
): { readonly W: Matrix64; readonly unit: number; readonly maxSweeps: number } {
  checkMatrix(where, 'A', A);
  checkOptions(where, options);
  const { maxSweeps = MAX_SWEEPS } = options;
  checkSquare(where, 'A', A);
  checkInteger(where, 'maxSweeps', maxSweeps, 1);
  const W = convert(A, 'float64');
  for (let i = 0; i < W.rows; i++) W.data.fill(0, i * W.cols + i + 1, (i + 1) * W.cols);
  const unit = nearbyPowerOfTwo(checkFinite(where, 'A', W));
  scale(1 / unit, W);
  mirrorLower(W);
  return { W, unit, maxSweeps };
}

interface Unordered {
  readonly values: Float64Array;
  /** Row j is the eigenvector of `values[j]`. */
  readonly Zt: Matrix64;
}

function jacobi(W: Matrix64, maxSweeps: number): Unordered {
  const Zt = identity('float64', W.rows);
  diagonaliseByRotations(W, Zt, maxSweeps);
  return { values: Float64Array.from({ length: W.rows }, (_, i) => W.at(i, i)), Zt };
}

function ql(W: Matrix64, maxSweeps: number): Unordered {
  const T = tridiagonalise(W);
  const Zt = orthogonalFactor(W);
  diagonaliseTridiagonal('eigh', T, new Rotations(Zt), maxSweeps);
  return { values: T.diagonal, Zt };
}

function rescale(where: string, eigenvalues: Float64Array, unit: number): Float64Array {
  for (let i = 0; i < eigenvalues.length; i++) eigenvalues[i] *= unit;
  if (!eigenvalues.every(Number.isFinite)) throw new NonFiniteError(`${where}: eigenvalues`);
  return eigenvalues;
}
