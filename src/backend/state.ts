// State as a list of named matrices and numbers, so that what is done with all of it is written once.

import { checkFunction, checkType } from '../core/check.js';
import { BYTES, type DType } from '../core/dtype.js';
import type { DenseMatrix } from '../core/matrix.js';
import { checkIndices } from '../kernels/indices.js';
import type { Backend, Slot } from './backend.js';

/** Throws, with where and what it is, unless a restored value will do. */
export type RestoreGuard<Value> = (where: string, name: string, value: Value) => void;

/** What has to settle before something belongs to the moment of the call, if anything has. */
export type Pending = () => Promise<unknown> | undefined;

/** A matrix on the backend. */
export interface MatrixState<D extends DType> {
  readonly slot: Slot<D>;
  /** Present where not every finite matrix will do. */
  readonly check?: RestoreGuard<DenseMatrix> | undefined;
  readonly pending?: Pending | undefined;
  /** Makes room for so many columns, of whatever content. Absent where their number stays. */
  resize?(columns: number): void;
}

/** A matrix on the backend whose number of columns may change: its slot is another one then. */
export class ResizableMatrix<D extends DType> implements MatrixState<D> {
  readonly check: RestoreGuard<DenseMatrix> | undefined;
  readonly pending: Pending | undefined;
  readonly #backend: Backend<D>;
  #slot: Slot<D>;

  constructor(
    backend: Backend<D>,
    rows: number,
    cols: number,
    { check, pending }: Pick<MatrixState<D>, 'check' | 'pending'> = {},
  ) {
    this.check = check;
    this.pending = pending;
    this.#backend = backend;
    this.#slot = backend.allocate(rows, cols);
  }

  get slot(): Slot<D> {
    return this.#slot;
  }

  resize(columns: number): void {
    if (columns === this.#slot.cols) return;
    const old = this.#slot;
    this.#slot = this.#backend.allocate(old.rows, columns);
    this.#backend.free(old);
  }
}

/** A number on the host. */
export class Cell {
  value: number;
  readonly check: RestoreGuard<number>;
  /** As of {@link MatrixState}. */
  readonly pending: Pending | undefined;

  /** @throws TypeError where `value` is no number, or one of the others no function. */
  constructor(value: number, check: RestoreGuard<number>, pending?: Pending) {
    checkType('Cell', 'value', value, typeof value === 'number', 'a number');
    checkFunction('Cell', 'check', check);
    if (pending !== undefined) checkFunction('Cell', 'pending', pending);
    this.value = value;
    this.check = check;
    this.pending = pending;
  }
}

/** A list of integers on the host. */
export interface IndexState {
  readonly length: number;
  readonly check: RestoreGuard<Int32Array>;
  get(): Int32Array;
  set(value: Int32Array): void;
}

/** What a piece of state belongs to: which parameter or layer, and the piece's name without that index. */
export interface StatePart {
  readonly of: 'parameter' | 'layer';
  readonly index: number;
  readonly key: string;
}

/** How many columns a matrix has, or integers a list, where that follows a number of the same state. */
export interface Sized {
  /** The name of that number, which stands before what follows it. */
  readonly by: string;
  /** How many they are where it is `size`. */
  columns(size: number): number;
}

/** One piece of state and its name. */
export interface StateEntry<D extends DType> {
  readonly name: string;
  /** Absent where the size stays. */
  readonly sized?: Sized;
  /** Present where it is of one parameter or layer alone: what it goes by when their order changes. */
  readonly part?: StatePart;
  /** What is to be waited for before it is exported, where what it holds does not say so. */
  readonly pending?: Pending;
  readonly holds: MatrixState<D> | Cell | IndexState;
}

/** Something whose whole state is listed. */
export interface Stateful<D extends DType> {
  readonly state: readonly StateEntry<D>[];
}

/** The same entries under `prefix/`. */
export function scoped<D extends DType>(
  prefix: string,
  entries: readonly StateEntry<D>[],
): StateEntry<D>[] {
  return entries.map(({ name, part, sized, ...rest }) => ({
    ...rest,
    name: `${prefix}/${name}`,
    ...(part === undefined ? {} : { part: { ...part, key: `${prefix}/${part.key}` } }),
    ...sizedIn(prefix, sized),
  }));
}

function sizedIn(prefix: string, sized: Sized | undefined): Pick<StateEntry<DType>, 'sized'> {
  return sized === undefined ? {} : { sized: { ...sized, by: `${prefix}/${sized.by}` } };
}

/** The same entries under `index/`, as those of that layer. */
export function ofLayer<D extends DType>(
  index: number,
  entries: readonly StateEntry<D>[],
): StateEntry<D>[] {
  return entries.map(({ name, sized, ...rest }) => ({
    ...rest,
    name: `${index}/${name}`,
    part: { of: 'layer', index, key: name },
    ...sizedIn(String(index), sized),
  }));
}

/** One matrix a parameter, as `key` and the index. */
export function ofParameters<D extends DType>(
  key: string,
  slots: readonly Slot<D>[],
  check?: RestoreGuard<DenseMatrix>,
): StateEntry<D>[] {
  return slots.map((slot, index) => ({
    name: `${key}${index}`,
    part: { of: 'parameter', index, key },
    holds: { slot, check },
  }));
}

/** Bytes that the matrices among `entries` hold. */
export function stateBytes<D extends DType>(entries: readonly StateEntry<D>[]): number {
  let bytes = 0;
  for (const { slot } of matrices(entries)) bytes += slot.rows * slot.cols * BYTES[slot.dtype];
  return bytes;
}

/** `to` ← `from`, of the same kind and rows, without reading anything. */
export function copyState<D extends DType>(
  backend: Backend<D>,
  from: StateEntry<D>['holds'],
  to: StateEntry<D>['holds'],
): void {
  if (from instanceof Cell && to instanceof Cell) to.value = from.value;
  else if ('slot' in from && 'slot' in to) {
    to.resize?.(from.slot.cols);
    backend.axpby(1, from.slot, 0, to.slot);
  } else if ('set' in to && 'get' in from) to.set(from.get().slice());
}

/** Frees the matrices among `entries`. */
export function freeState<D extends DType>(
  backend: Backend<D>,
  entries: readonly StateEntry<D>[],
): void {
  for (const { slot } of matrices(entries)) backend.free(slot);
}

/** Guards a list of distinct integers of [0, limit). */
export function distinctIndices(limit: number): RestoreGuard<Int32Array> {
  return (where, name, value) => {
    checkIndices(where, (j) => `${name}, number ${j}`, value, limit);
    const places = new Map<number, number>();
    value.forEach((index, j) => {
      const twin = places.get(index);
      places.set(index, j);
      if (twin === undefined) return;
      throw new RangeError(
        `${where}: ${name} holds ${index} as numbers ${twin} and ${j}, expected distinct columns`,
      );
    });
  };
}

function matrices<D extends DType>(entries: readonly StateEntry<D>[]): MatrixState<D>[] {
  return entries.flatMap(({ holds }) => ('slot' in holds ? [holds] : []));
}
