// One-hot rows: A is diagonal, so its inverse is a number for each column, and no p×p matrix is formed.

import type { Backend, Slot } from '../backend/backend.js';
import type { DType } from '../core/dtype.js';
import { NonFiniteError } from '../core/errors.js';
import { convert, type DenseMatrix, largestMagnitude, zeros } from '../core/matrix.js';
import { trace } from '../kernels/level1.js';
import { movingAverage, type Statistic } from '../rows/accumulator.js';
import { filled } from '../rows/dense.js';
import { activationDiagonal } from '../rows/second-moment.js';
import type { Damping } from './damping.js';
import { balance, dampedFactor, gradientMoment, spectrum } from './kronecker.js';
import { type Curvature, curvature, type LayerShape } from './method.js';
import { checkNoNegative, elementsWithin } from './options.js';

/**
 * P = G·diag(1/(ā + ρ)) for one layer, ā the bias-corrected moving average of the diagonal of XᵀX/m: of
 * one-hot rows this is G(Ā + ρI)⁻¹.
 *
 * Per layer: 2p numbers of memory; observe O(m + p), refresh O(p), precondition O(qp).
 */
export function diagonalCurvature(
  { inputs: p }: LayerShape,
  damping: Damping,
  decay: number,
): Curvature {
  return curvature({
    ...damping.bounds,
    statistics: [diagonalOf(p, decay)],
    inverse: { rho: damping.part, a: { rows: 1, cols: p, check: checkNoNegative } },
    factorise({ a }) {
      const rho = damping.of(meanOf(finite(a)));
      return rho === undefined ? undefined : { inverse: { rho, a }, found: { damping: rho } };
    },
    apply: (on, G, { rho, a }, P) =>
      on.borrow((take) => {
        const sums = take(G.rows, G.cols);
        on.gemm(1, ones(on, take(G.rows, 1)), 'N', a, 'N', 0, sums);
        on.divide(G, sums, rho, P);
      }),
  });
}

/**
 * KFAC where Ā = diag(ā), whose eigenvectors are the columns of I: P = Q_B[(Q_BᵀG) ⊘ (b ā + ρ)].
 *
 * Per layer: 2(p + q²) + q numbers of memory; observe O(m(1 + q²) + p), refresh O(p + q³), precondition
 * O(q²p).
 */
export function diagonalEigenbasis(shape: LayerShape, damping: Damping, decay: number): Curvature {
  const { inputs: p, outputs: q } = shape;
  return curvature({
    ...damping.bounds,
    statistics: diagonalFactors(shape, decay),
    inverse: {
      rho: damping.part,
      a: { rows: 1, cols: p, check: checkNoNegative },
      QB: { rows: q, cols: q, check: elementsWithin(1) },
      b: { rows: q, cols: 1, check: checkNoNegative },
    },
    factorise({ a, B }, { workspace }) {
      const rho = damping.of(meanOf(finite(a)) * (trace(B) / q));
      if (rho === undefined) return undefined;
      const { Q, values } = spectrum(B, 0, workspace);
      return { inverse: { rho, a, QB: Q, b: values }, found: { damping: rho } };
    },
    apply: (on, G, { rho, a, QB, b }, P) =>
      on.borrow((take) => {
        const T = take(G.rows, G.cols);
        const quotients = take(G.rows, G.cols);
        on.gemm(1, QB, 'T', G, 'N', 0, T);
        on.gemm(1, b, 'N', a, 'N', 0, P);
        on.divide(T, P, rho, quotients);
        on.gemm(1, QB, 'N', quotients, 'N', 0, P);
      }),
  });
}

/**
 * KFAC of damped factors where Ā = diag(ā): P = (B̄ + √ρ/π·I)⁻¹G·diag(1/(ā + π√ρ)), π² =
 * (Σā/p)/(tr B̄/q), or π = 1 where one of them is 0.
 *
 * Costs as {@link diagonalEigenbasis}, without b.
 */
export function diagonalFactored(shape: LayerShape, damping: Damping, decay: number): Curvature {
  const { inputs: p, outputs: q } = shape;
  return curvature({
    ...damping.bounds,
    statistics: diagonalFactors(shape, decay),
    inverse: {
      rho: damping.part,
      r: { rows: 1, cols: p, check: elementsWithin(1) },
      L: { rows: q, cols: q, check: elementsWithin(1.01) },
    },
    factorise({ a, B }, { workspace }) {
      const [meanA, meanB] = [meanOf(finite(a)), trace(B) / q];
      const rho = damping.of(meanA * meanB);
      if (rho === undefined) return undefined;
      const [pi, root] = [balance(meanA, meanB), Math.sqrt(rho)];
      const r = dampedDiagonal(a, pi * root);
      const L = dampedFactor(B, root / pi, workspace);
      return { inverse: { rho, r, L }, found: { damping: rho } };
    },
    apply: (on, G, { rho, r, L }, P) =>
      on.borrow((take) => {
        const spread = take(G.rows, G.cols);
        const GR = take(G.rows, G.cols);
        on.gemm(1, ones(on, take(G.rows, 1)), 'N', r, 'N', 0, spread);
        on.multiply(1, G, spread, 0, GR);
        on.gemm(1 / rho, L, 'N', GR, 'N', 0, P);
      }),
  });
}

/** ā and B̄. */
export function diagonalFactors(
  { inputs: p, outputs: q }: LayerShape,
  decay: number,
): Statistic<'a' | 'B'>[] {
  return [diagonalOf(p, decay), gradientMoment(q, movingAverage(decay))];
}

/** ā, which is never negative. */
function diagonalOf(p: number, decay: number): Statistic<'a'> {
  return activationDiagonal(p, movingAverage(decay, checkNoNegative));
}

/** ā itself, unless its bias correction has left the range of the dtype. */
function finite<D extends DType>(a: DenseMatrix<D>): DenseMatrix<D> {
  if (Number.isFinite(largestMagnitude(a))) return a;
  throw new NonFiniteError('the diagonal of the second moment');
}

/** Σa/p. */
export function meanOf(a: DenseMatrix): number {
  let sum = 0;
  for (let j = 0; j < a.cols; j++) sum += a.at(0, j);
  return sum / a.cols;
}

/** ρ/(a + ρ), which is at most 1. */
function dampedDiagonal<D extends DType>(a: DenseMatrix<D>, rho: number): DenseMatrix<D> {
  const r = zeros('float64', 1, a.cols);
  for (let j = 0; j < a.cols; j++) r.set(0, j, rho / (a.at(0, j) + rho));
  return convert(r, a.dtype);
}

/** A column of ones, which spreads a row over all outputs. */
function ones<D extends DType>(on: Backend<D>, column: Slot<D>): Slot<D> {
  on.write(
    column,
    filled(on.dtype, column.rows, () => 1),
  );
  return column;
}
