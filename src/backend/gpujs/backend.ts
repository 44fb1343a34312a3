// The backend on a device: every operation of the contract as launches of kernels, tile by tile.

import { checkChoice, checkInteger, checkNonNegative, checkShape } from '../../core/check.js';
import { type DenseMatrix, type Op, zeros } from '../../core/matrix.js';
import type { AsyncBackend, BackendOperations, SyncBackend } from '../backend.js';
import type { BackendInfo, Slot } from '../slot.js';
import type { Device, DeviceMemory, Place } from './device.js';
import { checkFloat32 } from './errors.js';
import {
  axpbySource,
  clipSource,
  copyColumnsSource,
  divideByRootSource,
  divideSource,
  gatherSource,
  multiplySource,
  productSource,
  rowDotSource,
  totalSource,
  uploadSource,
} from './sources.js';
import type { Grid, Tile } from './tiles.js';

type F32 = 'float32';

/** What a backend on a device can do besides computing. */
export interface GpuResources {
  /** What lives on the device, of all backends that share it; all 0 where none is used. */
  memory(): DeviceMemory;
  /** Resolves when everything enqueued so far has run; rejects with what went wrong in it. */
  settled(): Promise<void>;
  /** Gives the device back, and all slots with it; nothing may be used afterwards. */
  dispose(): Promise<void>;
}

/** A backend on a device that answers at once. */
export interface SyncGpuBackend extends SyncBackend<F32>, GpuResources {}

/** A backend on a device that answers later. */
export interface AsyncGpuBackend extends AsyncBackend<F32>, GpuResources {}

/** A backend on a device. */
export type GpuBackend = SyncGpuBackend | AsyncGpuBackend;

/**
 * A backend on `device`, with slots of its own. Kernels and memory are the device's.
 *
 * Owners, shapes and aliasing are checked at the call; then the kernels are enqueued, one for each
 * tile, and the call returns. A failure on a device that answers later is thrown by the next call and
 * by reads.
 *
 * @throws nothing itself; its operations RangeError or TypeError on misuse, with nothing changed,
 *   GpuDTypeError for elements that are no float32, and GpuContextLostError once the context is lost.
 */
export function backendOn(device: Device, info: BackendInfo): GpuBackend {
  const operations = new GpuOperations(device, info);
  const resources: BackendOperations<F32> & GpuResources = {
    dtype: 'float32',
    info,
    allocate: (rows, cols) => operations.allocate(rows, cols),
    write: (A, value) => operations.write(A, value),
    free: (A) => operations.free(A),
    checkFinite: (where, name, A) => operations.checkFinite(where, name, A),
    gemm: (alpha, A, opA, B, opB, beta, C) => operations.gemm(alpha, A, opA, B, opB, beta, C),
    syrk: (alpha, A, beta, C) => operations.syrk(alpha, A, beta, C),
    axpby: (alpha, A, beta, C) => operations.axpby(alpha, A, beta, C),
    multiply: (alpha, A, B, beta, C) => operations.multiply(alpha, A, B, beta, C),
    divide: (A, B, shift, C) => operations.divide(A, B, shift, C),
    divideByRoot: (alpha, A, beta, B, shift, C) =>
      operations.divideByRoot(alpha, A, beta, B, shift, C),
    dot: (alpha, A, B, beta, s) => operations.dot(alpha, A, B, beta, s),
    clip: (s, limit, C) => operations.clip(s, limit, C),
    gatherColumns: (A, indices, C) => operations.gatherColumns(A, indices, C),
    copyColumns: (A, from, C, to, count) => operations.copyColumns(A, from, C, to, count),
    memory: () => device.memory,
    settled: () => device.settled(),
    dispose: () => device.dispose(),
  };
  return device.reading === 'sync'
    ? { ...resources, reading: 'sync', read: (A) => operations.readNow(A) }
    : { ...resources, reading: 'async', read: (A) => operations.readLater(A) };
}

/** A matrix on the device. */
class GpuSlot implements Slot<F32> {
  readonly owner: object;
  readonly dtype = 'float32';
  readonly rows: number;
  readonly cols: number;
  /** Gone once the slot is freed. */
  grid: Grid | undefined;

  constructor(owner: object, rows: number, cols: number, grid: Grid) {
    this.owner = owner;
    this.rows = rows;
    this.cols = cols;
    this.grid = grid;
  }
}

class GpuOperations {
  readonly #device: Device;
  readonly #info: BackendInfo;

  constructor(device: Device, info: BackendInfo) {
    this.#device = device;
    this.#info = info;
  }

  allocate(rows: number, cols: number): Slot<F32> {
    checkInteger('allocate', 'rows', rows);
    checkInteger('allocate', 'cols', cols);
    return new GpuSlot(this, rows, cols, this.#device.grid(rows, cols));
  }

  write(A: Slot<F32>, value: DenseMatrix<F32>): void {
    const grid = this.#grid('write', 'A', A);
    checkFloat32('write', 'value', value);
    checkShape('write', 'value', value, A.rows, A.cols);
    grid.forEach((tile, i, j) => {
      const { rows, cols } = tile;
      const part = value.view(grid.down[i].start, grid.across[j].start, rows, cols).clone();
      this.#device.launch(uploadSource(rows, cols), [part.data], tile);
    });
  }

  readNow(A: Slot<F32>): DenseMatrix<F32> {
    const { value, place } = collector(A);
    this.#device.readNow(this.#grid('read', 'A', A), place);
    return value;
  }

  async readLater(A: Slot<F32>): Promise<DenseMatrix<F32>> {
    const { value, place } = collector(A);
    await this.#device.readLater(this.#grid('read', 'A', A), place);
    return value;
  }

  free(A: Slot<F32>): void {
    const grid = this.#grid('free', 'A', A);
    this.#own('free', 'A', A).grid = undefined;
    this.#device.release(grid);
  }

  /** Nothing: the device would have to be waited for. */
  checkFinite(where: string, name: string, A: Slot<F32>): undefined {
    this.#grid(where, name, A);
  }

  gemm(
    alpha: number,
    A: Slot<F32>,
    opA: Op,
    B: Slot<F32>,
    opB: Op,
    beta: number,
    C: Slot<F32>,
  ): void {
    checkChoice('gemm', 'opA', opA, ['N', 'T']);
    checkChoice('gemm', 'opB', opB, ['N', 'T']);
    const [a, b] = [this.#grid('gemm', 'A', A), this.#grid('gemm', 'B', B)];
    const c = this.#output('gemm', { A, B }, 'C', C);
    const [m, k] = opA === 'N' ? [A.rows, A.cols] : [A.cols, A.rows];
    const n = opB === 'N' ? B.cols : B.rows;
    checkShape('gemm', 'B', B, opB === 'N' ? k : n, opB === 'N' ? n : k);
    checkShape('gemm', 'C', C, m, n);
    this.#product(alpha, a, opA, b, opB, beta, c);
  }

  syrk(alpha: number, A: Slot<F32>, beta: number, C: Slot<F32>): void {
    const a = this.#grid('syrk', 'A', A);
    const c = this.#output('syrk', { A }, 'C', C);
    checkShape('syrk', 'C', C, A.cols, A.cols);
    // Elements (i, j) and (j, i) are sums of the same products in the same order.
    this.#product(alpha, a, 'T', a, 'N', beta, c);
  }

  axpby(alpha: number, A: Slot<F32>, beta: number, C: Slot<F32>): void {
    const a = this.#grid('axpby', 'A', A);
    const c = this.#grid('axpby', 'C', C);
    checkShape('axpby', 'C', C, A.rows, A.cols);
    c.forEach((tile, i, j) => {
      const { rows, cols } = tile;
      const term = a.at(i, j);
      if (accumulates(beta, tile)) {
        this.#device.launch(axpbySource(rows, cols, true), [term, alpha, tile, beta], tile);
      } else {
        this.#device.launch(axpbySource(rows, cols, false), [term, alpha], tile);
      }
    });
  }

  multiply(alpha: number, A: Slot<F32>, B: Slot<F32>, beta: number, C: Slot<F32>): void {
    const [a, b] = [this.#grid('multiply', 'A', A), this.#grid('multiply', 'B', B)];
    const c = this.#output('multiply', { A, B }, 'C', C);
    checkShape('multiply', 'B', B, A.rows, A.cols);
    checkShape('multiply', 'C', C, A.rows, A.cols);
    c.forEach((tile, i, j) => {
      const { rows, cols } = tile;
      const factors = [a.at(i, j), b.at(i, j), alpha];
      if (accumulates(beta, tile)) {
        this.#device.launch(multiplySource(rows, cols, true), [...factors, tile, beta], tile);
      } else {
        this.#device.launch(multiplySource(rows, cols, false), factors, tile);
      }
    });
  }

  divide(A: Slot<F32>, B: Slot<F32>, shift: number, C: Slot<F32>): void {
    const [a, b] = [this.#grid('divide', 'A', A), this.#grid('divide', 'B', B)];
    const c = this.#output('divide', { A, B }, 'C', C);
    checkShape('divide', 'B', B, A.rows, A.cols);
    checkShape('divide', 'C', C, A.rows, A.cols);
    c.forEach((tile, i, j) => {
      const source = divideSource(tile.rows, tile.cols);
      this.#device.launch(source, [a.at(i, j), b.at(i, j), shift], tile);
    });
  }

  divideByRoot(
    alpha: number,
    A: Slot<F32>,
    beta: number,
    B: Slot<F32>,
    shift: number,
    C: Slot<F32>,
  ): void {
    const [a, b] = [this.#grid('divideByRoot', 'A', A), this.#grid('divideByRoot', 'B', B)];
    const c = this.#output('divideByRoot', { A, B }, 'C', C);
    checkShape('divideByRoot', 'B', B, A.rows, A.cols);
    checkShape('divideByRoot', 'C', C, A.rows, A.cols);
    c.forEach((tile, i, j) => {
      const source = divideByRootSource(tile.rows, tile.cols);
      this.#device.launch(source, [a.at(i, j), alpha, b.at(i, j), beta, shift], tile);
    });
  }

  dot(alpha: number, A: Slot<F32>, B: Slot<F32>, beta: number, s: Slot<F32>): void {
    const [a, b] = [this.#grid('dot', 'A', A), this.#grid('dot', 'B', B)];
    const c = this.#output('dot', { A, B }, 's', s);
    checkShape('dot', 'B', B, A.rows, A.cols);
    checkShape('dot', 's', s, 1, 1);
    const total = c.at(0, 0);
    let keep = beta;
    a.forEach((tile, i, j) => {
      const column = this.#device.grid(tile.rows, 1);
      const sums = column.at(0, 0);
      try {
        this.#device.launch(rowDotSource(tile.rows, tile.cols), [tile, b.at(i, j)], sums);
        if (accumulates(keep, total)) {
          this.#device.launch(totalSource(tile.rows, true), [sums, alpha, total, keep], total);
        } else {
          this.#device.launch(totalSource(tile.rows, false), [sums, alpha], total);
        }
      } finally {
        this.#device.release(column);
      }
      keep = 1;
    });
    // Without elements there is no term.
    if (A.rows * A.cols === 0) this.#scale(keep, total);
  }

  clip(s: Slot<F32>, limit: number, C: Slot<F32>): void {
    const sum = this.#grid('clip', 's', s);
    const c = this.#output('clip', { s }, 'C', C);
    checkShape('clip', 's', s, 1, 1);
    checkNonNegative('clip', 'limit', limit);
    c.forEach((tile) => {
      if (!tile.filled) return;
      this.#device.launch(clipSource(tile.rows, tile.cols), [sum.at(0, 0), limit, tile], tile);
    });
  }

  gatherColumns(A: Slot<F32>, indices: Int32Array, C: Slot<F32>): void {
    const a = this.#grid('gatherColumns', 'A', A);
    const c = this.#output('gatherColumns', { A }, 'C', C);
    checkShape('gatherColumns', 'C', C, A.rows, indices.length);
    indices.forEach((index, k) => {
      checkInteger('gatherColumns', `indices[${k}]`, index, 0, A.cols - 1);
    });
    c.forEach((tile, i, j) => {
      const { start, size } = c.across[j];
      const picked = Float32Array.from(indices.subarray(start, start + size));
      // Every column is in one of the tiles, so that the old content is overwritten whole.
      a.across.forEach((span, k) => {
        const source = gatherSource(tile.rows, tile.cols, span.size);
        this.#device.launch(source, [a.at(i, k), picked, span.start, tile], tile);
      });
    });
  }

  copyColumns(A: Slot<F32>, from: number, C: Slot<F32>, to: number, count: number): void {
    const a = this.#grid('copyColumns', 'A', A);
    const c = this.#output('copyColumns', { A }, 'C', C);
    checkShape('copyColumns', 'C', C, A.rows, C.cols);
    checkInteger('copyColumns', 'count', count, 0, Math.min(A.cols, C.cols));
    checkInteger('copyColumns', 'from', from, 0, A.cols - count);
    checkInteger('copyColumns', 'to', to, 0, C.cols - count);
    c.forEach((tile, i, j) => {
      const left = c.across[j].start;
      a.across.forEach(({ start, size }, k) => {
        // Column x of this tile of C is column x + shift of this tile of A.
        const shift = left - to + from - start;
        const low = Math.max(to - left, -shift, 0);
        const high = Math.min(to + count - left, size - shift, tile.cols);
        if (low >= high) return;
        const source = copyColumnsSource(tile.rows, tile.cols, size);
        this.#device.launch(source, [a.at(i, k), shift, low, high, tile], tile);
      });
    });
  }

  /** C ← α·op(A)·op(B) + β·C over tiles: the terms of one tile of C are summed one after another. */
  #product(alpha: number, a: Grid, opA: Op, b: Grid, opB: Op, beta: number, c: Grid): void {
    const inner = alpha === 0 ? [] : opA === 'N' ? a.across : a.down;
    c.forEach((tile, i, j) => {
      if (inner.length === 0) this.#scale(beta, tile);
      inner.forEach(({ size }, k) => {
        const left = opA === 'N' ? a.at(i, k) : a.at(k, i);
        const right = opB === 'N' ? b.at(k, j) : b.at(j, k);
        const keep = k === 0 ? beta : 1;
        const adds = accumulates(keep, tile);
        const source = productSource(tile.rows, tile.cols, size, opA, opB, adds);
        const rest = adds ? [tile, keep] : [];
        this.#device.launch(source, [left, right, alpha, ...rest], tile);
      });
    });
  }

  /** tile ← β·tile. */
  #scale(beta: number, tile: Tile): void {
    if (!tile.filled || beta === 1) return;
    if (beta === 0) this.#device.zero(tile);
    else this.#device.launch(axpbySource(tile.rows, tile.cols, false), [tile, beta], tile);
  }

  #own(where: string, name: string, A: Slot<F32>): GpuSlot {
    if (A instanceof GpuSlot && A.owner === this) return A;
    const { name: engine, variant } = this.#info;
    throw new TypeError(
      `${where}: ${name} belongs to another engine, expected a slot of this one (${engine}, ${variant})`,
    );
  }

  #grid(where: string, name: string, A: Slot<F32>): Grid {
    const { grid } = this.#own(where, name, A);
    if (grid !== undefined) return grid;
    throw new TypeError(`${where}: ${name} was freed, expected a slot in use`);
  }

  /** The grid of an output, which may be none of the inputs. */
  #output(
    where: string,
    inputs: Readonly<Record<string, Slot<F32>>>,
    name: string,
    C: Slot<F32>,
  ): Grid {
    for (const [input, A] of Object.entries(inputs)) {
      if (A !== C) continue;
      throw new RangeError(
        `${where}: ${name} is the slot of ${input} too, expected an output that is no other operand`,
      );
    }
    return this.#grid(where, name, C);
  }
}

/** Whether β·(old content) is a term: the old content is not read for β = 0, nor where it is zero. */
function accumulates(beta: number, tile: Tile): boolean {
  return beta !== 0 && tile.filled;
}

/** A matrix of zeros, and what puts tiles in it. */
function collector({ rows, cols }: Slot<F32>): { value: DenseMatrix<F32>; place: Place } {
  const value = zeros('float32', rows, cols);
  const place: Place = (top, left, tile) => {
    tile.forEach((row, i) => {
      value.data.set(row, (top + i) * cols + left);
    });
  };
  return { value, place };
}
