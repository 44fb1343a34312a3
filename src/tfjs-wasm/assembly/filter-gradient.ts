// The gradient of a convolution's filter: products of pixels with the gradient of the output, gathered as
// those of the convolution are.

import { clear, frame, groupOf, isFramed, positionsOf, sideOf, workspaceOf } from './frames';
import {
  addPart,
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

/** Depth of a block: positions whose pixels stay in the first-level cache. */
const DEPTH: i32 = 256;

/** Bytes of workspace of {@link filterGradient}, which takes the same geometry. */
export function filterGradientWorkspace(
  batch: i32, height: i32, width: i32, inputs: i32,
  kernelRows: i32, kernelColumns: i32, outputs: i32,
  strideY: i32, strideX: i32,
  top: i32, left: i32, outRows: i32, outColumns: i32,
): f64 {
  const positions = outRows * outColumns;
  const group = groupOf(batch, positions);
  const rows = sideOf(outRows, strideY, kernelRows, 1);
  const columns = sideOf(outColumns, strideX, kernelColumns, 1);
  const panels = <f64>DEPTH * padded(outputs);
  const framed = isFramed(top, left, rows, columns, height, width);
  const images = framed ? <f64>group * rows * columns * inputs : 0;
  return workspaceOf(padDepth(group * positions) + panels + images);
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
  const frameRows = sideOf(outRows, strideY, kernelRows, 1);
  const frameColumns = sideOf(outColumns, strideX, kernelColumns, 1);
  const framed = isFramed(top, left, frameRows, frameColumns, height, width);
  const rows = framed ? frameRows : height;
  const columns = framed ? frameColumns : width;
  const table = work + SCRATCH;
  const panels = table + (<usize>padDepth(group * positions) << 2);
  const images = panels + (<usize>(DEPTH * padded(outputs)) << 2);
  positionsOf(group, outRows, outColumns, strideY, strideX, rows, columns, inputs << 2, table);
  // The pixels of a line of the kernel lie side by side: so many rows of the gradient.
  const run = kernelColumns * inputs;
  for (let b = 0; b < batch; b += group) {
    const count = min(group, batch - b);
    const first = X + (<usize>(b * height * width) * <usize>inputs << 2);
    const source = framed
      ? frame(count, height, width, inputs, first, top, left, rows, columns, images)
      : first;
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
