// A slot: a matrix of known shape whose content belongs to one backend or engine.

import type { DType } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';

/**
 * A handle on a matrix that lives where its owner keeps it (host memory, a texture, a tensor).
 * The owner may replace what a slot holds, never its shape. Only the owner can use it: handing it
 * to another backend or engine throws a TypeError.
 */
export interface Slot<D extends DType = DType> {
  readonly owner: object;
  readonly dtype: D;
  readonly rows: number;
  readonly cols: number;
}

/** A sketch S (p×r) as an engine applies it: a dense slot, or the columns of I that it picks. */
export type SketchOperand<D extends DType> =
  | { readonly kind: 'dense'; readonly S: Slot<D> }
  | { readonly kind: 'columns'; readonly indices: Int32Array };

/** Whether reading answers at once or with a Promise. Everything else is enqueued in order. */
export type Reading = 'sync' | 'async';

/** What really runs: reported by every backend and engine, so that results can name it. */
export interface BackendInfo {
  /** For example `cpu` or `tfjs`. */
  readonly name: string;
  /** What executes the kernels, for example `typescript` or `wasm`. */
  readonly variant: string;
  readonly threads: number;
  /** Of a device: the largest relative error, measured against float64 when it was opened. */
  readonly error?: number;
  /** Of a hybrid: the multiply-adds from which a product goes to the device. */
  readonly crossover?: number;
  /** Where work that was meant for a device runs here: why. */
  readonly handedOver?: string;
}

/** Keeping slots: what every backend and every engine does. */
export interface SlotOperations<D extends DType> {
  readonly dtype: D;
  readonly info: BackendInfo;

  /** A new rows × cols slot of zeros. */
  allocate(rows: number, cols: number): Slot<D>;
  /** A ← value. */
  write(A: Slot<D>, value: DenseMatrix<D>): void;
  /** Gives a slot's memory back; using the slot afterwards throws. */
  free(A: Slot<D>): void;
  /**
   * Throws a RangeError where A holds NaN or Infinity, and returns a bound of |aᵢⱼ| elsewhere (the
   * largest, or at most ‖A‖F), if that can be told without waiting for a device; undefined where it
   * cannot.
   */
  checkFinite(where: string, name: string, A: Slot<D>): number | undefined;
  /** Present where different slots may share memory: whether these two do. */
  overlaps?(A: Slot<D>, B: Slot<D>): boolean;
}

/** Element by element: what every backend and every engine offers alike. */
export interface ElementwiseOperations<D extends DType> {
  /** C ← α·A + β·C; C may be A. */
  axpby(alpha: number, A: Slot<D>, beta: number, C: Slot<D>): void;
  /** C ← α·A∘B + β·C; A may be B. */
  multiply(alpha: number, A: Slot<D>, B: Slot<D>, beta: number, C: Slot<D>): void;
  /** C ← αA ⊘ (√(βB) + shift); B ≥ 0. */
  divideByRoot(
    alpha: number,
    A: Slot<D>,
    beta: number,
    B: Slot<D>,
    shift: number,
    C: Slot<D>,
  ): void;
  /** C ← C·min(1, √(limit/s)) in place, for a 1×1 slot s; the factor is 1 where s ≤ 0. */
  clip(s: Slot<D>, limit: number, C: Slot<D>): void;
}

/** Reads that answer at once. */
export interface SyncReads<D extends DType> {
  readonly reading: 'sync';
  /** A copy of what the slot holds. */
  read(A: Slot<D>): DenseMatrix<D>;
}

/** Reads that answer with a Promise, of the content as enqueued so far. */
export interface AsyncReads<D extends DType> {
  readonly reading: 'async';
  /** A copy of what the slot holds once everything enqueued before this call has run. */
  read(A: Slot<D>): Promise<DenseMatrix<D>>;
}
