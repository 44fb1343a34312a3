// The contract that preconditioners and optimisers are written against, and the engine that any
// backend makes.

import type { DType } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import type {
  AsyncReads,
  ElementwiseOperations,
  Reading,
  SketchOperand,
  Slot,
  SlotOperations,
  SyncReads,
} from './slot.js';

/** An eigendecomposition B = Q·diag(eigenvalues)·Qᵀ on the engine; eigenvalues is n×1. */
export interface SpectralFactor<D extends DType> {
  readonly Q: Slot<D>;
  readonly eigenvalues: Slot<D>;
}

/**
 * The operations that the algorithms need, named as the mathematics names them. All of them are
 * enqueued in order and return nothing; shapes and owners are checked before anything changes.
 * A factor `decay = 0` or `beta = 0` means that the old content is not read.
 */
export interface EngineOperations<D extends DType>
  extends SlotOperations<D>,
    ElementwiseOperations<D> {
  /** A ← decay·A + weight·XᵀX. X is m×p; A is p×p, and symmetric where decay ≠ 0. */
  secondMoment(X: Slot<D>, weight: number, decay: number, A: Slot<D>): void;
  /** C ← decay·C + weight·Xᵀ(XS). X is m×p, S is p×r, C is p×r; p×p is never formed. */
  sketchMoment(X: Slot<D>, S: SketchOperand<D>, weight: number, decay: number, C: Slot<D>): void;
  /** a ← decay·a + weight·vᵀX, the weighted sum of rows. X is m×p, v is m×1, a is 1×p. */
  rowSum(X: Slot<D>, v: Slot<D>, weight: number, decay: number, a: Slot<D>): void;

  /** P ← G/c − (GV)Vᵀ. G and P are q×p, V is p×r. */
  applyLowRankInverse(G: Slot<D>, V: Slot<D>, c: number, P: Slot<D>): void;
  /** P ← G·R, or L·G·R where L is given. L is q×q and R is p×p, both symmetric. */
  applyDenseInverse(G: Slot<D>, R: Slot<D>, L: Slot<D> | undefined, P: Slot<D>): void;
  /** P ← Q_B[(Q_BᵀGQ_A) ⊘ (b aᵀ + ρ)]Q_Aᵀ. */
  applySpectralInverse(
    G: Slot<D>,
    A: SpectralFactor<D>,
    B: SpectralFactor<D>,
    rho: number,
    P: Slot<D>,
  ): void;
  /**
   * P ← (G − (ĝGâᵀ)/(ρ + |â|²|ĝ|²)·ĝᵀâ)/ρ with â = scale·a (1×p) and ĝ = scale·g (1×q).
   *
   * The error is some roundings of |G|/ρ, whatever |â|²|ĝ|² and ĝGâᵀ are: only G/ρ, |â|² and |ĝ|²
   * must lie in the range of the dtype. Where one of the squares overflows, P is NaN or right, never
   * G without its correction; where one is so small that it loses digits (|â| < 10⁻¹⁵ in float32,
   * 10⁻¹⁴⁶ in float64), the correction may come out too small.
   */
  applyRankOneInverse(
    G: Slot<D>,
    a: Slot<D>,
    g: Slot<D>,
    scale: number,
    rho: number,
    P: Slot<D>,
  ): void;

  /** s ← α·⟨A, B⟩ + β·s for a 1×1 slot s; A may be B. */
  innerProduct(alpha: number, A: Slot<D>, B: Slot<D>, beta: number, s: Slot<D>): void;

  /** G ← [W b]: a weight gradient (q×(p−1)) and its bias gradient (q×1) as one q×p matrix. */
  joinColumns(W: Slot<D>, b: Slot<D>, G: Slot<D>): void;
  /** W, b ← the first p−1 columns and the last column of G. */
  splitColumns(G: Slot<D>, W: Slot<D>, b: Slot<D>): void;
}

/** An engine whose reads answer at once. */
export interface SyncEngine<D extends DType = DType> extends EngineOperations<D>, SyncReads<D> {}

/** An engine whose reads answer with a Promise. */
export interface AsyncEngine<D extends DType = DType> extends EngineOperations<D>, AsyncReads<D> {}

/** Where the algorithms run. */
export type Engine<D extends DType = DType> = SyncEngine<D> | AsyncEngine<D>;

/** A new slot of an engine or backend, holding a copy of `value`. */
export function upload<D extends DType>(owner: SlotOperations<D>, value: DenseMatrix<D>): Slot<D> {
  const A = owner.allocate(value.rows, value.cols);
  owner.write(A, value);
  return A;
}

/**
 * What a slot holds, now. Only an engine or backend that reads at once can say: the types refuse any
 * other, and so does this.
 *
 * @throws TypeError where the owner reads asynchronously.
 */
export function readNow<D extends DType>(
  owner: SyncReads<D> & Pick<SlotOperations<D>, 'info'>,
  A: Slot<D>,
): DenseMatrix<D> {
  const reading: Reading = owner.reading;
  if (reading === 'sync') return owner.read(A);
  const { name, variant } = owner.info;
  throw new TypeError(
    `readNow: the engine (${name}, ${variant}) reads asynchronously, expected one that reads at once: await its read instead`,
  );
}
