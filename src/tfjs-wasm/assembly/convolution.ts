// Convolutions of images with channels last. No patch is ever copied: products gather them from a padded
// image.

import { clear, frame, groupOf, isFramed, positionsOf, sideOf, workspaceOf } from './frames';
import { multiplyGathered, packPanels, padDepth, padded, SCRATCH } from './gathered';

/** Bytes of workspace of {@link convolve}, which takes the same geometry. */
export function convolveWorkspace(
  batch: i32, height: i32, width: i32, inputs: i32,
  kernelRows: i32, kernelColumns: i32, outputs: i32,
  strideY: i32, strideX: i32, dilationY: i32, dilationX: i32,
  top: i32, left: i32, outRows: i32, outColumns: i32,
): f64 {
  const positions = outRows * outColumns;
  const group = groupOf(batch, positions);
  const k = padDepth(kernelRows * kernelColumns * inputs);
  const rows = sideOf(outRows, strideY, kernelRows, dilationY);
  const columns = sideOf(outColumns, strideX, kernelColumns, dilationX);
  const tables = 2 * <f64>group * positions + k;
  const panels = <f64>k * padded(outputs);
  const framed = isFramed(top, left, rows, columns, height, width);
  const images = framed ? <f64>group * rows * columns * inputs : 0;
  return workspaceOf(tables + panels + images);
}

/** Y ← the convolution of X with F. `top` and `left` rows and columns of zeros stand before each image. */
export function convolve(
  batch: i32, height: i32, width: i32, inputs: i32,
  kernelRows: i32, kernelColumns: i32, outputs: i32,
  strideY: i32, strideX: i32, dilationY: i32, dilationX: i32,
  top: i32, left: i32, outRows: i32, outColumns: i32,
  X: usize, F: usize, Y: usize, work: usize,
): void {
  const positions = outRows * outColumns;
  const group = groupOf(batch, positions);
  const depth = kernelRows * kernelColumns * inputs;
  const k = padDepth(depth);
  const frameRows = sideOf(outRows, strideY, kernelRows, dilationY);
  const frameColumns = sideOf(outColumns, strideX, kernelColumns, dilationX);
  const framed = isFramed(top, left, frameRows, frameColumns, height, width);
  const rows = framed ? frameRows : height;
  const columns = framed ? frameColumns : width;
  const from = work + SCRATCH;
  const to = from + (<usize>(group * positions) << 2);
  const depths = to + (<usize>(group * positions) << 2);
  const panels = depths + (<usize>k << 2);
  const images = panels + (<usize>(k * padded(outputs)) << 2);
  positionsOf(group, outRows, outColumns, strideY, strideX, rows, columns, inputs << 2, from);
  positionsOf(group, outRows, outColumns, 1, 1, outRows, outColumns, outputs << 2, to);
  tapOffsets(kernelRows, kernelColumns, inputs, dilationY, dilationX, columns, depths);
  clear(depths, depth, k);
  packPanels(depth, outputs, F, panels);
  for (let b = 0; b < batch; b += group) {
    const count = min(group, batch - b);
    const first = X + (<usize>(b * height * width) * <usize>inputs << 2);
    const source = framed
      ? frame(count, height, width, inputs, first, top, left, rows, columns, images)
      : first;
    const target = Y + (<usize>(b * positions) * <usize>outputs << 2);
    multiplyGathered(count * positions, outputs, k, source, from, depths, panels, target, to, work);
  }
}

/** table[p] ← how far element p of a patch is behind its first one. */
function tapOffsets(
  kernelRows: i32,
  kernelColumns: i32,
  channels: i32,
  dilationY: i32,
  dilationX: i32,
  columns: i32,
  table: usize,
): void {
  for (let y = 0; y < kernelRows; y++) {
    for (let x = 0; x < kernelColumns; x++) {
      const at = (y * dilationY * columns + x * dilationX) * channels;
      for (let c = 0; c < channels; c++) {
        store<u32>(table, (at + c) << 2);
        table += 4;
      }
    }
  }
}
