// Gradients of poolings of images with channels last. Windows are cut at the borders of their image.

import { addScaled } from './rows';

/**
 * dX ← the gradient of max pooling: each window gives its gradient to its largest pixel, to the first of
 * these in the order of rows and columns. Four channels at a time.
 */
export function maxPoolGradient(
  batch: i32, height: i32, width: i32, channels: i32,
  windowRows: i32, windowColumns: i32, strideY: i32, strideX: i32,
  top: i32, left: i32, outRows: i32, outColumns: i32,
  X: usize, dY: usize, dX: usize,
): void {
  const pixel = <usize>channels << 2;
  const line = <usize>width * pixel;
  memory.fill(dX, 0, <usize>(batch * height) * line);
  for (let b = 0; b < batch; b++) {
    const image = <usize>(b * height) * line;
    for (let v = 0; v < outRows; v++) {
      const y = max(0, v * strideY - top);
      const rows = min(height, v * strideY - top + windowRows) - y;
      for (let u = 0; u < outColumns; u++) {
        const x = max(0, u * strideX - left);
        const columns = min(width, u * strideX - left + windowColumns) - x;
        if (rows > 0 && columns > 0) {
          const first = image + <usize>y * line + <usize>x * pixel;
          giveToLargest(rows, columns, channels, line, X + first, dY, dX + first);
        }
        dY += pixel;
      }
    }
  }
}

/** One window of max pooling, which begins at x. */
function giveToLargest(
  rows: i32,
  columns: i32,
  channels: i32,
  line: usize,
  x: usize,
  dy: usize,
  dx: usize,
): void {
  const pixel = <usize>channels << 2;
  let c = 0;
  for (; c + 4 <= channels; c += 4) {
    let largest = f32x4.splat(-Infinity);
    let where = i32x4.splat(-1);
    for (let y = 0; y < rows; y++) {
      let at = <usize>y * line;
      for (let i = 0; i < columns; i++) {
        const value = v128.load(x + at);
        const larger = f32x4.gt(value, largest);
        largest = v128.bitselect(value, largest, larger);
        where = v128.bitselect(i32x4.splat(<i32>at), where, larger);
        at += pixel;
      }
    }
    give(dx, i32x4.extract_lane(where, 0), dy);
    give(dx + 4, i32x4.extract_lane(where, 1), dy + 4);
    give(dx + 8, i32x4.extract_lane(where, 2), dy + 8);
    give(dx + 12, i32x4.extract_lane(where, 3), dy + 12);
    x += 16;
    dx += 16;
    dy += 16;
  }
  for (; c < channels; c++) {
    let largest: f32 = -Infinity;
    let where = -1;
    for (let y = 0; y < rows; y++) {
      let at = <usize>y * line;
      for (let i = 0; i < columns; i++) {
        const value = load<f32>(x + at);
        if (value > largest) {
          largest = value;
          where = <i32>at;
        }
        at += pixel;
      }
    }
    give(dx, where, dy);
    x += 4;
    dx += 4;
    dy += 4;
  }
}

/** Nobody is given anything where no pixel is larger than −∞. */
@inline function give(dx: usize, where: i32, dy: usize): void {
  if (where < 0) return;
  const to = dx + <usize>where;
  store<f32>(to, load<f32>(to) + load<f32>(dy));
}

/** dX ← the gradient of average pooling: a window divides by the pixels that it has within its image. */
export function averagePoolGradient(
  batch: i32, height: i32, width: i32, channels: i32,
  windowRows: i32, windowColumns: i32, strideY: i32, strideX: i32,
  top: i32, left: i32, outRows: i32, outColumns: i32,
  dY: usize, dX: usize,
): void {
  const pixel = <usize>channels << 2;
  const line = <usize>width * pixel;
  memory.fill(dX, 0, <usize>(batch * height) * line);
  for (let b = 0; b < batch; b++) {
    const image = dX + <usize>(b * height) * line;
    for (let v = 0; v < outRows; v++) {
      const y = max(0, v * strideY - top);
      const rows = min(height, v * strideY - top + windowRows) - y;
      for (let u = 0; u < outColumns; u++) {
        const x = max(0, u * strideX - left);
        const columns = min(width, u * strideX - left + windowColumns) - x;
        const share: f32 = 1 / <f32>(rows * columns);
        for (let i = 0; i < rows; i++) {
          let to = image + <usize>(y + i) * line + <usize>x * pixel;
          for (let j = 0; j < columns; j++) {
            addScaled(channels, share, dY, to);
            to += pixel;
          }
        }
        dY += pixel;
      }
    }
  }
}
