// The gradient of a convolution's images: convolutions of the output's gradient, one for each remainder of
// pixels by the strides.

import { frame, groupOf, workspaceOf } from './frames';
import { multiplyGathered, padDepth, padded, SCRATCH } from './gathered';

/** Bytes of workspace of {@link inputGradient}, which takes the same geometry. */
export function inputGradientWorkspace(
  batch: i32, height: i32, width: i32, inputs: i32,
  kernelRows: i32, kernelColumns: i32, outputs: i32,
  strideY: i32, strideX: i32,
  top: i32, left: i32, outRows: i32, outColumns: i32,
): f64 {
  const group = groupOf(batch, height * width);
  const rows = framedSide(height, outRows, kernelRows, strideY, top);
  const columns = framedSide(width, outColumns, kernelColumns, strideX, left);
  const depth = depthOfAll(kernelRows, kernelColumns, strideY, strideX, outputs);
  const tables = 2 * <f64>group * height * width + depth;
  const panels = <f64>depth * padded(inputs);
  return workspaceOf(tables + panels + <f64>group * rows * columns * outputs);
}

/** Taps that one class of pixels meets at most along a side. */
@inline function mostTaps(taps: i32, stride: i32): i32 {
  return (taps + stride - 1) / stride;
}

/** Gradients along a side, with the zeros that pixels at the borders meet. */
@inline function framedSide(pixels: i32, outputs: i32, taps: i32, stride: i32, before: i32): i32 {
  return mostTaps(taps, stride) - 1 + max(outputs, (pixels - 1 + before) / stride + 1);
}

/** The depths of all classes, each of which is padded. */
@inline function depthOfAll(
  kernelRows: i32, kernelColumns: i32, strideY: i32, strideX: i32, outputs: i32,
): i32 {
  return kernelRows * kernelColumns * outputs + 4 * min(strideY, kernelRows) * min(strideX, kernelColumns);
}

/**
 * dX ← the gradient of the images, from that of the output. Pixels whose row and column have the same
 * remainders by the strides meet the same taps: each class is a convolution of its own, without stride.
 */
export function inputGradient(
  batch: i32, height: i32, width: i32, inputs: i32,
  kernelRows: i32, kernelColumns: i32, outputs: i32,
  strideY: i32, strideX: i32,
  top: i32, left: i32, outRows: i32, outColumns: i32,
  dY: usize, F: usize, dX: usize, work: usize,
): void {
  const mostY = mostTaps(kernelRows, strideY);
  const mostX = mostTaps(kernelColumns, strideX);
  const rows = framedSide(height, outRows, kernelRows, strideY, top);
  const columns = framedSide(width, outColumns, kernelColumns, strideX, left);
  const group = groupOf(batch, height * width);
  const classesY = min(strideY, kernelRows);
  const classesX = min(strideX, kernelColumns);
  const depth = depthOfAll(kernelRows, kernelColumns, strideY, strideX, outputs);
  const from = work + SCRATCH;
  const to = from + (<usize>(group * height * width) << 2);
  const depths = to + (<usize>(group * height * width) << 2);
  const panels = depths + (<usize>depth << 2);
  const images = panels + (<usize>(depth * padded(inputs)) << 2);
  // The taps of all classes, one behind the other.
  let taps = 0;
  for (let remY = 0; remY < classesY; remY++) {
    for (let remX = 0; remX < classesX; remX++) {
      taps += packTaps(
        remY, remX, strideY, strideX, mostY, mostX, kernelRows, kernelColumns, inputs, outputs, columns,
        F, depths + (<usize>taps << 2), panels + (<usize>(taps * padded(inputs)) << 2),
      );
    }
  }
  // Pixels that no tap meets have no gradient.
  if (strideY > kernelRows || strideX > kernelColumns) {
    memory.fill(dX, 0, <usize>(batch * height * width) * <usize>inputs << 2);
  }
  for (let b = 0; b < batch; b += group) {
    const count = min(group, batch - b);
    const source = dY + (<usize>(b * outRows * outColumns) * <usize>outputs << 2);
    const target = dX + (<usize>(b * height * width) * <usize>inputs << 2);
    frame(count, outRows, outColumns, outputs, source, mostY - 1, mostX - 1, rows, columns, images);
    taps = 0;
    for (let remY = 0; remY < classesY; remY++) {
      for (let remX = 0; remX < classesX; remX++) {
        const k = depthOf(remY, remX, strideY, strideX, kernelRows, kernelColumns, outputs);
        const m = pixelsOf(
          count, height, width, remY, remX, strideY, strideX, top, left,
          rows, columns, outputs << 2, inputs << 2, from, to,
        );
        multiplyGathered(
          m, inputs, k, images, from, depths + (<usize>taps << 2),
          panels + (<usize>(taps * padded(inputs)) << 2), target, to, work,
        );
        taps += k;
      }
    }
  }
}

/** The depth of one class, padded. */
@inline function depthOf(
  remY: i32,
  remX: i32,
  strideY: i32,
  strideX: i32,
  kernelRows: i32,
  kernelColumns: i32,
  outputs: i32,
): i32 {
  const tapsY = (kernelRows - remY + strideY - 1) / strideY;
  const tapsX = (kernelColumns - remX + strideX - 1) / strideX;
  return padDepth(tapsY * tapsX * outputs);
}

/** The pixels of one class: where the gradients that they meet begin, and where they go; gives their number. */
function pixelsOf(
  images: i32,
  height: i32,
  width: i32,
  remY: i32,
  remX: i32,
  strideY: i32,
  strideX: i32,
  top: i32,
  left: i32,
  rows: i32,
  columns: i32,
  fromPixel: i32,
  toPixel: i32,
  from: usize,
  to: usize,
): i32 {
  const firstY = (remY - (top % strideY) + strideY) % strideY;
  const firstX = (remX - (left % strideX) + strideX) % strideX;
  let count = 0;
  for (let b = 0; b < images; b++) {
    for (let y = firstY; y < height; y += strideY) {
      const u = (y + top - remY) / strideY;
      for (let x = firstX; x < width; x += strideX) {
        const v = (x + left - remX) / strideX;
        store<u32>(from + (<usize>count << 2), ((b * rows + u) * columns + v) * fromPixel);
        store<u32>(to + (<usize>count << 2), ((b * height + y) * width + x) * toPixel);
        count += 1;
      }
    }
  }
  return count;
}

/** The taps of one class, transposed, in panels, and how far each is behind the first; gives the depth. */
function packTaps(
  remY: i32,
  remX: i32,
  strideY: i32,
  strideX: i32,
  mostY: i32,
  mostX: i32,
  kernelRows: i32,
  kernelColumns: i32,
  inputs: i32,
  outputs: i32,
  columns: i32,
  F: usize,
  depths: usize,
  panels: usize,
): i32 {
  const depth = depthOf(remY, remX, strideY, strideX, kernelRows, kernelColumns, outputs);
  memory.fill(panels, 0, <usize>(depth * padded(inputs)) << 2);
  let p = 0;
  for (let y = remY; y < kernelRows; y += strideY) {
    for (let x = remX; x < kernelColumns; x += strideX) {
      const at = ((mostY - 1 - y / strideY) * columns + (mostX - 1 - x / strideX)) * outputs;
      const tap = F + (<usize>((y * kernelColumns + x) * inputs * outputs) << 2);
      for (let o = 0; o < outputs; o++) {
        store<u32>(depths + (<usize>(p + o) << 2), (at + o) << 2);
      }
      for (let c = 0; c < inputs; c++) {
        // Column c of panel c/8.
        let to = panels + (<usize>((c & ~7) * depth + (p << 3) + (c & 7)) << 2);
        const from = tap + (<usize>(c * outputs) << 2);
        for (let o = 0; o < outputs; o++) {
          store<f32>(to, load<f32>(from + (<usize>o << 2)));
          to += 32;
        }
      }
      p += outputs;
    }
  }
  // Depths that are not there read what the first tap meets: what is not finite reaches nobody else.
  const first = load<u32>(depths);
  for (; p < depth; p++) store<u32>(depths + (<usize>p << 2), first);
  return depth;
}
