// Convolutions of images with channels last: forward, and the gradients of filter and images. No patch is
// ever copied: products gather them from a padded image.

import {
  addPart,
  multiplyGathered,
  PANEL_ROW,
  packPanels,
  padDepth,
  padded,
  rowTile,
  SCRATCH,
  sideTile,
  TILE_COLUMNS,
  TILE_ROWS,
} from './gathered';

/** Positions that are worked on at a time: of several images where one has fewer. */
const POSITIONS: i32 = 256;

/** Depth of a block of the filter's gradient: positions whose pixels stay in the first-level cache. */
const DEPTH: i32 = 256;

/** Images that are worked on at a time. */
@inline function groupOf(batch: i32, positions: i32): i32 {
  return min(batch, max(1, (POSITIONS + positions - 1) / positions));
}

/**
 * Bytes of workspace of the three functions below, for images of up to `pixels` pixels in their frames,
 * up to `positions` positions or pixels without, and kernels of `taps` pixels.
 */
export function convolutionWorkspace(
  batch: i32,
  positions: i32,
  pixels: i32,
  taps: i32,
  inputs: i32,
  outputs: i32,
): usize {
  const group = groupOf(batch, positions);
  const channels = max(inputs, outputs);
  // Every class of the gradient of the images pads its depth.
  const depth = taps * (channels + 4);
  const tables = 2 * group * positions + depth + 8;
  const panels = max(depth, group * positions + 4) * padded(channels);
  return SCRATCH + (<usize>(tables + panels + group * pixels * channels + 16) << 2);
}

/** to ← images of rows × columns pixels in frames of zeros of frameRows × frameColumns. */
function frame(
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
): void {
  const pixel = <usize>channels << 2;
  const line = <usize>columns * pixel;
  const pitch = <usize>frameColumns * pixel;
  memory.fill(to, 0, <usize>(images * frameRows) * pitch);
  // Where zeros alone are seen, nothing of the images is.
  const kept = min(rows, frameRows - top);
  if (frameColumns <= left) return;
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
}

/** table[i] ← where position i of `images` begins, in images of `rows` × `columns` pixels of so many bytes. */
function positionsOf(
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
  const frameRows = (outRows - 1) * strideY + (kernelRows - 1) * dilationY + 1;
  const frameColumns = (outColumns - 1) * strideX + (kernelColumns - 1) * dilationX + 1;
  const framed = top > 0 || left > 0 || frameRows > height || frameColumns > width;
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
    let source = X + (<usize>(b * height * width) * <usize>inputs << 2);
    if (framed) {
      frame(count, height, width, inputs, source, top, left, rows, columns, images);
      source = images;
    }
    const target = Y + (<usize>(b * positions) * <usize>outputs << 2);
    multiplyGathered(count * positions, outputs, k, source, from, depths, panels, target, to, work);
  }
}

/** table[p] ← 0 for `from` ≤ p < to: what stands for depths that are not there. */
function clear(table: usize, from: i32, to: i32): void {
  for (let p = from; p < to; p++) store<u32>(table + (<usize>p << 2), 0);
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

/** dF ← the gradient of the filter, from the images and the gradient of the output. */
export function filterGradient(
  batch: i32, height: i32, width: i32, inputs: i32,
  kernelRows: i32, kernelColumns: i32, outputs: i32,
  strideY: i32, strideX: i32,
  top: i32, left: i32, outRows: i32, outColumns: i32,
  X: usize, dY: usize, dF: usize, work: usize,
): void {
  const positions = outRows * outColumns;
  const group = groupOf(batch, positions);
  const frameRows = (outRows - 1) * strideY + kernelRows;
  const frameColumns = (outColumns - 1) * strideX + kernelColumns;
  const framed = top > 0 || left > 0 || frameRows > height || frameColumns > width;
  const rows = framed ? frameRows : height;
  const columns = framed ? frameColumns : width;
  const table = work + SCRATCH;
  const panels = table + (<usize>padDepth(group * positions) << 2);
  const images = panels + (<usize>(padDepth(group * positions) * padded(outputs)) << 2);
  positionsOf(group, outRows, outColumns, strideY, strideX, rows, columns, inputs << 2, table);
  // The pixels of a line of the kernel lie side by side: so many rows of the gradient.
  const run = kernelColumns * inputs;
  for (let b = 0; b < batch; b += group) {
    const count = min(group, batch - b);
    let source = X + (<usize>(b * height * width) * <usize>inputs << 2);
    if (framed) {
      frame(count, height, width, inputs, source, top, left, rows, columns, images);
      source = images;
    }
    const m = count * positions;
    // Fewer images come last only, so what is overwritten is needed no more.
    clear(table, m, padDepth(m));
    for (let p0 = 0; p0 < m; p0 += DEPTH) {
      const depth = min(DEPTH, m - p0);
      const offsets = table + (<usize>p0 << 2);
      const gradient = dY + (<usize>(b * positions + p0) * <usize>outputs << 2);
      packPanels(depth, outputs, gradient, panels);
      for (let y = 0; y < kernelRows; y++) {
        const line = source + (<usize>(y * columns * inputs) << 2);
        const to = dF + (<usize>(y * run * outputs) << 2);
        multiplyRun(padDepth(depth), run, outputs, line, offsets, panels, to, b + p0 > 0, work);
      }
    }
  }
}

/** C ← or += AᵀB for `run` columns of A that lie side by side; row i of C belongs to column i of A. */
function multiplyRun(
  depth: i32,
  run: i32,
  n: i32,
  a: usize,
  offsets: usize,
  panels: usize,
  C: usize,
  adds: bool,
  scratch: usize,
): void {
  const ld = <usize>n << 2;
  for (let j = 0; j < n; j += TILE_COLUMNS) {
    const panel = panels + (<usize>(j * depth) << 2);
    const wide = min(TILE_COLUMNS, n - j);
    const c = C + (<usize>j << 2);
    if (run < TILE_ROWS) {
      for (let i = 0; i < run; i++) {
        rowTile(depth, a + (<usize>i << 2), offsets, panel, scratch);
        addPart(scratch, wide, c + <usize>i * ld, adds);
      }
      continue;
    }
    for (let done = 0; done < run; done += TILE_ROWS) {
      // The last tile ends where the run ends, and does some rows once more, for nobody.
      const i = min(done, run - TILE_ROWS);
      const again = done - i;
      const from = a + (<usize>i << 2);
      const first = c + <usize>i * ld;
      sideTile(depth, from, offsets, panel, scratch, PANEL_ROW);
      for (let row = again; row < TILE_ROWS; row++) {
        addPart(scratch + (<usize>row << 5), wide, first + <usize>row * ld, adds);
      }
    }
  }
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
  const mostY = (kernelRows + strideY - 1) / strideY;
  const mostX = (kernelColumns + strideX - 1) / strideX;
  const rows = mostY - 1 + max(outRows, (height - 1 + top) / strideY + 1);
  const columns = mostX - 1 + max(outColumns, (width - 1 + left) / strideX + 1);
  const group = groupOf(batch, height * width);
  const classesY = min(strideY, kernelRows);
  const classesX = min(strideX, kernelColumns);
  const depth = kernelRows * kernelColumns * outputs + 4 * classesY * classesX;
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
