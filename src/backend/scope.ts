// Slots that are freed together, whatever happens to the work they were for.

import { checkFunction } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import { isPromiseLike } from '../core/promise.js';
import { type Backend, checkBackend, type Slot, upload } from './backend.js';

/** Makes slots that live as long as the work they were made for. */
export interface SlotScope<D extends DType> {
  /** A new rows × cols slot of zeros. */
  readonly allocate: (rows: number, cols: number) => Slot<D>;
  /** A new slot holding a copy of `value`. */
  readonly upload: (value: DenseMatrix<D>) => Slot<D>;
  /** Takes a slot out of this scope. The caller frees it from then on. */
  readonly keep: (A: Slot<D>) => Slot<D>;
}

/**
 * Returns what `work` returns, and frees every slot that it made through its scope and did not keep: when
 * it returns or throws, or, if it returns a Promise, when that settles. On a device, memory that is not
 * freed is lost until the device is given back.
 *
 * `work` must not free slots of its scope itself.
 *
 * @throws TypeError where `backend` or `work` is none; what `work` throws; else TypeError where a slot was
 *   freed already.
 *
 * @example
 * const norm = await withSlots(backend, async ({ upload, allocate }) => {
 *   const s = allocate(1, 1);
 *   const A = upload(value);
 *   backend.dot(1, A, A, 0, s);
 *   return Math.sqrt((await backend.read(s)).at(0, 0));
 * });
 */
export function withSlots<D extends DType, T>(
  backend: Backend<D>,
  work: (scope: SlotScope<D>) => Promise<T>,
): Promise<T>;
export function withSlots<D extends DType, T>(
  backend: Backend<D>,
  work: (scope: SlotScope<D>) => T,
): T;
export function withSlots<D extends DType, T>(
  backend: Backend<D>,
  work: (scope: SlotScope<D>) => T | Promise<T>,
): T | Promise<T> {
  checkBackend('withSlots', backend);
  checkFunction('withSlots', 'work', work);
  const slots = new Set<Slot<D>>();
  const allocate = (rows: number, cols: number) => {
    const A = backend.allocate(rows, cols);
    slots.add(A);
    return A;
  };
  const scope: SlotScope<D> = {
    allocate,
    upload(value) {
      const A = upload(backend, value);
      slots.add(A);
      return A;
    },
    keep(A) {
      if (!slots.delete(A)) {
        throw new TypeError('keep: A is no slot of this scope, expected one that it made');
      }
      return A;
    },
  };
  /** One that cannot be freed must not cost the others: its error comes when they are. */
  const freeAll = () => {
    const errors: unknown[] = [];
    for (const A of slots) {
      try {
        backend.free(A);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  };
  /** The error of the work goes before those of freeing. */
  const fail = (error: unknown): never => {
    try {
      freeAll();
    } catch {
      // A slot was freed already, or the device is gone.
    }
    throw error;
  };
  let outcome: T | Promise<T>;
  try {
    outcome = work(scope);
  } catch (error) {
    return fail(error);
  }
  if (isPromiseLike(outcome)) {
    return Promise.resolve(outcome).then((value) => {
      freeAll();
      return value;
    }, fail);
  }
  freeAll();
  return outcome;
}
