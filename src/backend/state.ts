// State as a list of named slots and numbers, so that export, restore and byte counts are written once.

import { checkFinite, checkType, describe, isObject } from '../core/check.js';
import { BYTES, type DType, isTypedArray } from '../core/dtype.js';
import { DenseMatrix } from '../core/matrix.js';
import type { Engine } from './engine.js';
import type { Slot } from './slot.js';

/** One piece of state: a matrix on the engine, or a number on the host. */
export type StateEntry<D extends DType> =
  | { readonly name: string; readonly slot: Slot<D> }
  | {
      readonly name: string;
      /** The guard of what is restored (see core/check.ts), where not every finite number will do. */
      readonly check?: (where: string, name: string, value: number) => void;
      get(): number;
      set(value: number): void;
    };

/** A matrix as plain data, row-major. */
export interface PlainMatrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float32Array | Float64Array;
}

/**
 * Exported state: plain data that `structuredClone` and any serialiser of typed arrays can carry.
 * JSON is none, it makes objects of typed arrays: for it, turn each `data` into a plain array with
 * `Array.from`, and back with `Float32Array.from` or `Float64Array.from`.
 */
export type PlainState = Readonly<Record<string, number | PlainMatrix>>;

/** Something whose whole state is listed. */
export interface Stateful<D extends DType> {
  readonly state: readonly StateEntry<D>[];
}

/** The same entries under `prefix/`. */
export function scoped<D extends DType>(
  prefix: string,
  entries: readonly StateEntry<D>[],
): StateEntry<D>[] {
  return entries.map((entry) => {
    const name = `${prefix}/${entry.name}`;
    if ('slot' in entry) return { name, slot: entry.slot };
    return { ...entry, name };
  });
}

/** A copy of every entry. The reads are enqueued at once, so the copy is of one moment. */
export async function exportState<D extends DType>(
  engine: Engine<D>,
  entries: readonly StateEntry<D>[],
): Promise<PlainState> {
  const parts = entries.map(async (entry): Promise<[string, number | PlainMatrix]> => {
    if (!('slot' in entry)) return [entry.name, entry.get()];
    const { rows, cols, data } = await engine.read(entry.slot);
    return [entry.name, { rows, cols, data }];
  });
  return Object.fromEntries(await Promise.all(parts));
}

/**
 * Puts back what {@link exportState} gave, bit for bit. Everything is validated before anything
 * changes.
 *
 * @throws RangeError or TypeError where an entry is missing, unknown, of another shape or dtype, not
 *   finite, or a number that it cannot be.
 */
export function restoreState<D extends DType>(
  engine: Engine<D>,
  entries: readonly StateEntry<D>[],
  saved: PlainState,
): void {
  checkSaved(saved);
  const known = new Set(entries.map((entry) => entry.name));
  for (const name of Object.keys(saved)) {
    if (!known.has(name)) throw new RangeError(`restoreState: unknown entry '${name}'`);
  }
  const writes = entries.map((entry) => {
    const value = saved[entry.name];
    if ('slot' in entry) {
      const matrix = plainMatrix(entry.name, value, entry.slot);
      return () => engine.write(entry.slot, matrix);
    }
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw new TypeError(
        `restoreState: entry '${entry.name}' is ${describeEntry(value)}, expected a finite number`,
      );
    }
    entry.check?.('restoreState', `entry '${entry.name}'`, value);
    return () => entry.set(value);
  });
  for (const write of writes) write();
}

/**
 * What is to be restored must be an object at least.
 *
 * @throws TypeError where it is not.
 */
export function checkSaved(saved: unknown): void {
  checkType('restoreState', 'the saved state', saved, isObject(saved), 'what exportState gave');
}

/** Bytes that the slots among `entries` hold. */
export function stateBytes<D extends DType>(entries: readonly StateEntry<D>[]): number {
  let bytes = 0;
  for (const entry of entries) {
    if ('slot' in entry) bytes += entry.slot.rows * entry.slot.cols * BYTES[entry.slot.dtype];
  }
  return bytes;
}

function describeEntry(value: unknown): string {
  return isPlainMatrix(value) ? `a ${value.rows}×${value.cols} matrix` : describe(value);
}

/** What comes from a file need not be what its type says. */
function isPlainMatrix(value: unknown): value is PlainMatrix {
  return isObject(value) && 'data' in value && ArrayBuffer.isView(value.data);
}

function plainMatrix<D extends DType>(name: string, value: unknown, slot: Slot<D>): DenseMatrix<D> {
  const { rows, cols, dtype } = slot;
  const expected = `expected a ${rows}×${cols} ${dtype} matrix`;
  if (isObject(value) && 'data' in value && !ArrayBuffer.isView(value.data)) {
    throw new TypeError(
      `restoreState: entry '${name}' holds no typed array, ${expected}: JSON cannot carry one; use structuredClone, or convert data to and from plain arrays`,
    );
  }
  if (!isPlainMatrix(value) || value.rows !== rows || value.cols !== cols) {
    throw new RangeError(`restoreState: entry '${name}' is ${describeEntry(value)}, ${expected}`);
  }
  if (!isTypedArray(value.data, dtype) || value.data.length !== rows * cols) {
    throw new TypeError(
      `restoreState: entry '${name}' holds ${value.data.length} elements of ${value.data.constructor.name}, ${expected}`,
    );
  }
  const A = new DenseMatrix(dtype, rows, cols, value.data);
  checkFinite('restoreState', `entry '${name}'`, A);
  return A;
}
