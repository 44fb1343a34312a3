// The primitives on a device: every operation as launches of kernels, tile by tile.

import { type DenseMatrix, type Op, zeros } from '../../core/matrix.js';
import type { BackendInfo } from '../backend.js';
import type { Primitives } from '../primitives.js';
import type { Device, Place } from './device.js';
import type { Operand } from './program.js';
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
  type Source,
  totalSource,
  uploadSource,
} from './sources.js';
import type { Grid, Tile } from './tiles.js';

type F32 = 'float32';
type Operands = readonly (Tile | Operand)[];

/**
 * Operations on grids of `device`.
 *
 * A call enqueues its kernels and returns. A device that answers later reports a failure in the next
 * call, and in reads.
 */
export function gpuPrimitives(device: Device, info: BackendInfo): Primitives<F32, Grid> {
  /** tile ← the outcome of `source` + β·tile. Old content is not read for β = 0, nor if it is zero. */
  const launch = (
    tile: Tile,
    beta: number,
    source: (accumulates: boolean) => Source,
    operands: Operands,
  ) => {
    const accumulates = beta !== 0 && tile.filled;
    const rest = accumulates ? [tile, beta] : [];
    device.launch(source(accumulates), [...operands, ...rest], tile);
  };

  /** C ← the outcome of `source` + β·C, element by element; `operands` gives those of tile (i, j). */
  const elementwise = (
    C: Grid,
    beta: number,
    source: (rows: number, cols: number, accumulates: boolean) => Source,
    operands: (i: number, j: number) => Operands,
  ) => {
    C.forEach((tile, i, j) => {
      const { rows, cols } = tile;
      launch(tile, beta, (accumulates) => source(rows, cols, accumulates), operands(i, j));
    });
  };

  /** tile ← β·tile. */
  const scale = (beta: number, tile: Tile) => {
    if (!tile.filled || beta === 1) return;
    if (beta === 0) device.zero(tile);
    else device.launch(axpbySource(tile.rows, tile.cols, false), [tile, beta], tile);
  };

  /** C ← α·op(A)·op(B) + β·C. The terms of one tile of C are added one after another. */
  const gemm = (alpha: number, A: Grid, opA: Op, B: Grid, opB: Op, beta: number, C: Grid) => {
    const terms = alpha === 0 ? [] : opA === 'N' ? A.across : A.down;
    C.forEach((tile, i, j) => {
      if (terms.length === 0) scale(beta, tile);
      terms.forEach(({ size }, k) => {
        const left = opA === 'N' ? A.at(i, k) : A.at(k, i);
        const right = opB === 'N' ? B.at(k, j) : B.at(j, k);
        launch(
          tile,
          k === 0 ? beta : 1,
          (accumulates) => productSource(tile.rows, tile.cols, size, opA, opB, accumulates),
          [left, right, alpha],
        );
      });
    });
  };

  /** Columns [to, to + count) of C ← columns [from, from + count) of A. */
  const copyColumns = (A: Grid, from: number, C: Grid, to: number, count: number) => {
    C.forEach((tile, i, j) => {
      const left = C.across[j].start;
      A.across.forEach(({ start, size }, k) => {
        // Column x of this tile of C is column x + shift of this tile of A.
        const shift = left - to + from - start;
        const low = Math.max(to - left, -shift, 0);
        const high = Math.min(to + count - left, size - shift, tile.cols);
        if (low >= high) return;
        const source = copyColumnsSource(tile.rows, tile.cols, size);
        device.launch(source, [A.at(i, k), shift, low, high, tile], tile);
      });
    });
  };

  const readLater = async (A: Grid) => {
    const { value, place } = collector(A);
    await device.readLater(A, place);
    return value;
  };

  const readSync = (A: Grid) => {
    const { value, place } = collector(A);
    device.readNow(A, place);
    return value;
  };

  return {
    dtype: 'float32',
    info,
    allocate: (rows, cols) => device.grid(rows, cols),
    write(A, value) {
      A.forEach((tile, i, j) => {
        const { rows, cols } = tile;
        const part = value.view(A.down[i].start, A.across[j].start, rows, cols).clone();
        device.launch(uploadSource(rows, cols), [part.data], tile);
      });
    },
    free: (A) => device.release(A),
    ...(device.reading === 'sync'
      ? { readSync, read: async (A: Grid) => readSync(A) }
      : { read: readLater }),

    gemm,
    // Elements (i, j) and (j, i) are sums of the same products in the same order.
    syrk: (alpha, A, beta, C) => gemm(alpha, A, 'T', A, 'N', beta, C),
    axpby: (alpha, A, beta, C) => elementwise(C, beta, axpbySource, (i, j) => [A.at(i, j), alpha]),
    multiply: (alpha, A, B, beta, C) =>
      elementwise(C, beta, multiplySource, (i, j) => [A.at(i, j), B.at(i, j), alpha]),
    divide: (A, B, shift, C) =>
      elementwise(C, 0, divideSource, (i, j) => [A.at(i, j), B.at(i, j), shift]),
    divideByRoot: (alpha, A, beta, B, shift, C) =>
      elementwise(C, 0, divideByRootSource, (i, j) => [A.at(i, j), alpha, B.at(i, j), beta, shift]),
    dot(alpha, A, B, beta, s) {
      const total = s.at(0, 0);
      let kept = beta;
      A.forEach((tile, i, j) => {
        const column = device.grid(tile.rows, 1);
        const sums = column.at(0, 0);
        try {
          device.launch(rowDotSource(tile.rows, tile.cols), [tile, B.at(i, j)], sums);
          launch(total, kept, (accumulates) => totalSource(tile.rows, accumulates), [sums, alpha]);
        } finally {
          device.release(column);
        }
        kept = 1;
      });
      if (A.rows * A.cols === 0) scale(beta, total);
    },
    clip(s, limit, C) {
      C.forEach((tile) => {
        if (!tile.filled) return;
        device.launch(clipSource(tile.rows, tile.cols), [s.at(0, 0), limit, tile], tile);
      });
    },
    joinColumns(A, B, C) {
      copyColumns(A, 0, C, 0, A.cols);
      copyColumns(B, 0, C, A.cols, B.cols);
    },
    sliceColumns: (A, from, C) => copyColumns(A, from, C, 0, C.cols),
    gatherColumns(A, indices, C) {
      C.forEach((tile, i, j) => {
        const { start, size } = C.across[j];
        const picked = Float32Array.from(indices.subarray(start, start + size));
        // Every column is in one of the tiles, so that the old content is overwritten whole.
        A.across.forEach((span, k) => {
          const source = gatherSource(tile.rows, tile.cols, span.size);
          device.launch(source, [A.at(i, k), picked, span.start, tile], tile);
        });
      });
    },
  };
}

/** A matrix of zeros, and what puts tiles in it. */
function collector({ rows, cols }: Grid): { value: DenseMatrix<F32>; place: Place } {
  const value = zeros('float32', rows, cols);
  const place: Place = (top, left, tile) => {
    tile.forEach((row, i) => {
      value.data.set(row, (top + i) * cols + left);
    });
  };
  return { value, place };
}
