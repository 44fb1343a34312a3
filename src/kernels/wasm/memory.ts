// The memory of the WebAssembly kernels: operands are copied in, results are copied out.

import { BYTES, type DType } from '../../core/dtype.js';
import type { DenseMatrix } from '../../core/matrix.js';
import type { WasmMemory } from './platform.js';
import { Refusal } from './refusal.js';

const PAGE = 65_536;

/** Operands begin on cache lines. */
const ALIGNMENT = 64;

/** Nothing is placed at address 0. */
const BASE = 1024;

/** Rows shorter than this are copied element by element: a call for each would cost more. */
const SHORT = 24;

/**
 * One call's layout of operands: {@link begin}, {@link take} for each, {@link commit}, and then copy.
 * Growing detaches every view of the memory, so views are made anew in commit, and never kept.
 */
export class LinearMemory {
  readonly #memory: WasmMemory;
  readonly #views: { float32: Float32Array; float64: Float64Array; int32: Int32Array };
  #top = BASE;
  #size: number;

  constructor(memory: WasmMemory) {
    this.#memory = memory;
    this.#views = viewsOf(memory);
    this.#size = memory.buffer.byteLength;
  }

  /** Starts a layout with `bytes` of workspace, and returns its address. */
  begin(bytes: number): number {
    this.#top = BASE;
    return this.takeBytes(bytes);
  }

  /** The address of `count` elements. */
  take(dtype: DType, count: number): number {
    return this.takeBytes(count * BYTES[dtype]);
  }

  takeBytes(bytes: number): number {
    const address = this.#top;
    this.#top += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    return address;
  }

  /** What the memory has grown to. */
  get bytes(): number {
    return this.#size;
  }

  /**
   * Makes room for what was taken.
   *
   * @throws Refusal if the platform has no more.
   */
  commit(): void {
    // To ask the memory for its size would take longer than a small product: nobody else grows it.
    const missing = this.#top - this.#size;
    if (missing <= 0) return;
    try {
      this.#memory.grow(Math.ceil(missing / PAGE));
    } catch (cause) {
      throw new Refusal('the memory cannot grow', { cause });
    }
    this.#size = this.#memory.buffer.byteLength;
    Object.assign(this.#views, viewsOf(this.#memory));
  }

  /** Copies rows [row, row+rows) and columns [col, col+cols) of A in; its rows are `ld` apart there. */
  load(
    A: DenseMatrix,
    row: number,
    rows: number,
    col: number,
    cols: number,
    address: number,
    ld: number = cols,
  ): void {
    const heap = this.#views[A.dtype];
    const a = A.data;
    let from = A.offset + row * A.stride + col;
    let to = address / BYTES[A.dtype];
    if (ld === A.stride && ld === cols) {
      heap.set(part(a, from, rows * cols), to);
      return;
    }
    for (let i = 0; i < rows; i++, from += A.stride, to += ld) {
      if (cols < SHORT) for (let j = 0; j < cols; j++) heap[to + j] = a[from + j];
      else heap.set(a.subarray(from, from + cols), to);
    }
  }

  /** The reverse of {@link load}. */
  store(
    C: DenseMatrix,
    row: number,
    rows: number,
    col: number,
    cols: number,
    address: number,
    ld: number = cols,
  ): void {
    const heap = this.#views[C.dtype];
    const c = C.data;
    let from = address / BYTES[C.dtype];
    let to = C.offset + row * C.stride + col;
    if (ld === C.stride && ld === cols) {
      c.set(heap.subarray(from, from + rows * cols), to);
      return;
    }
    for (let i = 0; i < rows; i++, from += ld, to += C.stride) {
      if (cols < SHORT) for (let j = 0; j < cols; j++) c[to + j] = heap[from + j];
      else c.set(heap.subarray(from, from + cols), to);
    }
  }

  /** Copies what is on and below the diagonal of an n×n matrix out to C. */
  storeLower(C: DenseMatrix, address: number, ld: number): void {
    const heap = this.#views[C.dtype];
    const c = C.data;
    let from = address / BYTES[C.dtype];
    let to = C.offset;
    for (let i = 0; i < C.rows; i++, from += ld, to += C.stride) {
      if (i < SHORT) for (let j = 0; j <= i; j++) c[to + j] = heap[from + j];
      else c.set(heap.subarray(from, from + i + 1), to);
    }
  }

  /** Copies the first `count` numbers in. */
  loadArray(numbers: Float64Array | Int32Array, count: number, address: number): void {
    const heap = numbers instanceof Int32Array ? this.#views.int32 : this.#views.float64;
    heap.set(numbers.subarray(0, count), address / numbers.BYTES_PER_ELEMENT);
  }

  /** Copies numbers out. */
  storeArray(numbers: Float64Array, address: number): void {
    const start = address / 8;
    numbers.set(this.#views.float64.subarray(start, start + numbers.length));
  }

  /** Copies the columns of A that `indices` name in, of rows [row, row+rows). */
  gather(A: DenseMatrix, row: number, rows: number, indices: Int32Array, address: number): void {
    const heap = this.#views[A.dtype];
    const a = A.data;
    const { length } = indices;
    let from = A.offset + row * A.stride;
    let to = address / BYTES[A.dtype];
    for (let i = 0; i < rows; i++, from += A.stride, to += length) {
      for (let j = 0; j < length; j++) heap[to + j] = a[from + indices[j]];
    }
  }

  clear(dtype: DType, address: number, count: number): void {
    const start = address / BYTES[dtype];
    this.#views[dtype].fill(0, start, start + count);
  }

  at(dtype: DType, address: number, index: number): number {
    return this.#views[dtype][address / BYTES[dtype] + index];
  }
}

function viewsOf({ buffer }: WasmMemory) {
  return {
    float32: new Float32Array(buffer),
    float64: new Float64Array(buffer),
    int32: new Int32Array(buffer),
  };
}

/** A whole array needs no view of itself. */
function part(a: Float32Array | Float64Array, from: number, count: number) {
  return from === 0 && count === a.length ? a : a.subarray(from, from + count);
}
