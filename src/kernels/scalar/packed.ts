// The blocked matrix product behind gemm and syrk: packed panels and one register-blocked loop.

import type { DenseMatrix, Op } from '../../core/matrix.js';

/** Rows and columns of the register tile. Six sums and five operands stay in registers; more spill. */
const TILE_ROWS = 3;
const TILE_COLS = 2;

/** A block of op(A) lives in the second-level cache, one panel of op(B) in the first. */
const BLOCK_ROWS = 96;
const BLOCK_DEPTH = 256;
const BLOCK_COLS = 1024;

// The workspace of every product. Both dtypes are packed into float64, so that the inner loop sees
// one kind of array in a process that uses both. Being constants, their addresses are compiled in.
const panelsA = new Float64Array(BLOCK_ROWS * BLOCK_DEPTH);
const panelsB = new Float64Array(BLOCK_DEPTH * BLOCK_COLS);
const strip = new Float64Array(BLOCK_ROWS * TILE_COLS);

/**
 * C ← α·op(A)·op(B) + β·C, or only the lower triangle of it. Shapes are the caller's to check, and
 * the common dimension must not be 0. A and B are packed block by block into panels as wide as the
 * register tile, so that the inner loop reads memory in order whatever the ops.
 */
export function packedProduct(
  alpha: number,
  A: DenseMatrix,
  opA: Op,
  B: DenseMatrix,
  opB: Op,
  beta: number,
  C: DenseMatrix,
  lowerOnly: boolean,
): void {
  const k = opA === 'N' ? A.cols : A.rows;
  for (let j0 = 0; j0 < C.cols; j0 += BLOCK_COLS) {
    const cols = Math.min(BLOCK_COLS, C.cols - j0);
    for (let p0 = 0; p0 < k; p0 += BLOCK_DEPTH) {
      const depth = Math.min(BLOCK_DEPTH, k - p0);
      const factor = p0 === 0 ? beta : 1;
      if (opB === 'N') packColumns(B, j0, cols, p0, depth, TILE_COLS, panelsB);
      else packRows(B, j0, cols, p0, depth, TILE_COLS, panelsB);
      for (let i0 = 0; i0 < C.rows; i0 += BLOCK_ROWS) {
        const rows = Math.min(BLOCK_ROWS, C.rows - i0);
        if (lowerOnly && i0 + rows <= j0) continue;
        if (opA === 'N') packRows(A, i0, rows, p0, depth, TILE_ROWS, panelsA);
        else packColumns(A, i0, rows, p0, depth, TILE_ROWS, panelsA);
        for (let j = 0; j < cols; j += TILE_COLS) {
          const above = lowerOnly ? Math.max(0, j0 + j - i0) : 0;
          if (above >= rows) break;
          multiplyStrip(above - (above % TILE_ROWS), rows, j, depth);
          store(alpha, factor, C, i0, above, rows, j0 + j, lowerOnly);
        }
      }
    }
  }
}

// Packing makes panels of `width` lanes (a tile's rows or columns), stored depth by depth. Where the
// lanes do not fill the last panel it keeps old numbers: what they yield is never stored.

/** Packs rows of X as lanes: element p of lane s is X(lane0 + s, p0 + p). */
function packRows(
  X: DenseMatrix,
  lane0: number,
  lanes: number,
  p0: number,
  depth: number,
  width: number,
  panels: Float64Array,
): void {
  const x = X.data;
  const full = lanes - (lanes % width);
  let to = 0;
  for (let lane = 0; lane < full; lane += width) {
    const row0 = X.offset + (lane0 + lane) * X.stride + p0;
    const row1 = row0 + X.stride;
    const row2 = row1 + X.stride;
    for (let p = 0; p < depth; p++, to += width) {
      panels[to] = x[row0 + p];
      panels[to + 1] = x[row1 + p];
      if (width === 3) panels[to + 2] = x[row2 + p];
    }
  }
  for (let lane = full; lane < lanes; lane++) {
    const row = X.offset + (lane0 + lane) * X.stride + p0;
    for (let p = 0; p < depth; p++) panels[to + lane - full + p * width] = x[row + p];
  }
}

/** Packs columns of X as lanes: element p of lane s is X(p0 + p, lane0 + s). */
function packColumns(
  X: DenseMatrix,
  lane0: number,
  lanes: number,
  p0: number,
  depth: number,
  width: number,
  panels: Float64Array,
): void {
  const x = X.data;
  for (let p = 0; p < depth; p++) {
    const from = X.offset + (p0 + p) * X.stride + lane0;
    let to = p * width;
    const full = lanes - (lanes % width);
    let lane = from;
    for (; lane < from + full; lane += width, to += width * depth) {
      panels[to] = x[lane];
      panels[to + 1] = x[lane + 1];
      if (width === 3) panels[to + 2] = x[lane + 2];
    }
    for (; lane < from + lanes; lane++, to++) panels[to] = x[lane];
  }
}

/** strip ← rows [first, rows) of the packed block of A times one packed panel of B. */
function multiplyStrip(first: number, rows: number, col: number, depth: number): void {
  for (let i = first; i < rows; i += TILE_ROWS) {
    multiplyTile(i * depth, col * depth, TILE_ROWS * depth, i * TILE_COLS);
  }
}

/** Six entries of the strip: one panel of A times one panel of B. */
function multiplyTile(panelA: number, panelB: number, length: number, to: number): void {
  let c00 = 0;
  let c01 = 0;
  let c10 = 0;
  let c11 = 0;
  let c20 = 0;
  let c21 = 0;
  // `| 0` tells the compiler that the indices cannot overflow, which is worth a fifth of the time.
  let b = panelB;
  const end = (panelA + length) | 0;
  for (let a = panelA; a < end; a = (a + TILE_ROWS) | 0, b = (b + TILE_COLS) | 0) {
    const b0 = panelsB[b];
    const b1 = panelsB[b + 1];
    const a0 = panelsA[a];
    c00 += a0 * b0;
    c01 += a0 * b1;
    const a1 = panelsA[a + 1];
    c10 += a1 * b0;
    c11 += a1 * b1;
    const a2 = panelsA[a + 2];
    c20 += a2 * b0;
    c21 += a2 * b1;
  }
  strip[to] = c00;
  strip[to + 1] = c01;
  strip[to + 2] = c10;
  strip[to + 3] = c11;
  strip[to + 4] = c20;
  strip[to + 5] = c21;
}

/** Rows [i0 + first, i0 + rows) of C ← α·strip + β·C, in the one or two columns from j. */
function store(
  alpha: number,
  beta: number,
  C: DenseMatrix,
  i0: number,
  first: number,
  rows: number,
  j: number,
  lowerOnly: boolean,
): void {
  const c = C.data;
  const start = C.offset + i0 * C.stride + j;
  const paired = j + 1 < C.cols;
  for (let i = first; i < rows; i++) {
    const to = start + i * C.stride;
    const c0 = alpha * strip[i * TILE_COLS];
    c[to] = beta === 0 ? c0 : c0 + beta * c[to];
    if (!paired || (lowerOnly && i0 + i === j)) continue;
    const c1 = alpha * strip[i * TILE_COLS + 1];
    c[to + 1] = beta === 0 ? c1 : c1 + beta * c[to + 1];
  }
}
