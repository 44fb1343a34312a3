// The one contract between the algorithms and what computes.

import { checkDType, checkType, isObject } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { checkMatrix, type DenseMatrix, type Op } from '../core/matrix.js';
import type { SketchOf } from '../kernels/kernels.js';

/**
 * A handle on a matrix that lives where its backend keeps it (host memory, a texture, a tensor). The
 * backend may replace what a slot holds, never its shape. Another backend refuses it with a TypeError.
 */
export interface Slot<D extends DType = DType> {
  readonly dtype: D;
  readonly rows: number;
  readonly cols: number;
}

/** Gives a rows × cols slot with any content, valid until the borrowing that it was taken in ends. */
export type Take<D extends DType> = (rows: number, cols: number) => Slot<D>;

/** What really runs, so that results can name it. */
export interface BackendInfo {
  /** For example `cpu` or `tfjs`. */
  readonly name: string;
  /** What executes the kernels, for example `typescript` or `wasm`. */
  readonly variant: string;
  readonly threads: number;
  /** Of a device: the largest relative error, measured against float64 when it was opened. */
  readonly error?: number;
  /** If work that was meant for a device runs here: why. */
  readonly handedOver?: string;
}

/**
 * Where the kernels run: a BLAS-like layer on slots. Make one with `backendFrom`, which writes every
 * check once.
 *
 * Every operation
 * - checks scalars (in the backend's dtype), owners, shapes and overlap first, and throws TypeError or
 *   RangeError with nothing changed;
 * - is enqueued in the order of the calls and returns nothing: only reading may be asynchronous;
 * - takes a factor β = 0 (or decay = 0) as "the old content is not read": NaN in it does not survive;
 * - refuses an output that is also an input, except where the argument is documented as in-place.
 */
export interface Backend<D extends DType = DType> {
  readonly dtype: D;
  readonly info: BackendInfo;

  /** A new rows × cols slot of zeros. */
  allocate(rows: number, cols: number): Slot<D>;
  /** A ← value. */
  write(A: Slot<D>, value: DenseMatrix<D>): void;
  /** Gives a slot's memory back; using the slot afterwards throws. */
  free(A: Slot<D>): void;
  /** A copy of what the slot holds once everything enqueued before this call has run. */
  read(A: Slot<D>): Promise<DenseMatrix<D>>;
  /** Present where reading needs no waiting: a copy of what the slot holds. */
  readSync?(A: Slot<D>): DenseMatrix<D>;
  /**
   * Present where the content lies in the host's memory: a bound of |aᵢⱼ|, the largest or at most ‖A‖F,
   * and NaN or Infinity where an element is.
   */
  bound?(A: Slot<D>): number;
  /**
   * Present where the backend works in the host's memory: a slot that shares the memory of `A`. Nothing
   * is copied, and freeing the slot leaves `A` alone.
   */
  wrap?(A: DenseMatrix<D>): Slot<D>;
  /** The indices of two slots that share memory, if any do. All must be of this backend and in use. */
  firstOverlap(slots: readonly Slot<D>[]): readonly [number, number] | undefined;
  /**
   * Runs `body`, which takes slots for intermediate results, and has them back afterwards. Idle slots
   * are kept, so that a loop over the same shapes allocates nothing.
   */
  borrow(body: (take: Take<D>) => void): void;

  /** C ← α·op(A)·op(B) + β·C. */
  gemm(alpha: number, A: Slot<D>, opA: Op, B: Slot<D>, opB: Op, beta: number, C: Slot<D>): void;
  /** C ← α·AᵀA + β·C, both triangles; if β ≠ 0 the old C must be symmetric. */
  syrk(alpha: number, A: Slot<D>, beta: number, C: Slot<D>): void;
  /** C ← decay·C + weight·Xᵀ(XS). X is m×p, S is p×r, C is p×r; p×p is never formed. */
  sketchMoment(X: Slot<D>, S: SketchOf<Slot<D>>, weight: number, decay: number, C: Slot<D>): void;

  /** C ← α·A + β·C; C may be A. */
  axpby(alpha: number, A: Slot<D>, beta: number, C: Slot<D>): void;
  /** C ← α·A∘B + β·C; A may be B. */
  multiply(alpha: number, A: Slot<D>, B: Slot<D>, beta: number, C: Slot<D>): void;
  /** C ← A ⊘ (B + shift), element by element. */
  divide(A: Slot<D>, B: Slot<D>, shift: number, C: Slot<D>): void;
  /** C ← αA ⊘ (√(βB) + shift); B ≥ 0. */
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

  /** C ← [A B]: the columns of A, then those of B. */
  joinColumns(A: Slot<D>, B: Slot<D>, C: Slot<D>): void;
  /** C ← the columns of A from number `from` on, as many as C has. */
  sliceColumns(A: Slot<D>, from: number, C: Slot<D>): void;
  /** C ← the columns of A named by `indices`, in that order. */
  gatherColumns(A: Slot<D>, indices: Int32Array, C: Slot<D>): void;
}

/** `backend` must be one, whoever made it. */
export function checkBackend(where: string, backend: unknown): void {
  const fits = isObject(backend) && 'gemm' in backend && 'allocate' in backend;
  checkType(where, 'backend', backend, fits, 'a backend, as cpuBackend makes it');
}

/**
 * A new slot holding a copy of `value`.
 *
 * @throws TypeError where `backend` is none, or `value` is no matrix or of another dtype.
 */
export function upload<D extends DType>(backend: Backend<D>, value: DenseMatrix<D>): Slot<D> {
  checkBackend('upload', backend);
  checkMatrix('upload', 'value', value);
  checkDType('upload', 'value', value, backend.dtype);
  const A = backend.allocate(value.rows, value.cols);
  backend.write(A, value);
  return A;
}

/** A slot on `value`: of the same memory where the backend can wrap it, else a copy. */
export function place<D extends DType>(backend: Backend<D>, value: DenseMatrix<D>): Slot<D> {
  return backend.wrap?.(value) ?? upload(backend, value);
}
