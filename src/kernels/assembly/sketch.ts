// C ← C + α·Xᵀ(XS) block by block, while a block of X is at hand.

import { address, product } from './product';

/**
 * C ← C + α·Xᵀ(XS) for a block of `rows` rows of X, ldx elements apart. X has p columns, S is p×r, C
 * is p×r; Y takes rows×r elements. `work` is that of the product.
 */
export function sketch<T>(
  rows: i32,
  p: i32,
  r: i32,
  alpha: T,
  X: usize,
  ldx: i32,
  S: usize,
  C: usize,
  Y: usize,
  work: usize,
): void {
  product<T>(rows, r, p, <T>1, X, ldx, 1, S, r, 1, <T>0, Y, r, r, work);
  product<T>(p, r, rows, alpha, X, 1, ldx, Y, r, 1, <T>1, C, r, r, work);
}

/** As {@link sketch}, for an S that picks columns of X: nothing is multiplied by zero. */
export function sketchColumns<T>(
  rows: i32,
  p: i32,
  r: i32,
  alpha: T,
  X: usize,
  ldx: i32,
  indices: usize,
  C: usize,
  Y: usize,
  work: usize,
): void {
  for (let i = 0; i < rows; i++) {
    const row = X + address<T>(i, ldx, 0, 0);
    const to = Y + address<T>(i, r, 0, 0);
    for (let j = 0; j < r; j++) {
      const index = load<i32>(indices + <usize>(4 * j));
      store<T>(to + <usize>j * sizeof<T>(), load<T>(row + <usize>index * sizeof<T>()));
    }
  }
  product<T>(p, r, rows, alpha, X, 1, ldx, Y, r, 1, <T>1, C, r, r, work);
}
