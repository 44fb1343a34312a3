// Products whose left operand is gathered: a row is where it begins, a depth how far behind that.

// The loops end in plain stores: what else C may need would take registers from the sums. They take four
// depths at a time, as engines unroll shorter loops themselves, and do not find registers for what they get.
// So each is written out: sums that a helper would share lie in memory, not in registers.

import { multiplyAdd } from '../../kernels/assembly/vectors';

/** Rows and columns of a tile: five by two vectors, as many sums as stay in registers. */
export const TILE_ROWS: i32 = 5;
export const TILE_COLUMNS: i32 = 8;

/** Bytes of a panel's row, and of the place for what sticks out of a matrix. */
export const PANEL_ROW: usize = 32;
export const SCRATCH: usize = 256;

/** Depth of a block: a panel of it lives in the first-level cache. */
const DEPTH: i32 = 512;

/** Columns, rounded up to whole panels. */
@inline export function padded(columns: i32): i32 {
  return (columns + 7) & ~7;
}

/** A depth, rounded up to what the loops take at a time. */
@inline export function padDepth(depth: i32): i32 {
  return (depth + 3) & ~3;
}

/**
 * C ← A·B: element (i, p) of A (m×k) is at A + rows[i] + depths[p], row i of C at C + to[i] (bytes); B is
 * packed in panels of eight columns, one behind the other; k is a multiple of four. Cost: 2mnk flops;
 * nothing of A is copied.
 */
export function multiplyGathered(
  m: i32,
  n: i32,
  k: i32,
  A: usize,
  rows: usize,
  depths: usize,
  panels: usize,
  C: usize,
  to: usize,
  scratch: usize,
): void {
  const blocks = (k + DEPTH - 1) / DEPTH;
  const most = padDepth((k + blocks - 1) / blocks);
  for (let p0 = 0; p0 < k; p0 += most) {
    const depth = min(most, k - p0);
    const offsets = depths + (<usize>p0 << 2);
    for (let j = 0; j < n; j += TILE_COLUMNS) {
      const panel = panels + <usize>(j * k + (p0 << 3)) * 4;
      const wide = min(TILE_COLUMNS, n - j);
      const c = C + (<usize>j << 2);
      for (let i = 0; i < m; i += TILE_ROWS) {
        const r = rows + (<usize>i << 2);
        const s = to + (<usize>i << 2);
        const high = min(TILE_ROWS, m - i);
        // Rows that are not there are the first one once more, and go to where nobody looks.
        const whole = high == TILE_ROWS;
        const first = A + <usize>load<u32>(r);
        const a1 = high > 1 ? A + <usize>load<u32>(r, 4) : first;
        const a2 = high > 2 ? A + <usize>load<u32>(r, 8) : first;
        const a3 = high > 3 ? A + <usize>load<u32>(r, 12) : first;
        const a4 = whole ? A + <usize>load<u32>(r, 16) : first;
        gatherTile(depth, first, a1, a2, a3, a4, offsets, panel, scratch, PANEL_ROW);
        for (let row = 0; row < high; row++) {
          const at = c + <usize>load<u32>(s + (<usize>row << 2));
          addPart(scratch + (<usize>row << 5), wide, at, p0 > 0);
        }
      }
    }
  }
}

/** c ← tile or c + tile, in the first `wide` columns. */
export function addPart(tile: usize, wide: i32, c: usize, adds: bool): void {
  if (wide == TILE_COLUMNS) {
    let v0 = v128.load(tile);
    let v1 = v128.load(tile, 16);
    if (adds) {
      v0 = f32x4.add(v128.load(c), v0);
      v1 = f32x4.add(v128.load(c, 16), v1);
    }
    v128.store(c, v0);
    v128.store(c, v1, 16);
    return;
  }
  for (let j = 0; j < wide; j++) {
    const at = <usize>j << 2;
    const value = load<f32>(tile + at);
    store<f32>(c + at, adds ? load<f32>(c + at) + value : value);
  }
}

/** Five rows, each from a pointer of its own, by a panel. */
function gatherTile(
  k: i32,
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize,
  offsets: usize,
  b: usize,
  to: usize,
  ld: usize,
): void {
  const zero = f32x4.splat(0);
  let s00 = zero;
  let s01 = zero;
  let s10 = zero;
  let s11 = zero;
  let s20 = zero;
  let s21 = zero;
  let s30 = zero;
  let s31 = zero;
  let s40 = zero;
  let s41 = zero;
  const end = offsets + (<usize>k << 2);
  while (offsets < end) {
    let offset = <usize>load<u32>(offsets);
    let b0 = v128.load(b);
    let b1 = v128.load(b, 16);
    let x = v128.load32_splat(a0 + offset);
    s00 = multiplyAdd<f32>(x, b0, s00);
    s01 = multiplyAdd<f32>(x, b1, s01);
    x = v128.load32_splat(a1 + offset);
    s10 = multiplyAdd<f32>(x, b0, s10);
    s11 = multiplyAdd<f32>(x, b1, s11);
    x = v128.load32_splat(a2 + offset);
    s20 = multiplyAdd<f32>(x, b0, s20);
    s21 = multiplyAdd<f32>(x, b1, s21);
    x = v128.load32_splat(a3 + offset);
    s30 = multiplyAdd<f32>(x, b0, s30);
    s31 = multiplyAdd<f32>(x, b1, s31);
    x = v128.load32_splat(a4 + offset);
    s40 = multiplyAdd<f32>(x, b0, s40);
    s41 = multiplyAdd<f32>(x, b1, s41);
    offset = <usize>load<u32>(offsets, 4);
    b0 = v128.load(b, 32);
    b1 = v128.load(b, 48);
    x = v128.load32_splat(a0 + offset);
    s00 = multiplyAdd<f32>(x, b0, s00);
    s01 = multiplyAdd<f32>(x, b1, s01);
    x = v128.load32_splat(a1 + offset);
    s10 = multiplyAdd<f32>(x, b0, s10);
    s11 = multiplyAdd<f32>(x, b1, s11);
    x = v128.load32_splat(a2 + offset);
    s20 = multiplyAdd<f32>(x, b0, s20);
    s21 = multiplyAdd<f32>(x, b1, s21);
    x = v128.load32_splat(a3 + offset);
    s30 = multiplyAdd<f32>(x, b0, s30);
    s31 = multiplyAdd<f32>(x, b1, s31);
    x = v128.load32_splat(a4 + offset);
    s40 = multiplyAdd<f32>(x, b0, s40);
    s41 = multiplyAdd<f32>(x, b1, s41);
    offset = <usize>load<u32>(offsets, 8);
    b0 = v128.load(b, 64);
    b1 = v128.load(b, 80);
    x = v128.load32_splat(a0 + offset);
    s00 = multiplyAdd<f32>(x, b0, s00);
    s01 = multiplyAdd<f32>(x, b1, s01);
    x = v128.load32_splat(a1 + offset);
    s10 = multiplyAdd<f32>(x, b0, s10);
    s11 = multiplyAdd<f32>(x, b1, s11);
    x = v128.load32_splat(a2 + offset);
    s20 = multiplyAdd<f32>(x, b0, s20);
    s21 = multiplyAdd<f32>(x, b1, s21);
    x = v128.load32_splat(a3 + offset);
    s30 = multiplyAdd<f32>(x, b0, s30);
    s31 = multiplyAdd<f32>(x, b1, s31);
    x = v128.load32_splat(a4 + offset);
    s40 = multiplyAdd<f32>(x, b0, s40);
    s41 = multiplyAdd<f32>(x, b1, s41);
    offset = <usize>load<u32>(offsets, 12);
    b0 = v128.load(b, 96);
    b1 = v128.load(b, 112);
    x = v128.load32_splat(a0 + offset);
    s00 = multiplyAdd<f32>(x, b0, s00);
    s01 = multiplyAdd<f32>(x, b1, s01);
    x = v128.load32_splat(a1 + offset);
    s10 = multiplyAdd<f32>(x, b0, s10);
    s11 = multiplyAdd<f32>(x, b1, s11);
    x = v128.load32_splat(a2 + offset);
    s20 = multiplyAdd<f32>(x, b0, s20);
    s21 = multiplyAdd<f32>(x, b1, s21);
    x = v128.load32_splat(a3 + offset);
    s30 = multiplyAdd<f32>(x, b0, s30);
    s31 = multiplyAdd<f32>(x, b1, s31);
    x = v128.load32_splat(a4 + offset);
    s40 = multiplyAdd<f32>(x, b0, s40);
    s41 = multiplyAdd<f32>(x, b1, s41);
    offsets += 16;
    b += 4 * PANEL_ROW;
  }
  v128.store(to, s00);
  v128.store(to, s01, 16);
  to += ld;
  v128.store(to, s10);
  v128.store(to, s11, 16);
  to += ld;
  v128.store(to, s20);
  v128.store(to, s21, 16);
  to += ld;
  v128.store(to, s30);
  v128.store(to, s31, 16);
  to += ld;
  v128.store(to, s40);
  v128.store(to, s41, 16);
}

/** Five rows that lie side by side, each depth at an offset of its own, by a panel. */
export function sideTile(
  k: i32,
  a: usize,
  offsets: usize,
  b: usize,
  to: usize,
  ld: usize,
): void {
  const zero = f32x4.splat(0);
  let s00 = zero;
  let s01 = zero;
  let s10 = zero;
  let s11 = zero;
  let s20 = zero;
  let s21 = zero;
  let s30 = zero;
  let s31 = zero;
  let s40 = zero;
  let s41 = zero;
  const end = offsets + (<usize>k << 2);
  while (offsets < end) {
    let at = a + <usize>load<u32>(offsets);
    let b0 = v128.load(b);
    let b1 = v128.load(b, 16);
    let x = v128.load32_splat(at);
    s00 = multiplyAdd<f32>(x, b0, s00);
    s01 = multiplyAdd<f32>(x, b1, s01);
    x = v128.load32_splat(at, 4);
    s10 = multiplyAdd<f32>(x, b0, s10);
    s11 = multiplyAdd<f32>(x, b1, s11);
    x = v128.load32_splat(at, 8);
    s20 = multiplyAdd<f32>(x, b0, s20);
    s21 = multiplyAdd<f32>(x, b1, s21);
    x = v128.load32_splat(at, 12);
    s30 = multiplyAdd<f32>(x, b0, s30);
    s31 = multiplyAdd<f32>(x, b1, s31);
    x = v128.load32_splat(at, 16);
    s40 = multiplyAdd<f32>(x, b0, s40);
    s41 = multiplyAdd<f32>(x, b1, s41);
    at = a + <usize>load<u32>(offsets, 4);
    b0 = v128.load(b, 32);
    b1 = v128.load(b, 48);
    x = v128.load32_splat(at);
    s00 = multiplyAdd<f32>(x, b0, s00);
    s01 = multiplyAdd<f32>(x, b1, s01);
    x = v128.load32_splat(at, 4);
    s10 = multiplyAdd<f32>(x, b0, s10);
    s11 = multiplyAdd<f32>(x, b1, s11);
    x = v128.load32_splat(at, 8);
    s20 = multiplyAdd<f32>(x, b0, s20);
    s21 = multiplyAdd<f32>(x, b1, s21);
    x = v128.load32_splat(at, 12);
    s30 = multiplyAdd<f32>(x, b0, s30);
    s31 = multiplyAdd<f32>(x, b1, s31);
    x = v128.load32_splat(at, 16);
    s40 = multiplyAdd<f32>(x, b0, s40);
    s41 = multiplyAdd<f32>(x, b1, s41);
    at = a + <usize>load<u32>(offsets, 8);
    b0 = v128.load(b, 64);
    b1 = v128.load(b, 80);
    x = v128.load32_splat(at);
    s00 = multiplyAdd<f32>(x, b0, s00);
    s01 = multiplyAdd<f32>(x, b1, s01);
    x = v128.load32_splat(at, 4);
    s10 = multiplyAdd<f32>(x, b0, s10);
    s11 = multiplyAdd<f32>(x, b1, s11);
    x = v128.load32_splat(at, 8);
    s20 = multiplyAdd<f32>(x, b0, s20);
    s21 = multiplyAdd<f32>(x, b1, s21);
    x = v128.load32_splat(at, 12);
    s30 = multiplyAdd<f32>(x, b0, s30);
    s31 = multiplyAdd<f32>(x, b1, s31);
    x = v128.load32_splat(at, 16);
    s40 = multiplyAdd<f32>(x, b0, s40);
    s41 = multiplyAdd<f32>(x, b1, s41);
    at = a + <usize>load<u32>(offsets, 12);
    b0 = v128.load(b, 96);
    b1 = v128.load(b, 112);
    x = v128.load32_splat(at);
    s00 = multiplyAdd<f32>(x, b0, s00);
    s01 = multiplyAdd<f32>(x, b1, s01);
    x = v128.load32_splat(at, 4);
    s10 = multiplyAdd<f32>(x, b0, s10);
    s11 = multiplyAdd<f32>(x, b1, s11);
    x = v128.load32_splat(at, 8);
    s20 = multiplyAdd<f32>(x, b0, s20);
    s21 = multiplyAdd<f32>(x, b1, s21);
    x = v128.load32_splat(at, 12);
    s30 = multiplyAdd<f32>(x, b0, s30);
    s31 = multiplyAdd<f32>(x, b1, s31);
    x = v128.load32_splat(at, 16);
    s40 = multiplyAdd<f32>(x, b0, s40);
    s41 = multiplyAdd<f32>(x, b1, s41);
    offsets += 16;
    b += 4 * PANEL_ROW;
  }
  v128.store(to, s00);
  v128.store(to, s01, 16);
  to += ld;
  v128.store(to, s10);
  v128.store(to, s11, 16);
  to += ld;
  v128.store(to, s20);
  v128.store(to, s21, 16);
  to += ld;
  v128.store(to, s30);
  v128.store(to, s31, 16);
  to += ld;
  v128.store(to, s40);
  v128.store(to, s41, 16);
}

/** One row, each depth at an offset of its own, by a panel. */
export function rowTile(k: i32, a: usize, offsets: usize, b: usize, to: usize): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  const end = offsets + (<usize>k << 2);
  while (offsets < end) {
    const x = v128.load32_splat(a + <usize>load<u32>(offsets));
    s0 = multiplyAdd<f32>(x, v128.load(b), s0);
    s1 = multiplyAdd<f32>(x, v128.load(b, 16), s1);
    offsets += 4;
    b += PANEL_ROW;
  }
  v128.store(to, s0);
  v128.store(to, s1, 16);
}

/** Packs `depth` rows of n columns in panels of eight columns, and rows of zeros behind them up to four. */
export function packPanels(depth: i32, n: i32, B: usize, to: usize): void {
  const rest = padDepth(depth) - depth;
  for (let j = 0; j < n; j += TILE_COLUMNS) {
    const wide = min(TILE_COLUMNS, n - j);
    let from = B + (<usize>j << 2);
    for (let p = 0; p < depth; p++) {
      if (wide == TILE_COLUMNS) {
        v128.store(to, v128.load(from));
        v128.store(to, v128.load(from, 16), 16);
      } else {
        for (let lane = 0; lane < TILE_COLUMNS; lane++) {
          const at = <usize>lane << 2;
          store<f32>(to + at, lane < wide ? load<f32>(from + at) : 0);
        }
      }
      from += <usize>n << 2;
      to += PANEL_ROW;
    }
    memory.fill(to, 0, <usize>rest * PANEL_ROW);
    to += <usize>rest * PANEL_ROW;
  }
}
