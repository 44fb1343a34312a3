// Slots that are freed together, whatever happens to the work they were for.

import type { DType } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import { isPromiseLike } from './promise.js';
import type { Slot, SlotOperations } from './slot.js';

/** Makes slots that live as long as the work they were made for. */
export interface SlotScope<D extends DType> {
  /** A new rows × cols slot of zeros. */
  readonly allocate: (rows: number, cols: number) => Slot<D>;
  /** A new slot holding a copy of `value`. */
  readonly upload: (value: DenseMatrix<D>) => Slot<D>;
  /** Exempts a slot of this scope: whoever takes it frees it. */
  readonly keep: (A: Slot<D>) => Slot<D>;
}

/**
 * What `work` returns, with every slot freed that it made through its scope and did not keep: when it
 * returns or throws, and where it returns a Promise, when that settles. On a device, memory that
 * nobody frees is lost until the device is given back.
 *
 * Slots of a scope are freed by it alone: free none of them in `work`.
 *
 * @throws what `work` throws.
 *
 * @example
 * const norm = withSlots(engine, ({ upload, allocate }) => {
 *   const s = allocate(1, 1);
 *   const A = upload(value);
 *   engine.innerProduct(1, A, A, 0, s);
 *   return Math.sqrt(readNow(engine, s).at(0, 0));
 * });
 */
export function withSlots<D extends DType, T>(
  owner: SlotOperations<D>,
  work: (scope: SlotScope<D>) => Promise<T>,
): Promise<T>;
export function withSlots<D extends DType, T>(
  owner: SlotOperations<D>,
  work: (scope: SlotScope<D>) => T,
): T;
export function withSlots<D extends DType, T>(
  owner: SlotOperations<D>,
  work: (scope: SlotScope<D>) => T | Promise<T>,
): T | Promise<T> {
  const slots = new Set<Slot<D>>();
  const allocate = (rows: number, cols: number) => {
    const A = owner.allocate(rows, cols);
    slots.add(A);
    return A;
  };
  const scope: SlotScope<D> = {
    allocate,
    upload(value) {
      const A = allocate(value.rows, value.cols);
      owner.write(A, value);
      return A;
    },
    keep(A) {
      slots.delete(A);
      return A;
    },
  };
  const freeAll = () => {
    for (const A of slots) owner.free(A);
  };
  let outcome: T | Promise<T>;
  try {
    outcome = work(scope);
  } catch (error) {
    freeAll();
    throw error;
  }
  if (isPromiseLike(outcome)) return Promise.resolve(outcome).finally(freeAll);
  freeAll();
  return outcome;
}
