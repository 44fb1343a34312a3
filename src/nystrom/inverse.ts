// The damped inverse (Â + ρI)⁻¹ of a Nyström approximation, as P = G/c − (GV)Vᵀ.

import {
  checkChoice,
  checkDType,
  checkInvertible,
  checkPositive,
  checkShape,
  checkType,
  isObject,
} from '../core/check.js';
import { DTYPES, type DType } from '../core/dtype.js';
import { checkMatrix, type DenseMatrix, type Matrix64, zeros } from '../core/matrix.js';
import { guarded, nonNegative, type OptionsOf, optionList, positive } from '../core/options.js';
import { gemm } from '../kernels/gemm.js';
import { axpby } from '../kernels/level1.js';
import { checkEigenpairs, checkEigenvalues, type Eigenpairs } from './factor.js';

/** (Â + ρI)⁻¹ = I/c − VVᵀ, or a root of it in the same form. */
export interface LowRankInverse<D extends DType> {
  /** p×r: U·diag(√(1/c − 1/max(λ̂+ρ, c))). */
  readonly V: DenseMatrix<D>;
  /** What Â + ρI, or its root, is taken to be on the complement of U. */
  readonly c: number;
}

const INVERSE_OPTIONS = /* @__PURE__ */ optionList({
  /** The damping ρ > 0. */
  damping: positive,
  /**
   * The trace tr(A), to let the discarded spectrum count: c = ρ + max(0, tr − Σλ̂)/(p − r).
   * Without it c = ρ, as in the paper. Advised for ρ ≤ 0.1.
   */
  trace: nonNegative,
  /** Which root of the inverse: 1 (default), 2 for (Â + ρI)^(−1/2), or 4 for (Â + ρI)^(−1/4). */
  root: /* @__PURE__ */ guarded('1, 2 or 4', isRoot).default(1),
});

/** The roots that there are: those that square roots make. */
function isRoot(value: unknown): value is 1 | 2 | 4 {
  return value === 1 || value === 2 || value === 4;
}

/** Options of {@link lowRankInverse}. @interface */
export type InverseOptions = OptionsOf<typeof INVERSE_OPTIONS> & { readonly damping: number };

/**
 * The factors of the damped inverse: P = G/c + ((GU)·diag(1/max(λ̂+ρ, c) − 1/c))Uᵀ. The diagonal is
 * never positive, so U and its square root make one matrix V and two products apply it. The same holds for
 * the roots of the inverse, with the roots of c and of max(λ̂+ρ, c) in their place.
 *
 * Cost: O(pr). Source: NysAct, Algorithm 1, line 19, where zero eigenvalues are inverted; here they
 * are damped, once.
 *
 * @throws RangeError unless ρ > 0, ρ and 1/ρ are finite in the dtype, tr ≥ 0 and the root is one; TypeError or RangeError
 *   where `pairs` are no eigenpairs.
 */
export function lowRankInverse<D extends DType>(
  pairs: Eigenpairs,
  dtype: D,
  options: InverseOptions,
): LowRankInverse<D> {
  const where = 'lowRankInverse';
  checkEigenpairs(where, pairs);
  checkChoice(where, 'dtype', dtype, DTYPES);
  const { trace, root } = INVERSE_OPTIONS.read(where, options);
  const { damping: rho } = options;
  checkInvertible(where, 'damping', rho, dtype);
  const { U, eigenvalues } = pairs;
  const [p, r] = [U.rows, U.cols];
  const captured = eigenvalues.reduce((sum, value) => sum + value, 0);
  const tail = trace === undefined || p === r ? 0 : Math.max(0, trace - captured) / (p - r);
  const c = rho + tail;
  const factors = eigenvalues.map((value) =>
    Math.sqrt(difference(c, Math.max(value - tail, 0), root)),
  );
  const V = zeros(dtype, p, r);
  scaleColumns(U, factors, V);
  return { V, c: rootOf(c, root) };
}

/** √√c, √c or c. */
function rootOf(c: number, root: 1 | 2 | 4): number {
  if (root === 1) return c;
  return root === 2 ? Math.sqrt(c) : Math.sqrt(Math.sqrt(c));
}

/**
 * The roots of 1/c less those of 1/μ with μ = c + e, without cancellation: e/(cμ); and with s, t for the
 * square or the fourth roots of c, μ, (t − s)/(st), where t − s = e/(t + s) and so on.
 */
function difference(c: number, excess: number, root: 1 | 2 | 4): number {
  const mu = c + excess;
  if (root === 1) return excess / mu / c;
  const [s, t] = [Math.sqrt(c), Math.sqrt(mu)];
  const gap = excess / (t + s);
  if (root === 2) return gap / t / s;
  const [x, y] = [Math.sqrt(s), Math.sqrt(t)];
  return gap / (y + x) / y / x;
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
 * @throws RangeError where G has another number of columns than the factor has inputs, or c is not > 0;
 *   TypeError where G or V is no matrix, or of another dtype.
 */
export function applyLowRankInverse<D extends DType>(
  G: DenseMatrix<D>,
  inverse: LowRankInverse<D>,
): DenseMatrix<D> {
  const where = 'applyLowRankInverse';
  checkMatrix(where, 'G', G);
  checkType(where, 'inverse', inverse, isObject(inverse), 'an inverse, as lowRankInverse makes it');
  const { V, c } = inverse;
  checkMatrix(where, 'V of inverse', V);
  checkDType(where, 'V of inverse', V, G.dtype);
  checkShape(where, 'G', G, G.rows, V.rows);
  checkPositive(where, 'c of inverse', c);
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
 * @throws RangeError unless ρ is finite and > 0, and the eigenvalues are finite; TypeError where
 *   they are in no Float64Array.
 */
export function effectiveDimension(eigenvalues: Float64Array, damping: number): number {
  checkEigenvalues('effectiveDimension', eigenvalues);
  checkPositive('effectiveDimension', 'damping', damping);
  return eigenvalues.reduce((sum, value) => sum + value / (value + damping), 0);
}
