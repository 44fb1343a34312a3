// The BLAS-like contract that a set of kernels implements.

import type { DType } from '../core/dtype.js';
import type { DenseMatrix, Op } from '../core/matrix.js';
import type { BackendInfo, Slot } from './slot.js';

/**
 * The operations that a backend enqueues. Every one of them
 * - checks owner and shapes first and throws TypeError or RangeError with no state changed,
 * - treats a factor β = 0 as "the old content is not read" (NaN in it does not survive),
 * - refuses an output that is also an input, except where the argument is documented as in-place.
 */
export interface BackendOperations<D extends DType> {
  readonly dtype: D;
  readonly info: BackendInfo;

  /** A new rows × cols slot of zeros. */
  allocate(rows: number, cols: number): Slot<D>;
  /** A ← value. */
  write(A: Slot<D>, value: DenseMatrix<D>): void;
  /** Gives a slot's memory back; using the slot afterwards throws. */
  free(A: Slot<D>): void;
  /**
   * Throws a RangeError where A holds NaN or Infinity, if that can be told without waiting for a
   * device; does nothing where it cannot.
   */
  checkFinite(where: string, name: string, A: Slot<D>): void;

  /** C ← α·op(A)·op(B) + β·C. */
  gemm(alpha: number, A: Slot<D>, opA: Op, B: Slot<D>, opB: Op, beta: number, C: Slot<D>): void;
  /** C ← α·AᵀA + β·C, both triangles; with β ≠ 0 the old C must be symmetric. */
  syrk(alpha: number, A: Slot<D>, beta: number, C: Slot<D>): void;

  /** C ← α·A + β·C; C may be A. */
  axpby(alpha: number, A: Slot<D>, beta: number, C: Slot<D>): void;
  /** C ← α·A∘B + β·C, element by element. A may be B. */
  multiply(alpha: number, A: Slot<D>, B: Slot<D>, beta: number, C: Slot<D>): void;
  /** C ← A ⊘ (B + shift), element by element. */
  divide(A: Slot<D>, B: Slot<D>, shift: number, C: Slot<D>): void;
  /** C ← αA ⊘ (√(βB) + shift), element by element; B ≥ 0. */
  divideByRoot(
    alpha: number,
    A: Slot<D>,
    beta: number,
    B: Slot<D>,
    shift: number,
    C: Slot<D>,
  ): void;
  /** s ← α·⟨A, B⟩ + β·s for a 1×1 slot s; A may be B. */
  dot(alpha: number, A: Slot<D>, B: Slot<D>, beta: number, s: Slot<D>): void;
  /** C ← C·min(1, √(limit/s)) in place, for a 1×1 slot s; the factor is 1 where s ≤ 0. */
  clip(s: Slot<D>, limit: number, C: Slot<D>): void;

  /** C ← the columns of A named by `indices`, in that order. */
  gatherColumns(A: Slot<D>, indices: Int32Array, C: Slot<D>): void;
  /** Columns [to, to+count) of C ← columns [from, from+count) of A; the other columns stay. */
  copyColumns(A: Slot<D>, from: number, C: Slot<D>, to: number, count: number): void;
}

/** A backend whose reads answer at once. */
export interface SyncBackend<D extends DType = DType> extends BackendOperations<D> {
  readonly reading: 'sync';
  /** A copy of what the slot holds. */
  read(A: Slot<D>): DenseMatrix<D>;
}

/** A backend whose reads answer with a Promise, of the content as enqueued so far. */
export interface AsyncBackend<D extends DType = DType> extends BackendOperations<D> {
  readonly reading: 'async';
  /** A copy of what the slot holds once everything enqueued before this call has run. */
  read(A: Slot<D>): Promise<DenseMatrix<D>>;
}

/** Where the kernels run. */
export type Backend<D extends DType = DType> = SyncBackend<D> | AsyncBackend<D>;
