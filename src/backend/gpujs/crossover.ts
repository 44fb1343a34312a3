// From how much work on a device beats the CPU, its transfers included: measured.

import { checkInteger, checkPositive } from '../../core/check.js';
import { type DenseMatrix, zeros } from '../../core/matrix.js';
import { fillNormal, foldIn, randomKey } from '../../core/random.js';
import type { Backend } from '../backend.js';
import { cpuBackend } from '../cpu.js';
import { withSlots } from '../scope.js';

type F32 = 'float32';

const SIDES: readonly number[] = [32, 64, 128, 256, 512, 1024];

/** Each product is timed so often, and its fastest run counts. */
const REPEATS = 3;

/** How {@link measureCrossover} measures. */
export interface CrossoverOptions {
  /** The sides of the square products that are tried, ascending (default 32, 64, …, 1024). */
  readonly sides?: readonly number[];
  /** Milliseconds after which no larger product is begun (default 500). */
  readonly budget?: number;
  /** The time in milliseconds (default `performance.now`). */
  readonly clock?: () => number;
}

/** A product of two n×n matrices on both sides, in milliseconds. */
export interface CrossoverRow {
  readonly side: number;
  /** On matrices that are in host memory, where they are when the CPU is to multiply them. */
  readonly cpu: number;
  /** With both factors uploaded and the product read: a launch alone measures nothing. */
  readonly device: number;
}

/** From where the device pays. */
export interface Crossover {
  /** Multiply-adds from which the device was faster and stayed so; Infinity where it never was. */
  readonly multiplyAdds: number;
  readonly rows: readonly CrossoverRow[];
}

/**
 * Times products of growing size on `device` and on the CPU backend, beside each other.
 *
 * Cost: `budget`, and one more product. A device that is slower within the budget is taken to be so
 * beyond it.
 *
 * @throws RangeError unless `budget` is > 0 and the sides are integers ≥ 1; whatever the device throws.
 */
export async function measureCrossover(
  device: Backend<F32>,
  { sides = SIDES, budget = 500, clock = now }: CrossoverOptions = {},
): Promise<Crossover> {
  checkPositive('measureCrossover', 'budget', budget);
  for (const side of sides) checkInteger('measureCrossover', 'sides', side, 1);
  const cpu = cpuBackend('float32');
  const rows: CrossoverRow[] = [];
  const start = clock();
  for (const side of sides) {
    if (clock() - start > budget) break;
    const [A, B] = [random(side, 0), random(side, 1)];
    const [a, b, c] = [cpu.wrap(A), cpu.wrap(B), cpu.allocate(side, side)];
    rows.push({
      side,
      cpu: timed(clock, side, () => cpu.gemm(1, a, 'N', b, 'N', 0, c)),
      device: await fastest(clock, () => multiplied(device, A, B)),
    });
  }
  const losses = rows.findLastIndex((row) => !(row.device < row.cpu));
  const first = rows.at(losses + 1);
  return { multiplyAdds: first === undefined ? Number.POSITIVE_INFINITY : first.side ** 3, rows };
}

/** AB, from host memory to host memory. */
function multiplied(
  backend: Backend<F32>,
  A: DenseMatrix<F32>,
  B: DenseMatrix<F32>,
): Promise<DenseMatrix<F32>> {
  return withSlots(backend, async ({ upload, allocate }) => {
    const C = allocate(A.rows, B.cols);
    backend.gemm(1, upload(A), 'N', upload(B), 'N', 0, C);
    return backend.read(C);
  });
}

/** The clocks of pages are coarse: a sample of the host is as many products as have so many multiply-adds. */
const SAMPLE = 2 ** 24;

/** A small product costs more than its multiply-adds. */
const MOST_PRODUCTS = 1024;

/** The fastest of {@link REPEATS} samples, for one product of two n×n matrices. */
function timed(clock: () => number, n: number, run: () => void): number {
  const products = Math.min(MOST_PRODUCTS, Math.ceil(SAMPLE / n ** 3));
  run();
  let best = Number.POSITIVE_INFINITY;
  for (let k = 0; k < REPEATS; k++) {
    const start = clock();
    for (let i = 0; i < products; i++) run();
    best = Math.min(best, (clock() - start) / products);
  }
  return best;
}

async function fastest(clock: () => number, run: () => Promise<unknown>): Promise<number> {
  // Kernels are compiled at their first run.
  await run();
  let best = Number.POSITIVE_INFINITY;
  for (let k = 0; k < REPEATS; k++) {
    const start = clock();
    await run();
    best = Math.min(best, clock() - start);
  }
  return best;
}

function random(side: number, stream: number): DenseMatrix<F32> {
  const A = zeros('float32', side, side);
  fillNormal(foldIn(randomKey(side), stream), A.data);
  return A;
}

/** Where this is compiled no clock is known, but every platform has this one. */
declare const performance: { now(): number };

function now(): number {
  return performance.now();
}
