// Sums of rows by segments.

import { addScaled } from './rows';

/** Y ← sums of the rows of X, by their segments: a row of another segment than there are is left out. */
export function segmentSum(
  rows: i32,
  columns: i32,
  segments: i32,
  X: usize,
  ids: usize,
  Y: usize,
): void {
  const row = <usize>columns << 2;
  memory.fill(Y, 0, <usize>segments * row);
  for (let i = 0; i < rows; i++) {
    const id = load<i32>(ids + (<usize>i << 2));
    if (<u32>id < <u32>segments) addScaled(columns, 1, X, Y + <usize>id * row);
    X += row;
  }
}
