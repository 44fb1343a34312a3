// State as plain data: what is exported, and what is checked before it is put back.

import { checkInteger, checkType, describe, isObject } from '../core/check.js';
import { type DType, isTypedArray } from '../core/dtype.js';
import { checkFinite, DenseMatrix } from '../core/matrix.js';
import { guarded, type OptionsOf, optionList } from '../core/options.js';
import { typedArrayName } from '../core/typed-array.js';
import type { Backend, Slot } from './backend.js';
import { Cell, type StateEntry } from './state.js';

/** What a run is of, by name: method, options, seed, layers, dtype. */
export type Description = Readonly<Record<string, string | number | boolean>>;

/** A matrix as plain data, row-major. */
export interface PlainMatrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float32Array | Float64Array;
}

/** One entry as plain data. */
export type PlainEntry = number | PlainMatrix | Int32Array;

/** The version of {@link PlainState} that this library writes and reads. */
export const STATE_VERSION = 1;

/**
 * Exported state: plain data that `structuredClone` and any serialiser of typed arrays can carry.
 * JSON is none, it makes objects of typed arrays: for it, turn each `data` into a plain array with
 * `Array.from`, and back with `Float32Array.from` or `Float64Array.from`.
 */
export interface PlainState {
  readonly version: number;
  /** The run that the state is of: only one like it can go on from there. */
  readonly run: Description;
  readonly entries: Readonly<Record<string, PlainEntry>>;
}

const RESTORE_OPTIONS = /* @__PURE__ */ optionList({
  /** Names of what may differ between the saved run and this one, for example `damping`. */
  accept: /* @__PURE__ */ guarded('an array of names', isNames),
});

/** Options of `restoreState`. */
export interface RestoreOptions extends OptionsOf<typeof RESTORE_OPTIONS> {}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}

/**
 * A copy of every entry as it is at the moment of the call: reads are enqueued and numbers taken at
 * once. What a refresh in flight is about to put in place is waited for, as it belongs to that moment.
 */
export async function exportState<D extends DType>(
  backend: Backend<D>,
  run: Description,
  entries: readonly StateEntry<D>[],
): Promise<PlainState> {
  const parts = entries.map(({ name, holds, pending: waited }): Promise<[string, PlainEntry]> => {
    const read = async (): Promise<[string, PlainEntry]> => {
      if ('get' in holds) return [name, holds.get().slice()];
      if (holds instanceof Cell) return [name, holds.value];
      const { rows, cols, data } = await backend.read(holds.slot);
      return [name, { rows, cols, data }];
    };
    const pending = waited?.() ?? ('pending' in holds ? holds.pending?.() : undefined);
    // What a refresh that fails leaves is in place; its error is the next step's.
    return pending === undefined ? read() : pending.then(read, read);
  });
  return { version: STATE_VERSION, run, entries: Object.fromEntries(await Promise.all(parts)) };
}

/**
 * Puts back what {@link exportState} gave, bit for bit. Everything is validated before anything
 * changes.
 *
 * @throws RangeError or TypeError where the state is of another version or of another run, or an entry
 *   is missing, unknown, of another shape or dtype, not finite, or something that it cannot be.
 */
export function restoreState<D extends DType>(
  backend: Backend<D>,
  run: Description,
  entries: readonly StateEntry<D>[],
  saved: PlainState,
  options: RestoreOptions = {},
): void {
  checkSaved(saved);
  const { accept = [] } = RESTORE_OPTIONS.read('restoreState', options);
  checkSameRun(run, saved.run, accept);
  const known = new Set(entries.map((entry) => entry.name));
  for (const name of Object.keys(saved.entries)) {
    if (!known.has(name)) throw new RangeError(`restoreState: unknown entry '${name}'`);
  }
  const writes = entries.map(({ name, sized, holds }) => {
    const value = saved.entries[name];
    const label = `entry '${name}'`;
    /** What it follows was checked before it. */
    const columnsOf = (present: number) => {
      const size = sized === undefined ? undefined : saved.entries[sized.by];
      return sized !== undefined && typeof size === 'number' ? sized.columns(size) : present;
    };
    if (holds instanceof Cell) {
      const number = checkedNumber(label, value);
      holds.check('restoreState', label, number);
      return () => {
        holds.value = number;
      };
    }
    if ('get' in holds) {
      const indices = checkedIndices(label, value, columnsOf(holds.length));
      holds.check('restoreState', label, indices);
      return () => holds.set(indices);
    }
    const { rows, cols, dtype } = holds.slot;
    const matrix = checkedMatrix(label, value, { rows, cols: columnsOf(cols), dtype });
    holds.check?.('restoreState', label, matrix);
    return () => {
      holds.resize?.(matrix.cols);
      backend.write(holds.slot, matrix);
    };
  });
  for (const write of writes) write();
}

/**
 * What is to be restored must be what {@link exportState} gives, in this version.
 *
 * @throws TypeError or RangeError where it is not.
 */
function checkSaved(saved: unknown): asserts saved is PlainState {
  const expected = 'what exportState gave';
  const fits = isObject(saved) && 'version' in saved && 'run' in saved && 'entries' in saved;
  checkType('restoreState', 'the saved state', saved, fits, expected);
  if (!fits) return;
  if (saved.version !== STATE_VERSION) {
    throw new RangeError(
      `restoreState: the saved state is of version ${describe(saved.version)}, expected ${STATE_VERSION}`,
    );
  }
  checkType('restoreState', 'the saved run', saved.run, isObject(saved.run), expected);
  checkType('restoreState', 'the saved entries', saved.entries, isObject(saved.entries), expected);
}

/**
 * A copy of saved state that waits to be restored, checked as far as that can be without knowing the run:
 * the caller may go on changing the original.
 *
 * @throws TypeError or RangeError where it is no state.
 */
export function copyOfSaved(saved: unknown): PlainState {
  checkSaved(saved);
  const entries = Object.entries(saved.entries).map(([name, value]): [string, PlainEntry] => {
    const label = `entry '${name}'`;
    if (typeof value === 'number') return [name, checkedNumber(label, value)];
    if (!isPlainMatrix(value)) return [name, indicesOf(label, value)];
    const { rows, cols, data } = value;
    checkInteger('restoreState', `rows of ${label}`, rows);
    checkInteger('restoreState', `cols of ${label}`, cols);
    const dtype = isTypedArray(data, 'float64') ? 'float64' : 'float32';
    const matrix = checkedMatrix(label, value, { rows, cols, dtype });
    return [name, { rows, cols, data: matrix.data.slice() }];
  });
  const { version, run } = saved;
  return { version, run: { ...run }, entries: Object.fromEntries(entries) };
}

/** A saved run may differ from this one in what is accepted, and in nothing else. */
function checkSameRun(run: Description, saved: Description, accept: readonly string[]): void {
  const names = new Set([...Object.keys(run), ...Object.keys(saved)]);
  for (const name of accept) {
    if (names.has(name)) continue;
    throw new RangeError(
      `restoreState: accept names '${name}', expected some of ${[...names].join(', ')}`,
    );
  }
  for (const name of names) {
    if (run[name] === saved[name] || accept.includes(name)) continue;
    const there = Object.hasOwn(saved, name) ? describe(saved[name]) : 'missing';
    const here = Object.hasOwn(run, name) ? describe(run[name]) : 'none';
    throw new RangeError(
      `restoreState: ${name} of the saved run is ${there}, expected ${here} as in this one, or accept: ['${name}']`,
    );
  }
}

function checkedNumber(label: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new TypeError(
    `restoreState: ${label} is ${describeEntry(value)}, expected a finite number`,
  );
}

function checkedIndices(label: string, value: unknown, length: number): Int32Array {
  const indices = indicesOf(label, value);
  if (indices.length === length) return indices;
  throw new RangeError(`restoreState: ${label} has ${indices.length} elements, expected ${length}`);
}

/** A copy of an Int32Array of any realm. */
function indicesOf(label: string, value: unknown): Int32Array {
  if (ArrayBuffer.isView(value) && typedArrayName(value) === 'Int32Array') {
    const { buffer, byteOffset, byteLength } = value;
    return new Int32Array(buffer.slice(byteOffset, byteOffset + byteLength));
  }
  throw new TypeError(`restoreState: ${label} is ${describeEntry(value)}, expected an Int32Array`);
}

function describeEntry(value: unknown): string {
  return isPlainMatrix(value) ? `a ${value.rows}×${value.cols} matrix` : describe(value);
}

/** What comes from a file need not be what its type says. */
function isPlainMatrix(value: unknown): value is PlainMatrix {
  return isObject(value) && 'data' in value && ArrayBuffer.isView(value.data);
}

function checkedMatrix<D extends DType>(
  label: string,
  value: unknown,
  { rows, cols, dtype }: Pick<Slot<D>, 'rows' | 'cols' | 'dtype'>,
): DenseMatrix<D> {
  const expected = `expected a ${rows}×${cols} ${dtype} matrix`;
  if (isObject(value) && 'data' in value && !ArrayBuffer.isView(value.data)) {
    throw new TypeError(
      `restoreState: ${label} holds no typed array, ${expected}: JSON cannot carry one; use structuredClone, or convert data to and from plain arrays`,
    );
  }
  if (!isPlainMatrix(value) || value.rows !== rows || value.cols !== cols) {
    throw new RangeError(`restoreState: ${label} is ${describeEntry(value)}, ${expected}`);
  }
  if (!isTypedArray(value.data, dtype) || value.data.length !== rows * cols) {
    throw new TypeError(
      `restoreState: ${label} holds ${value.data.length} elements of ${value.data.constructor.name}, ${expected}`,
    );
  }
  const A = new DenseMatrix(dtype, rows, cols, value.data);
  checkFinite('restoreState', label, A);
  return A;
}
