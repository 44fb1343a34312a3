// How far a device's arithmetic is from float64, measured before it is trusted.

import { fillNormal, foldIn, type RandomKey, randomKey } from '../../core/random.js';
import type { Device } from './device.js';
import { divideByRootSource, productSource, type Source, uploadSource } from './sources.js';
import { Grid } from './tiles.js';

/** Terms of the sums that are measured. */
const TERMS = 64;
const ROWS = 24;
const COLS = 40;
const SHIFT = 2 ** -10;

/**
 * The largest error that is taken for float32: that of a sum of 64 products, each operation of which
 * is off by a relative 2⁻²³, twice what rounding to nearest may cost. Half precision exceeds it some
 * hundred times over.
 */
export const LARGEST_ERROR: number = TERMS * 2 ** -23;

/**
 * The largest relative error of the device on random numbers. Three things are measured: elements that
 * are only uploaded and read, a 24×64×40 product (as |c − ab|/Σ|a||b|), and quotients by roots. The
 * error is NaN if the device gives one.
 *
 * @throws The errors of GPU.js, if the device cannot run a kernel.
 */
export async function measureError(device: Device): Promise<number> {
  const key = randomKey(1);
  const a = numbers(key, 0, ROWS * TERMS);
  const b = numbers(key, 1, TERMS * COLS);
  const squares = a.map((x) => x * x);
  const A = uploaded(device, a, ROWS, TERMS);
  const B = uploaded(device, b, TERMS, COLS);
  const squared = uploaded(device, squares, ROWS, TERMS);
  const product = computed(device, productSource(ROWS, COLS, TERMS, 'N', 'N', false), [
    A.at(0, 0),
    B.at(0, 0),
    1,
  ]);
  const quotient = computed(device, divideByRootSource(ROWS, TERMS), [
    A.at(0, 0),
    1,
    squared.at(0, 0),
    1,
    SHIFT,
  ]);
  const [kept, sums, quotients] = [
    await elements(device, A, ROWS, TERMS),
    await elements(device, product, ROWS, COLS),
    await elements(device, quotient, ROWS, TERMS),
  ];
  for (const grid of [A, B, squared, product, quotient]) device.release(grid);
  await device.settled();

  const errors = [...a].map((x, k) => relative(kept[k], x, Math.abs(x)));
  for (let i = 0; i < ROWS; i++) {
    for (let j = 0; j < COLS; j++) {
      let [sum, size] = [0, 0];
      for (let k = 0; k < TERMS; k++) {
        const term = a[i * TERMS + k] * b[k * COLS + j];
        sum += term;
        size += Math.abs(term);
      }
      errors.push(relative(sums[i * COLS + j], sum, size));
    }
  }
  a.forEach((x, k) => {
    const exact = x / (Math.sqrt(squares[k]) + SHIFT);
    errors.push(relative(quotients[k], exact, Math.abs(exact)));
  });
  return Math.max(...errors);
}

function numbers(key: RandomKey, stream: number, length: number): Float32Array {
  const data = new Float32Array(length);
  fillNormal(foldIn(key, stream), data);
  return data;
}

/** In one piece, which every device can hold, whatever the size of its tiles. */
function whole(rows: number, cols: number): Grid {
  return new Grid(rows, cols, TERMS);
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

/** |given − exact|/size, and 0 if both are 0. */
function relative(given: number, exact: number, size: number): number {
  const error = Math.abs(given - exact);
  return error === 0 ? 0 : error / size;
}
