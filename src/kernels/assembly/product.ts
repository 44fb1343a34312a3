// C ← α·A·B + β·C with any strides: packed panels around one register tile.

import {
  multiplyLanes,
  multiplyNarrowTile,
  multiplyRows,
  multiplyStridedTile,
  PACKED_ROWS,
  STRIDED_ROWS,
  storeTile,
  TILE_BYTES,
  TILE_ROW_BYTES,
  tileColumns,
} from './tile';
import { lanes } from './vectors';

/** A block of A lives in the second-level cache, one panel of B in the first. */
export const BLOCK_DEPTH: i32 = 256;

@inline function blockRows<T>(): i32 {
  return 480 / sizeof<T>();
}

@inline function blockColumns<T>(): i32 {
  return 4096 / sizeof<T>();
}

/** Up to this many columns a packed A would not be read often enough to pay for the packing. */
const THIN: i32 = 32;

/** Operands of so many bytes stay in the first-level cache as they lie: they are read without packing. */
const SMALL: usize = 40960;

/** Bytes of workspace of {@link product}: a tile, a block of A and a block of B. */
export function productWorkspace<T>(): usize {
  return TILE_BYTES + <usize>(BLOCK_DEPTH * (blockRows<T>() + blockColumns<T>())) * sizeof<T>();
}

/**
 * C ← α·A·B + β·C; A is m×k, B is k×n, element (i, j) of each at i·rs + j·cs elements; the rows of C
 * are ldc elements apart. Row i of C is written in columns j < reach + i alone: n makes that all of it,
 * 1 what is on and below the diagonal, and r + 1 the same of rows r and more of a larger C. With β = 0
 * the old content of C is not read. k ≥ 1.
 *
 * Every element of C sums its products in the same order whatever m, n and the blocks are, so that
 * parts of C computed apart equal the whole to the last bit.
 */
export function product<T>(
  m: i32,
  n: i32,
  k: i32,
  alpha: T,
  A: usize,
  rsA: i32,
  csA: i32,
  B: usize,
  rsB: i32,
  csB: i32,
  beta: T,
  C: usize,
  ldc: i32,
  reach: i32,
  work: usize,
): void {
  const size = sizeof<T>();
  const tile = work;
  const panelsA = tile + TILE_BYTES;
  const panelsB = panelsA + <usize>(BLOCK_DEPTH * blockRows<T>()) * size;
  const columns = tileColumns<T>();
  const thin = n <= THIN;
  const plain = alpha == <T>1;
  const tileRows = thin ? STRIDED_ROWS : PACKED_ROWS;
  const contiguousA = csA == 1;
  const smallA = contiguousA
    ? address<T>(m, rsA, 0, 0) <= SMALL
    : rsA == 1 && address<T>(0, 0, k, csA) <= SMALL;
  const smallB = csB == 1 && address<T>(k, rsB, 0, 0) <= SMALL;
  for (let j0 = 0; j0 < n; j0 += blockColumns<T>()) {
    const width = min(blockColumns<T>(), n - j0);
    for (let p0 = 0; p0 < k; p0 += BLOCK_DEPTH) {
      const depth = min(BLOCK_DEPTH, k - p0);
      const factor: T = p0 == 0 ? beta : <T>1;
      const b = B + address<T>(p0, rsB, j0, csB);
      // Columns and rows that fill no tile are packed always, so that nothing is read past the last.
      const readyB = smallB ? width - (width % columns) : 0;
      packColumns<T>(b + address<T>(0, 0, readyB, csB), csB, rsB, width - readyB, depth, panelsB);
      // The first row that reaches column j0, at the start of its tile.
      const top = max(0, j0 - reach + 1);
      for (let i0 = top - (top % tileRows); i0 < m; i0 += blockRows<T>()) {
        const rows = min(blockRows<T>(), m - i0);
        const a = A + address<T>(i0, rsA, p0, csA);
        const readyA = thin || smallA ? rows - (rows % tileRows) : 0;
        packRows<T>(a + address<T>(readyA, rsA, 0, 0), rsA, csA, rows - readyA, depth, panelsA);
        for (let j = 0; j < width; j += columns) {
          const first = max(0, j0 + j - i0 - reach + 1);
          const wide = min(columns, width - j);
          const packedB = panelsB + <usize>((j - readyB) * depth) * size;
          const panelB = j < readyB ? b + address<T>(0, 0, j, csB) : packedB;
          const stepB = j < readyB ? <usize>rsB * size : 32;
          for (let i = first - (first % tileRows); i < rows; i += tileRows) {
            const high = min(tileRows, rows - i);
            const from = a + address<T>(i, rsA, 0, 0);
            const c = C + address<T>(i0 + i, ldc, j0 + j, 1);
            const reached = reach + i0 + i - j0 - j;
            if (thin && i < readyA) {
              const ldA = <usize>rsA * size;
              if (wide <= lanes<T>()) multiplyNarrowTile<T>(depth, from, ldA, <usize>csA * size, panelB, stepB, tile);
              else multiplyStridedTile<T>(depth, from, ldA, <usize>csA * size, panelB, stepB, tile);
            } else {
              const ready = i < readyA;
              const panelA = ready ? from : panelsA + <usize>((i - readyA) * depth) * size;
              const stepA = ready ? <usize>csA * size : PACKED_ROWS * size;
              const ldA: usize = ready && contiguousA ? <usize>rsA * size : 0;
              if (plain && factor == <T>0 && high == tileRows && wide == columns && reached >= columns) {
                multiplyTile<T>(depth, panelA, ldA, stepA, panelB, stepB, c, <usize>ldc * size);
                continue;
              }
              multiplyTile<T>(depth, panelA, ldA, stepA, panelB, stepB, tile, TILE_ROW_BYTES);
            }
            storeTile<T>(tile, high, wide, reached, alpha, factor, c, <usize>ldc * size);
          }
        }
      }
    }
  }
}

/** to ← five rows of A, contiguous and ldA bytes apart, or side by side where that is 0, by a panel of B. */
@inline function multiplyTile<T>(
  k: i32,
  a: usize,
  ldA: usize,
  stepA: usize,
  b: usize,
  stepB: usize,
  to: usize,
  ld: usize,
): void {
  if (ldA != 0) multiplyRows<T>(k, a, ldA, b, stepB, to, ld);
  else multiplyLanes<T>(k, a, stepA, b, stepB, to, ld);
}

@inline export function address<T>(i: i32, rs: i32, j: i32, cs: i32): usize {
  return (<usize>i * <usize>rs + <usize>j * <usize>cs) * sizeof<T>();
}

/** Packs `count` rows of A in panels of five, depth by depth; missing rows are zero. */
function packRows<T>(a: usize, rs: i32, cs: i32, count: i32, depth: i32, to: usize): void {
  const size = sizeof<T>();
  let i = 0;
  for (; i + PACKED_ROWS <= count; i += PACKED_ROWS) {
    const from = a + address<T>(i, rs, 0, 0);
    const last = from + address<T>(4, rs, 0, 0);
    if (cs == 1) {
      interleave<T>(from, rs, depth, to, 5 * size);
      copyLane<T>(last, 1, depth, to + 4 * size, 5 * size);
    } else {
      copyLanes<T>(from, rs, cs, 5, depth, to);
    }
    to += <usize>(depth * 5) * size;
  }
  if (i < count) packPartly<T>(a + address<T>(i, rs, 0, 0), rs, cs, count - i, 5, depth, to);
}

/** One lane of each depth, `step` bytes apart. */
function copyLane<T>(from: usize, ds: i32, depth: i32, to: usize, step: usize): void {
  for (let p = 0; p < depth; p++) {
    store<T>(to, load<T>(from));
    from += <usize>ds * sizeof<T>();
    to += step;
  }
}

/** Packs `count` columns of B in panels of two vectors; missing columns are zero. */
function packColumns<T>(b: usize, cs: i32, rs: i32, count: i32, depth: i32, to: usize): void {
  const size = sizeof<T>();
  const columns = tileColumns<T>();
  let j = 0;
  for (; j + columns <= count; j += columns) {
    const from = b + address<T>(j, cs, 0, 0);
    if (cs == 1) {
      let source = from;
      for (let p = 0; p < depth; p++) {
        v128.store(to, v128.load(source));
        v128.store(to, v128.load(source, 16), 16);
        source += <usize>rs * size;
        to += 32;
      }
    } else {
      if (rs == 1) {
        for (let lane = 0; lane < columns; lane += 4) {
          interleave<T>(from + address<T>(lane, cs, 0, 0), cs, depth, to + <usize>lane * size, 32);
        }
      } else {
        copyLanes<T>(from, cs, rs, columns, depth, to);
      }
      to += <usize>depth * 32;
    }
  }
  if (j < count) packPartly<T>(b + address<T>(j, cs, 0, 0), cs, rs, count - j, columns, depth, to);
}

/** Four contiguous rows `rs` apart become the four lanes of each depth, `step` bytes apart. */
function interleave<T>(from: usize, rs: i32, depth: i32, to: usize, step: usize): void {
  const size = sizeof<T>();
  let r0 = from;
  let r1 = r0 + <usize>rs * size;
  let r2 = r1 + <usize>rs * size;
  let r3 = r2 + <usize>rs * size;
  let p = 0;
  if (size == 4) {
    for (; p + 4 <= depth; p += 4) {
      const v0 = v128.load(r0);
      const v1 = v128.load(r1);
      const v2 = v128.load(r2);
      const v3 = v128.load(r3);
      const t0 = i32x4.shuffle(v0, v1, 0, 4, 1, 5);
      const t1 = i32x4.shuffle(v0, v1, 2, 6, 3, 7);
      const t2 = i32x4.shuffle(v2, v3, 0, 4, 1, 5);
      const t3 = i32x4.shuffle(v2, v3, 2, 6, 3, 7);
      v128.store(to, i32x4.shuffle(t0, t2, 0, 1, 4, 5));
      v128.store(to + step, i32x4.shuffle(t0, t2, 2, 3, 6, 7));
      v128.store(to + 2 * step, i32x4.shuffle(t1, t3, 0, 1, 4, 5));
      v128.store(to + 3 * step, i32x4.shuffle(t1, t3, 2, 3, 6, 7));
      r0 += 16;
      r1 += 16;
      r2 += 16;
      r3 += 16;
      to += 4 * step;
    }
  } else {
    for (; p + 2 <= depth; p += 2) {
      const v0 = v128.load(r0);
      const v1 = v128.load(r1);
      const v2 = v128.load(r2);
      const v3 = v128.load(r3);
      v128.store(to, i64x2.shuffle(v0, v1, 0, 2));
      v128.store(to, i64x2.shuffle(v2, v3, 0, 2), 16);
      v128.store(to + step, i64x2.shuffle(v0, v1, 1, 3));
      v128.store(to + step, i64x2.shuffle(v2, v3, 1, 3), 16);
      r0 += 16;
      r1 += 16;
      r2 += 16;
      r3 += 16;
      to += 2 * step;
    }
  }
  for (; p < depth; p++) {
    store<T>(to, load<T>(r0));
    store<T>(to, load<T>(r1), sizeof<T>());
    store<T>(to, load<T>(r2), 2 * sizeof<T>());
    store<T>(to, load<T>(r3), 3 * sizeof<T>());
    r0 += size;
    r1 += size;
    r2 += size;
    r3 += size;
    to += step;
  }
}

/** `width` ≥ 4 lanes `ls` apart become the lanes of each depth; fast where they are contiguous. */
function copyLanes<T>(from: usize, ls: i32, ds: i32, width: i32, depth: i32, to: usize): void {
  const size = sizeof<T>();
  const next = <usize>ds * size;
  for (let p = 0; p < depth; p++) {
    let lane = 0;
    if (ls == 1) {
      v128.store(to, v128.load(from));
      if (size == 8) v128.store(to, v128.load(from, 16), 16);
      lane = 4;
      to += 4 * size;
    }
    for (; lane < width; lane++) {
      store<T>(to, load<T>(from + address<T>(lane, ls, 0, 0)));
      to += size;
    }
    from += next;
  }
}

/** The last, partly filled panel. */
function packPartly<T>(
  from: usize,
  ls: i32,
  ds: i32,
  count: i32,
  width: i32,
  depth: i32,
  to: usize,
): void {
  const step = <usize>width * sizeof<T>();
  for (let lane = 0; lane < width; lane++) {
    if (lane < count) copyLane<T>(from + address<T>(lane, ls, 0, 0), ds, depth, to, step);
    else for (let p = 0; p < depth; p++) store<T>(to + <usize>p * step, <T>0);
    to += sizeof<T>();
  }
}
