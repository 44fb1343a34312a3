// The BLAS-like contract that a set of kernels implements.

import type { DType } from '../core/dtype.js';
import type { Op } from '../core/matrix.js';

import type {
  AsyncReads,
  ElementwiseOperations,
  SketchOperand,
  Slot,
  SlotOperations,
  SyncReads,
} from './slot.js';

/**
 * The operations that a backend enqueues. Every one of them
 * - checks owner and shapes first and throws TypeError or RangeError with no state changed,
 * - treats a factor β = 0 as "the old content is not read" (NaN in it does not survive),
 * - refuses an output that is also an input, except where the argument is documented as in-place.
 */
export interface BackendOperations<D extends DType>
  extends SlotOperations<D>,
    ElementwiseOperations<D> {
  /** C ← α·op(A)·op(B) + β·C. */
  gemm(alpha: number, A: Slot<D>, opA: Op, B: Slot<D>, opB: Op, beta: number, C: Slot<D>): void;
  /** C ← α·AᵀA + β·C, both triangles; with β ≠ 0 the old C must be symmetric. */
  syrk(alpha: number, A: Slot<D>, beta: number, C: Slot<D>): void;

  /**
   * C ← decay·C + weight·Xᵀ(XS), where a backend can do both products in one pass over X; an engine
   * makes it of {@link gemm} and {@link gatherColumns} elsewhere. Called with checked operands.
   */
  sketchMoment?(X: Slot<D>, S: SketchOperand<D>, weight: number, decay: number, C: Slot<D>): void;

  /** C ← A ⊘ (B + shift), element by element. */
  divide(A: Slot<D>, B: Slot<D>, shift: number, C: Slot<D>): void;
  /** s ← α·⟨A, B⟩ + β·s for a 1×1 slot s; A may be B. */
  dot(alpha: number, A: Slot<D>, B: Slot<D>, beta: number, s: Slot<D>): void;

  /** C ← the columns of A named by `indices`, in that order. */
  gatherColumns(A: Slot<D>, indices: Int32Array, C: Slot<D>): void;
  /** Columns [to, to+count) of C ← columns [from, from+count) of A; the other columns stay. */
  copyColumns(A: Slot<D>, from: number, C: Slot<D>, to: number, count: number): void;
}

/** A backend whose reads answer at once. */
export interface SyncBackend<D extends DType = DType> extends BackendOperations<D>, SyncReads<D> {}

/** A backend whose reads answer with a Promise. */
export interface AsyncBackend<D extends DType = DType>
  extends BackendOperations<D>,
    AsyncReads<D> {}

/** Where the kernels run. */
export type Backend<D extends DType = DType> = SyncBackend<D> | AsyncBackend<D>;
