// The damped inverse (Â + ρI)⁻¹ of a Nyström approximation, as P = G/c − (GV)Vᵀ.

import { checkChoice, checkNonNegative, checkPositive, checkShape } from '../core/check.js';
import { DTYPES, type DType, LARGEST } from '../core/dtype.js';
import { type DenseMatrix, type Matrix64, zeros } from '../core/matrix.js';
import { gemm } from '../kernels/gemm.js';
import { axpby } from '../kernels/level1.js';
import type { Eigenpairs } from './factor.js';

/** (Â + ρI)⁻¹ = I/c − VVᵀ. */
export interface LowRankInverse<D extends DType> {
  /** p×r: U·diag(√(1/c − 1/max(λ̂+ρ, c))). */
  readonly V: DenseMatrix<D>;
  /** What Â + ρI is taken to be on the complement of U. */
  readonly c: number;
}

/**
 * A damping must be > 0, and so large that 1/ρ is a number of the dtype.
 *
 * @throws RangeError where it is not.
 */
export function checkDamping(where: string, damping: number, dtype: DType): void {
  checkPositive(where, 'damping', damping);
  if (1 / damping <= LARGEST[dtype]) return;
  throw new RangeError(
    `${where}: damping is ${damping}, expected at least ${1 / LARGEST[dtype]}, so that its inverse is finite in ${dtype}`,
  );
}

/** Options of {@link lowRankInverse}. */
export interface InverseOptions {
  /** ρ > 0. */
  readonly damping: number;
  /**
   * tr(A), to let the discarded spectrum count: c = ρ + max(0, tr − Σλ̂)/(p − r). Without it c = ρ,
   * as in the paper. Advised for ρ ≤ 0.1.
   */
  readonly trace?: number;
}

/**
 * The factors of the damped inverse: P = G/c + ((GU)·diag(1/max(λ̂+ρ, c) − 1/c))Uᵀ. The diagonal is
 * never positive, so U and its square root make one matrix V and two products apply it.
 *
 * Cost: O(pr). Source: NysAct, Algorithm 1, line 19, where zero eigenvalues are inverted; here they
 * are damped, once.
 *
 * @throws RangeError unless ρ > 0, ρ and 1/ρ are finite in the dtype, and tr ≥ 0.
 */
export function lowRankInverse<D extends DType>(
  { U, eigenvalues }: Eigenpairs,
  dtype: D,
  { damping: rho, trace }: InverseOptions,
): LowRankInverse<D> {
  checkChoice('lowRankInverse', 'dtype', dtype, DTYPES);
  checkDamping('lowRankInverse', rho, dtype);
  if (trace !== undefined) checkNonNegative('lowRankInverse', 'trace', trace);
  const [p, r] = [U.rows, U.cols];
  const captured = eigenvalues.reduce((sum, value) => sum + value, 0);
  const tail = trace === undefined || p === r ? 0 : Math.max(0, trace - captured) / (p - r);
  const c = rho + tail;
  // With μ = max(λ̂+ρ, c) = c + excess, 1/c − 1/μ = excess/(cμ): no cancellation.
  const roots = eigenvalues.map((value) => {
    const excess = Math.max(value - tail, 0);
    return Math.sqrt(excess / (c + excess) / c);
  });
  const V = zeros(dtype, p, r);
  scaleColumns(U, roots, V);
  return { V, c };
}

/** V ← U·diag(factors). */
function scaleColumns(U: Matrix64, factors: Float64Array, V: DenseMatrix): void {
  const [u, v] = [U.data, V.data];
  const { rows, cols } = U;
  for (let i = 0; i < rows; i++) {
    let from = U.offset + i * U.stride;
    let to = V.offset + i * V.stride;
    for (let j = 0; j < cols; j++, from++, to++) v[to] = factors[j] * u[from];
  }
}

/**
 * P = G(Â + ρI)⁻¹ for G (q×p). Cost: O(q·p·r); p×p is never formed.
 *
 * @throws RangeError where G has another number of columns than the factor has inputs.
 */
export function applyLowRankInverse<D extends DType>(
  G: DenseMatrix<D>,
  { V, c }: LowRankInverse<D>,
): DenseMatrix<D> {
  checkShape('applyLowRankInverse', 'G', G, G.rows, V.rows);
  const GV = zeros(G.dtype, G.rows, V.cols);
  const P = zeros(G.dtype, G.rows, G.cols);
  gemm(1, G, 'N', V, 'N', 0, GV);
  axpby(1 / c, G, 0, P);
  gemm(-1, GV, 'N', V, 'T', 1, P);
  return P;
}

/**
 * The effective dimension Σ λ̂/(λ̂ + ρ): how many directions the damping leaves to the curvature.
 *
 * @throws RangeError unless ρ is finite and > 0.
 */
export function effectiveDimension(eigenvalues: Float64Array, rho: number): number {
  checkPositive('effectiveDimension', 'damping', rho);
  return eigenvalues.reduce((sum, value) => sum + value / (value + rho), 0);
}
