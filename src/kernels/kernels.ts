// The contract of a set of kernels: the routines whose inner loops are worth writing twice.

import type { DenseMatrix, Matrix64, Op } from '../core/matrix.js';
import type { RandomKey } from '../core/random.js';

/** Which side of the unknown a triangle stands on. */
export type Side = 'left' | 'right';

/** The S of Xᵀ(XS) by what it is in memory: a matrix, or the columns of I that it picks. */
export type SketchOf<Matrix> = FusedSketch<Matrix>;

/** Every form of {@link SketchOf}. */
export const SKETCH_FORMS: readonly SketchOf<unknown>['kind'][] = ['dense', 'columns'];

/** The forms that a fused Xᵀ(XS) knows; with any other S the backend makes XS first. */
export type FusedSketch<Matrix> =
  | { readonly kind: 'dense'; readonly S: Matrix }
  | { readonly kind: 'columns'; readonly indices: Int32Array };

/** The S of a fused Xᵀ(XS) on the host. */
export type SketchMatrix = FusedSketch<DenseMatrix>;

/** Where a Cholesky factorisation broke down. */
export interface FailedPivot {
  readonly index: number;
  readonly value: number;
}

/** Rotation k takes rows i = rows[k] and i + 1 to c·zᵢ − s·zᵢ₊₁ and s·zᵢ + c·zᵢ₊₁. */
export interface RotationList {
  readonly rows: Int32Array;
  readonly cosines: Float64Array;
  readonly sines: Float64Array;
  /** The rotations that count; the arrays may be longer. */
  readonly count: number;
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
  /**
   * S ← scale·z, column by column: element (i, j) of S (p×r) is normal number j·p + i of the key, as
   * core/random.ts has it, to the last bit.
   */
  fillNormal(key: RandomKey, scale: number, S: DenseMatrix): void;
  /** B ← α·op(L)⁻¹·B (left) or α·B·op(L)⁻¹ (right), α ≠ 0; L is lower triangular. */
  solve(side: Side, op: Op, alpha: number, L: DenseMatrix, B: DenseMatrix): void;
  /**
   * The lower triangle of L, A = LLᵀ, from that of A; above the diagonal nothing is read or written. L may
   * be A itself, and shares no memory with it otherwise. Where a pivot is not positive and finite, returns
   * it; the lower triangle of L is of no use then.
   */
  cholesky(A: DenseMatrix, L: DenseMatrix): FailedPivot | undefined;
  /**
   * The lower triangle of B ← A⁻¹, from the Cholesky factor L of A, with zeros above its diagonal,
   * which may be destroyed.
   */
  invertFactored(L: DenseMatrix, B: DenseMatrix): void;

  // Householder reflections and rotations compute in float64 whatever the dtype of their input.

  /**
   * A = QR of an A (m×n, n ≤ m) whose columns are the rows of At: Qt (n×m) ← Qᵀ, and the lower triangle of
   * Rt (n×n, zeros) ← that of Rᵀ. At is destroyed.
   */
  factorColumns(At: Matrix64, Qt: Matrix64, Rt: Matrix64): void;
  /**
   * Qt ← the first n columns of Q = H₀H₁⋯H_{k−1}, as rows. Vt is k×m, its row j the vector of Hⱼ with
   * zeros before element j; Qt is n×m, with 1 ≤ k ≤ n ≤ m.
   */
  accumulate(Vt: Matrix64, Qt: Matrix64): void;
  /**
   * Reduces a symmetric A (n×n, both triangles filled) to the tridiagonal T of A = QTQᵀ: its diagonal
   * and what stands below it (n numbers each, the last of `offDiagonal` unused). Row j of A becomes
   * the vector of the reflection that cleared column j, zeros up to element j.
   */
  tridiagonalise(A: Matrix64, diagonal: Float64Array, offDiagonal: Float64Array): void;
  /** Applies rotations of rows to Z in their order. */
  rotate(Z: Matrix64, rotations: RotationList): void;
}
