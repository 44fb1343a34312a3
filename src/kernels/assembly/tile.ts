// The register tile: some rows times two vectors of columns, the loop that earns every product.

import { multiplyAdd } from './vectors';

/**
 * Rows of the tile where A is packed: ten sums and four operands stay in registers, more spill. The loop
 * is not unrolled: compilers make less of a longer one.
 */
export const PACKED_ROWS: i32 = 5;

/** Rows of the tile where A is read where it lies, each through a pointer of its own. */
export const STRIDED_ROWS: i32 = 4;

/** Columns of the tile: two vectors. */
@inline export function tileColumns<T>(): i32 {
  return 32 / sizeof<T>();
}

/** Bytes of a row of a tile, and of a tile. */
export const TILE_ROW_BYTES: usize = 32;
export const TILE_BYTES: usize = 192;

// The loops end in plain stores, to C where that is all, else to a tile of their own. What C may need
// besides (α, β, rows that stick out) would take registers from the sums; it is done by storeTile.

/**
 * to ← (five rows of A, side by side)·(two vectors of columns of B). Depth p of A is read at a + p·stepA,
 * that of B at b + p·stepB; rows of `to` are ld apart (bytes).
 */
export function multiplyLanes<T>(
  k: i32,
  a: usize,
  stepA: usize,
  b: usize,
  stepB: usize,
  to: usize,
  ld: usize,
): void {
  const zero = v128.splat<T>(<T>0);
  let c00 = zero;
  let c01 = zero;
  let c10 = zero;
  let c11 = zero;
  let c20 = zero;
  let c21 = zero;
  let c30 = zero;
  let c31 = zero;
  let c40 = zero;
  let c41 = zero;
  const end = a + <usize>k * stepA;
  while (a < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load_splat<T>(a);
    c00 = multiplyAdd<T>(x, b0, c00);
    c01 = multiplyAdd<T>(x, b1, c01);
    x = v128.load_splat<T>(a, sizeof<T>());
    c10 = multiplyAdd<T>(x, b0, c10);
    c11 = multiplyAdd<T>(x, b1, c11);
    x = v128.load_splat<T>(a, 2 * sizeof<T>());
    c20 = multiplyAdd<T>(x, b0, c20);
    c21 = multiplyAdd<T>(x, b1, c21);
    x = v128.load_splat<T>(a, 3 * sizeof<T>());
    c30 = multiplyAdd<T>(x, b0, c30);
    c31 = multiplyAdd<T>(x, b1, c31);
    x = v128.load_splat<T>(a, 4 * sizeof<T>());
    c40 = multiplyAdd<T>(x, b0, c40);
    c41 = multiplyAdd<T>(x, b1, c41);
    a += stepA;
    b += stepB;
  }
  v128.store(to, c00);
  v128.store(to, c01, 16);
  to += ld;
  v128.store(to, c10);
  v128.store(to, c11, 16);
  to += ld;
  v128.store(to, c20);
  v128.store(to, c21, 16);
  to += ld;
  v128.store(to, c30);
  v128.store(to, c31, 16);
  to += ld;
  v128.store(to, c40);
  v128.store(to, c41, 16);
}

/** As {@link multiplyLanes}, for rows of A that are contiguous, rs bytes apart. */
export function multiplyRows<T>(
  k: i32,
  a: usize,
  rs: usize,
  b: usize,
  stepB: usize,
  to: usize,
  ld: usize,
): void {
  const zero = v128.splat<T>(<T>0);
  let c00 = zero;
  let c01 = zero;
  let c10 = zero;
  let c11 = zero;
  let c20 = zero;
  let c21 = zero;
  let c30 = zero;
  let c31 = zero;
  let c40 = zero;
  let c41 = zero;
  let a1 = a + rs;
  let a2 = a1 + rs;
  let a3 = a2 + rs;
  let a4 = a3 + rs;
  const end = a + <usize>k * sizeof<T>();
  while (a < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load_splat<T>(a);
    c00 = multiplyAdd<T>(x, b0, c00);
    c01 = multiplyAdd<T>(x, b1, c01);
    x = v128.load_splat<T>(a1);
    c10 = multiplyAdd<T>(x, b0, c10);
    c11 = multiplyAdd<T>(x, b1, c11);
    x = v128.load_splat<T>(a2);
    c20 = multiplyAdd<T>(x, b0, c20);
    c21 = multiplyAdd<T>(x, b1, c21);
    x = v128.load_splat<T>(a3);
    c30 = multiplyAdd<T>(x, b0, c30);
    c31 = multiplyAdd<T>(x, b1, c31);
    x = v128.load_splat<T>(a4);
    c40 = multiplyAdd<T>(x, b0, c40);
    c41 = multiplyAdd<T>(x, b1, c41);
    a += sizeof<T>();
    a1 += sizeof<T>();
    a2 += sizeof<T>();
    a3 += sizeof<T>();
    a4 += sizeof<T>();
    b += stepB;
  }
  v128.store(to, c00);
  v128.store(to, c01, 16);
  to += ld;
  v128.store(to, c10);
  v128.store(to, c11, 16);
  to += ld;
  v128.store(to, c20);
  v128.store(to, c21, 16);
  to += ld;
  v128.store(to, c30);
  v128.store(to, c31, 16);
  to += ld;
  v128.store(to, c40);
  v128.store(to, c41, 16);
}

/**
 * tile ← (four rows of A)·(one packed panel of B). Row i of A is read at a + i·rs, its depth p at + p·cs
 * (bytes).
 */
export function multiplyStridedTile<T>(
  k: i32,
  a: usize,
  rs: usize,
  cs: usize,
  b: usize,
  stepB: usize,
  tile: usize,
): void {
  const zero = v128.splat<T>(<T>0);
  let c00 = zero;
  let c01 = zero;
  let c10 = zero;
  let c11 = zero;
  let c20 = zero;
  let c21 = zero;
  let c30 = zero;
  let c31 = zero;
  let a1 = a + rs;
  let a2 = a1 + rs;
  let a3 = a2 + rs;
  for (let p = 0; p < k; p++) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load_splat<T>(a);
    c00 = multiplyAdd<T>(x, b0, c00);
    c01 = multiplyAdd<T>(x, b1, c01);
    x = v128.load_splat<T>(a1);
    c10 = multiplyAdd<T>(x, b0, c10);
    c11 = multiplyAdd<T>(x, b1, c11);
    x = v128.load_splat<T>(a2);
    c20 = multiplyAdd<T>(x, b0, c20);
    c21 = multiplyAdd<T>(x, b1, c21);
    x = v128.load_splat<T>(a3);
    c30 = multiplyAdd<T>(x, b0, c30);
    c31 = multiplyAdd<T>(x, b1, c31);
    a += cs;
    a1 += cs;
    a2 += cs;
    a3 += cs;
    b += stepB;
  }
  v128.store(tile, c00);
  v128.store(tile, c01, 16);
  v128.store(tile, c10, 32);
  v128.store(tile, c11, 48);
  v128.store(tile, c20, 64);
  v128.store(tile, c21, 80);
  v128.store(tile, c30, 96);
  v128.store(tile, c31, 112);
}

/** As {@link multiplyStridedTile}, for the first vector of columns alone. */
export function multiplyNarrowTile<T>(
  k: i32,
  a: usize,
  rs: usize,
  cs: usize,
  b: usize,
  stepB: usize,
  tile: usize,
): void {
  const zero = v128.splat<T>(<T>0);
  let c0 = zero;
  let c1 = zero;
  let c2 = zero;
  let c3 = zero;
  let a1 = a + rs;
  let a2 = a1 + rs;
  let a3 = a2 + rs;
  for (let p = 0; p < k; p++) {
    const b0 = v128.load(b);
    c0 = multiplyAdd<T>(v128.load_splat<T>(a), b0, c0);
    c1 = multiplyAdd<T>(v128.load_splat<T>(a1), b0, c1);
    c2 = multiplyAdd<T>(v128.load_splat<T>(a2), b0, c2);
    c3 = multiplyAdd<T>(v128.load_splat<T>(a3), b0, c3);
    a += cs;
    a1 += cs;
    a2 += cs;
    a3 += cs;
    b += stepB;
  }
  v128.store(tile, c0);
  v128.store(tile, c1, 32);
  v128.store(tile, c2, 64);
  v128.store(tile, c3, 96);
}

/**
 * C ← α·tile + β·C for `high` rows of C, `ldc` bytes apart, of which row i is written in columns before
 * min(wide, reach + i). With β = 0 the old content of C is not read.
 */
export function storeTile<T>(
  tile: usize,
  high: i32,
  wide: i32,
  reach: i32,
  alpha: T,
  beta: T,
  c: usize,
  ldc: usize,
): void {
  if (wide == tileColumns<T>() && reach >= wide) {
    const a = v128.splat<T>(alpha);
    const b = v128.splat<T>(beta);
    for (let i = 0; i < high; i++) {
      let c0 = v128.mul<T>(a, v128.load(tile));
      let c1 = v128.mul<T>(a, v128.load(tile, 16));
      if (beta != <T>0) {
        // Never fused: rows that stick out are added up by scalar code, to the same bits.
        c0 = v128.add<T>(v128.mul<T>(b, v128.load(c)), c0);
        c1 = v128.add<T>(v128.mul<T>(b, v128.load(c, 16)), c1);
      }
      v128.store(c, c0);
      v128.store(c, c1, 16);
      tile += TILE_ROW_BYTES;
      c += ldc;
    }
    return;
  }
  for (let i = 0; i < high; i++) {
    const end = min(wide, reach + i);
    for (let j = 0; j < end; j++) {
      const to = c + <usize>j * sizeof<T>();
      let value = <T>(alpha * load<T>(tile + <usize>j * sizeof<T>()));
      if (beta != <T>0) value = <T>(<T>(beta * load<T>(to)) + value);
      store<T>(to, value);
    }
    tile += TILE_ROW_BYTES;
    c += ldc;
  }
}
