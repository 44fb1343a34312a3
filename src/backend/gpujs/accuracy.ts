// How far the arithmetic of a device of GPU.js is from float64, measured before it is trusted.

import { errorOf, makeTrial } from '../accuracy.js';
import type { Device } from './device.js';
import { divideByRootSource, productSource, type Source, uploadSource } from './sources.js';
import { Grid } from './tiles.js';

/**
 * The largest relative error of the device on random numbers. Three things are measured: elements that
 * are only uploaded and read, a 24×64×40 product (as |c − ab|/Σ|a||b|), and quotients by roots. The
 * error is NaN if the device gives one.
 *
 * @throws The errors of GPU.js, if the device cannot run a kernel.
 */
export async function measureError(device: Device): Promise<number> {
  const trial = makeTrial();
  const { rows, terms, cols, shift } = trial;
  const A = uploaded(device, trial.a, rows, terms);
  const B = uploaded(device, trial.b, terms, cols);
  const squared = uploaded(device, trial.squares, rows, terms);
  const product = computed(device, productSource(rows, cols, terms, 'N', 'N', false), [
    A.at(0, 0),
    B.at(0, 0),
    1,
  ]);
  const quotient = computed(device, divideByRootSource(rows, terms), [
    A.at(0, 0),
    1,
    squared.at(0, 0),
    1,
    shift,
  ]);
  const outcome = {
    kept: await elements(device, A, rows, terms),
    sums: await elements(device, product, rows, cols),
    quotients: await elements(device, quotient, rows, terms),
  };
  for (const grid of [A, B, squared, product, quotient]) device.release(grid);
  await device.settled();
  return errorOf(trial, outcome);
}

/** In one piece, which every device can hold, whatever the size of its tiles. */
function whole(rows: number, cols: number): Grid {
  return new Grid(rows, cols, Math.max(rows, cols));
}

function uploaded(device: Device, data: Float32Array, rows: number, cols: number): Grid {
  const grid = whole(rows, cols);
  device.launch(uploadSource(rows, cols), [data], grid.at(0, 0));
  return grid;
}

function computed(device: Device, source: Source, operands: Parameters<Device['launch']>[1]): Grid {
  const grid = whole(source.rows, source.cols);
  device.launch(source, operands, grid.at(0, 0));
  return grid;
}

async function elements(
  device: Device,
  grid: Grid,
  rows: number,
  cols: number,
): Promise<Float32Array> {
  const data = new Float32Array(rows * cols);
  const place = (_top: number, _left: number, tile: readonly Float32Array[]) => {
    tile.forEach((row, i) => {
      data.set(row, i * cols);
    });
  };
  if (device.reading === 'sync') device.readNow(grid, place);
  else await device.readLater(grid, place);
  return data;
}
