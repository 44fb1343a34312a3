// Images in frames of zeros, and where their positions lie: what convolutions and their gradients gather from.

import { SCRATCH } from './gathered';

/** Positions that are worked on at a time: of several images where one has fewer. */
const POSITIONS: i32 = 256;

/** Images that are worked on at a time. */
@inline export function groupOf(batch: i32, positions: i32): i32 {
  return min(batch, max(1, (POSITIONS + positions - 1) / positions));
}

/** Pixels that a side of an image has where so many outputs see no more than that. */
@inline export function sideOf(outputs: i32, stride: i32, taps: i32, dilation: i32): i32 {
  return (outputs - 1) * stride + (taps - 1) * dilation + 1;
}

/** Whether outputs see zeros around the images, which stand in frames then. */
@inline export function isFramed(
  top: i32, left: i32, rows: i32, columns: i32, height: i32, width: i32,
): bool {
  return top > 0 || left > 0 || rows > height || columns > width;
}

/** Bytes of a workspace of so many numbers: in float64, as they may be more than there is memory. */
@inline export function workspaceOf(numbers: f64): f64 {
  return <f64>SCRATCH + 4 * numbers;
}

/**
 * Copies images of rows × columns pixels into frames of zeros of frameRows × frameColumns, and gives where
 * they are.
 */
export function frame(
  images: i32,
  rows: i32,
  columns: i32,
  channels: i32,
  from: usize,
  top: i32,
  left: i32,
  frameRows: i32,
  frameColumns: i32,
  to: usize,
): usize {
  const pixel = <usize>channels << 2;
  const line = <usize>columns * pixel;
  const pitch = <usize>frameColumns * pixel;
  memory.fill(to, 0, <usize>(images * frameRows) * pitch);
  // Where zeros alone are seen, nothing of the images is.
  const kept = min(rows, frameRows - top);
  if (frameColumns <= left) return to;
  const width = min(line, <usize>(frameColumns - left) * pixel);
  for (let b = 0; b < images; b++) {
    let target = to + <usize>(b * frameRows + top) * pitch + <usize>left * pixel;
    let source = from + <usize>(b * rows) * line;
    for (let y = 0; y < kept; y++) {
      memory.copy(target, source, width);
      target += pitch;
      source += line;
    }
  }
  return to;
}

/** table[i] ← where position i of `images` begins, in images of `rows` × `columns` pixels of so many bytes. */
export function positionsOf(
  images: i32,
  outRows: i32,
  outColumns: i32,
  verticalStride: i32,
  horizontalStride: i32,
  rows: i32,
  columns: i32,
  pixel: i32,
  table: usize,
): void {
  for (let b = 0; b < images; b++) {
    for (let y = 0; y < outRows; y++) {
      let at = ((b * rows + y * verticalStride) * columns) * pixel;
      for (let x = 0; x < outColumns; x++) {
        store<u32>(table, at);
        table += 4;
        at += horizontalStride * pixel;
      }
    }
  }
}

/** table[p] ← 0 for `from` ≤ p < to: what stands for depths that are not there. */
export function clear(table: usize, from: i32, to: i32): void {
  for (let p = from; p < to; p++) store<u32>(table + (<usize>p << 2), 0);
}
