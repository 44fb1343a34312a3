// The register tile: four rows times two vectors of columns, the loop that earns every product.

import { lanes, multiplyAdd } from './vectors';

/** Rows of the register tile. Eight sums and four operands stay in registers; more spill. */
export const TILE_ROWS: i32 = 4;

/** Columns of the register tile: two vectors. */
// @ts-ignore: decorator
@inline export function tileColumns<T>(): i32 {
  return 2 * lanes<T>();
}

/** Bytes of a tile that is stored apart, because it sticks out of C. */
export const TILE_BYTES: usize = 128;

/**
 * to ← α·(four rows of A)·(one packed panel of B) + β·to, `to` four rows `ldc` bytes apart.
 * Row i of A is read at a + i·rsA, its depth p at + p·csA. `k` is the depth; with β = 0 the old
 * content is not read. `single`: only the first vector of columns is wanted.
 */
// @ts-ignore: decorator
@inline export function multiplyTile<T>(
  k: i32,
  a: usize,
  rsA: usize,
  csA: usize,
  b: usize,
  single: bool,
  alpha: T,
  beta: T,
  to: usize,
  ldc: usize,
): void {
  const zero = v128.splat<T>(<T>0);
  let c00 = zero;
  let c10 = zero;
  let c20 = zero;
  let c30 = zero;
  if (single) {
    let a1 = a + rsA;
    let a2 = a1 + rsA;
    let a3 = a2 + rsA;
    for (let p = 0; p < k; p++) {
      const b0 = v128.load(b);
      c00 = multiplyAdd<T>(v128.load_splat<T>(a), b0, c00);
      c10 = multiplyAdd<T>(v128.load_splat<T>(a1), b0, c10);
      c20 = multiplyAdd<T>(v128.load_splat<T>(a2), b0, c20);
      c30 = multiplyAdd<T>(v128.load_splat<T>(a3), b0, c30);
      a += csA;
      a1 += csA;
      a2 += csA;
      a3 += csA;
      b += 32;
    }
    finish<T>(to, 0, c00, alpha, beta);
    finish<T>(to + ldc, 0, c10, alpha, beta);
    finish<T>(to + 2 * ldc, 0, c20, alpha, beta);
    finish<T>(to + 3 * ldc, 0, c30, alpha, beta);
    return;
  }
  let c01 = zero;
  let c11 = zero;
  let c21 = zero;
  let c31 = zero;
  let a1 = a + rsA;
  let a2 = a1 + rsA;
  let a3 = a2 + rsA;
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
    a += csA;
    a1 += csA;
    a2 += csA;
    a3 += csA;
    b += 32;
  }
  finish<T>(to, 0, c00, alpha, beta);
  finish<T>(to, 16, c01, alpha, beta);
  finish<T>(to + ldc, 0, c10, alpha, beta);
  finish<T>(to + ldc, 16, c11, alpha, beta);
  finish<T>(to + 2 * ldc, 0, c20, alpha, beta);
  finish<T>(to + 2 * ldc, 16, c21, alpha, beta);
  finish<T>(to + 3 * ldc, 0, c30, alpha, beta);
  finish<T>(to + 3 * ldc, 16, c31, alpha, beta);
}

/** As {@link multiplyTile}, with A packed in panels of four rows, depth by depth. */
// @ts-ignore: decorator
@inline export function multiplyPackedTile<T>(
  k: i32,
  a: usize,
  b: usize,
  alpha: T,
  beta: T,
  to: usize,
  ldc: usize,
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
  const end = a + <usize>k * 4 * sizeof<T>();
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
    a += 4 * sizeof<T>();
    b += 32;
  }
  finish<T>(to, 0, c00, alpha, beta);
  finish<T>(to, 16, c01, alpha, beta);
  finish<T>(to + ldc, 0, c10, alpha, beta);
  finish<T>(to + ldc, 16, c11, alpha, beta);
  finish<T>(to + 2 * ldc, 0, c20, alpha, beta);
  finish<T>(to + 2 * ldc, 16, c21, alpha, beta);
  finish<T>(to + 3 * ldc, 0, c30, alpha, beta);
  finish<T>(to + 3 * ldc, 16, c31, alpha, beta);
}

// @ts-ignore: decorator
@inline function finish<T>(to: usize, offset: usize, sum: v128, alpha: T, beta: T): void {
  let value = v128.mul<T>(v128.splat<T>(alpha), sum);
  // Never fused: tiles that stick out of C are added up by scalar code, to the same bits.
  if (beta != <T>0) {
    value = v128.add<T>(v128.mul<T>(v128.splat<T>(beta), v128.load(to + offset)), value);
  }
  v128.store(to + offset, value);
}
