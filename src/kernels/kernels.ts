// The contract of a set of kernels: the routines whose inner loops are worth writing twice.

import type { DenseMatrix, Op } from '../core/matrix.js';

/** Which side of the unknown a triangle stands on. */
export type Side = 'left' | 'right';

/** The S of Xᵀ(XS): a matrix, or the columns of I that it picks. */
export type SketchMatrix =
  | { readonly kind: 'dense'; readonly S: DenseMatrix }
  | { readonly kind: 'columns'; readonly indices: Int32Array };

/** Where a Cholesky factorisation broke down. */
export interface FailedPivot {
  readonly index: number;
  readonly value: number;
}

/**
 * What a set of kernels computes. Shapes, dtypes and overlap are checked before (gemm.ts, syrk.ts,
 * trsm.ts, linalg/), so no kernel checks them again. Matrices may be views; an output shares no memory
 * with an input.
 */
export interface Kernels {
  /**
   * C ← α·op(A)·op(B) + β·C, or only its lower triangle where `lowerOnly`. The common dimension is
   * not 0. With β = 0 the old content of C is not read.
   */
  product(
    alpha: number,
    A: DenseMatrix,
    opA: Op,
    B: DenseMatrix,
    opB: Op,
    beta: number,
    C: DenseMatrix,
    lowerOnly: boolean,
  ): void;
  /** C ← α·Xᵀ(XS) + β·C. X is m×p, S is p×r, C is p×r. With β = 0 the old C is not read. */
  sketchMoment(
    alpha: number,
    X: DenseMatrix,
    sketch: SketchMatrix,
    beta: number,
    C: DenseMatrix,
  ): void;
  /** B ← α·op(L)⁻¹·B (left) or α·B·op(L)⁻¹ (right), α ≠ 0; L is lower triangular. */
  solve(side: Side, op: Op, alpha: number, L: DenseMatrix, B: DenseMatrix): void;
  /**
   * The lower triangle of A ← L with A = LLᵀ; above the diagonal nothing is read or written. Where a
   * pivot is not positive and finite, returns it; the lower triangle is of no use then.
   */
  cholesky(A: DenseMatrix): FailedPivot | undefined;
  /**
   * The lower triangle of B ← A⁻¹, from the Cholesky factor L of A, with zeros above its diagonal,
   * which may be destroyed.
   */
  invertFactored(L: DenseMatrix, B: DenseMatrix): void;
}
