// What a layer saw in a batch: m rows of p numbers, of which only moments are ever taken.

import type { Backend, Slot } from '../backend/backend.js';
import { checkInteger, checkShape, isObject } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { SketchOf } from '../kernels/kernels.js';

/**
 * The rows X (m×p) of one layer and one batch. They need not exist as a matrix. Row i is √wᵢ·xᵢ where
 * rows are weighted, so that XᵀX = Σ wᵢxᵢxᵢᵀ; a bias column holds √wᵢ.
 *
 * Every moment is enqueued on the backend: slot ← decay·slot + weight·(sum over the rows). With
 * decay = 0 the old content is not read.
 */
export interface Rows<D extends DType = DType> {
  readonly backend: Backend<D>;
  /** m. */
  readonly rows: number;
  /** p. */
  readonly cols: number;
  /** Σwᵢ, what the rows count for: m where none is weighted. */
  readonly count: number;
  /** wᵢ, or undefined where no row is weighted. */
  readonly weights: ArrayLike<number> | undefined;
  /**
   * The example that each row is of, as a number that all rows of an example have, or undefined where that is
   * not known. It is asked of the rows that enter a layer: those of its gradients are of the same examples.
   */
  readonly exampleOf?: ArrayLike<number> | undefined;
  /** A bound of ‖X‖²F, NaN or Infinity where X holds such; undefined where that would mean waiting. */
  bound(): number | undefined;

  /** A ← decay·A + weight·XᵀX, p×p. */
  secondMoment(weight: number, decay: number, A: Slot<D>): void;
  /** C ← decay·C + weight·Xᵀ(XS), p×r. */
  sketchMoment(S: SketchOf<Slot<D>>, weight: number, decay: number, C: Slot<D>): void;
  /** a ← decay·a + weight·Σ wᵢxᵢᵀ, 1×p, over all rows or the `first` so many. */
  sum(weight: number, decay: number, a: Slot<D>, first?: number): void;
  /** a ← decay·a + weight·Σ wᵢ(xᵢ∘xᵢ)ᵀ, 1×p: the diagonal of the second moment. */
  diagonal(weight: number, decay: number, a: Slot<D>): void;
  /** s ← decay·s + weight·‖X‖²F, 1×1: the trace of the second moment. */
  squaredNorm(weight: number, decay: number, s: Slot<D>): void;
  /** Y ← decay·Y + weight·T·(X∘X), k×p, where T (k×m) has a column for each row. */
  squares(T: Slot<D>, weight: number, decay: number, Y: Slot<D>): void;
  /** Shows X from top to bottom in strips of rows, each a matrix that is there during its visit. */
  visit(see: (strip: Slot<D>) => void): void;

  /** Frees what was made for the rows. */
  dispose(): void;
}

const METHODS = [
  'secondMoment',
  'sketchMoment',
  'sum',
  'diagonal',
  'squaredNorm',
  'squares',
  'visit',
] as const;

/** Whether `value` is something that {@link Rows} can be. */
export function isRows(value: unknown): value is Rows {
  return isObject(value) && METHODS.every((name) => typeof Reflect.get(value, name) === 'function');
}

/** `A` must be a slot in use of the backend, which alone can tell. */
export function checkOwned<D extends DType>(
  where: string,
  name: string,
  backend: Backend<D>,
  A: Slot<D>,
): void {
  try {
    backend.firstOverlap([A]);
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(words.replace('firstOverlap: slots[0]', `${where}: ${name}`), { cause });
  }
}

/** T of {@link Rows.squares} must have a column for each row. */
export function checkSides<D extends DType>(
  { backend, rows }: Pick<Rows<D>, 'backend' | 'rows'>,
  T: Slot<D>,
): void {
  checkOwned('squares', 'T', backend, T);
  checkShape('squares', 'T', T, T.rows, rows);
}

/** A part of the rows is summed: 1 … m of them. */
export function checkFirst(where: string, first: number, rows: number): void {
  checkInteger(where, 'first', first, 1, rows);
}

/**
 * Gradients must belong to the same rows as the inputs, weighted alike: one sum Σw serves both.
 *
 * @throws RangeError where they do not.
 */
export function checkSameRows(where: string, X: Rows, D: Rows): void {
  checkShape(where, 'D', { rows: D.rows, cols: D.cols }, X.rows, D.cols);
  if (X.weights === D.weights) return;
  for (let i = 0; i < X.rows; i++) {
    const [x, d] = [X.weights?.[i] ?? 1, D.weights?.[i] ?? 1];
    if (x === d) continue;
    throw new RangeError(
      `${where}: row ${i} weighs ${x} in X and ${d} in D, expected the same weights`,
    );
  }
}
