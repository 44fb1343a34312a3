// One operation on the CPU backend and on a device, in turn, with and without its transfers.

import type { Backend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { withSlots } from '../../src/backend/scope.js';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { fillNormal, foldIn, randomKey } from '../../src/core/random.js';
import type { GpuCase } from './cases.js';

type F32 = 'float32';

/** What one case took, in milliseconds. */
export interface GpuRow {
  readonly name: string;
  readonly shape: string;
  readonly multiplyAdds: number;
  readonly cpu: number;
  /** Operands uploaded and the outcome read. */
  readonly transferred: number;
  /** Everything on the device: a row of calls, with one number read at the end. */
  readonly resident: number;
}

/** Calls of a row whose end is waited for together. */
const CALLS = 8;

/** Measures every case for about `time` milliseconds on either side. */
export async function measureCases(
  device: Backend<F32>,
  cases: readonly GpuCase[],
  time: number,
  clock: () => number,
): Promise<GpuRow[]> {
  const cpu = cpuBackend('float32');
  const rows: GpuRow[] = [];
  for (const item of cases) {
    const { name, shape, multiplyAdds } = item;
    const values = item.inputs.map((size, k) => random(...size, k));
    rows.push({
      name,
      shape,
      multiplyAdds,
      cpu: await calls(cpu, item, values, time, clock),
      transferred: await median(time, clock, () => transferred(device, item, values)),
      resident: await calls(device, item, values, time, clock),
    });
  }
  return rows;
}

function transferred(
  backend: Backend<F32>,
  { run, output }: GpuCase,
  values: readonly DenseMatrix<F32>[],
): Promise<DenseMatrix<F32>> {
  return withSlots(backend, async (scope) => {
    const C = scope.allocate(...output);
    run(backend, values.map(scope.upload), C);
    return backend.read(C);
  });
}

/** Milliseconds of one call of a row; a launch alone would measure nothing. */
function calls(
  backend: Backend<F32>,
  { run, output }: GpuCase,
  values: readonly DenseMatrix<F32>[],
  time: number,
  clock: () => number,
): Promise<number> {
  return withSlots(backend, async (scope) => {
    const inputs = values.map(scope.upload);
    const [C, s] = [scope.allocate(...output), scope.allocate(1, 1)];
    const row = async () => {
      for (let k = 0; k < CALLS; k++) run(backend, inputs, C);
      // One number that depends on the last outcome: it is there when the row is done.
      backend.dot(1, C, C, 0, s);
      await backend.read(s);
    };
    return (await median(time, clock, row)) / CALLS;
  });
}

async function median(
  time: number,
  clock: () => number,
  work: () => Promise<unknown>,
): Promise<number> {
  // Kernels are compiled at their first run.
  await work();
  const samples: number[] = [];
  const start = clock();
  do {
    const begun = clock();
    await work();
    samples.push(clock() - begun);
  } while (clock() - start < time);
  return samples.toSorted((a, b) => a - b)[samples.length >> 1];
}

function random(rows: number, cols: number, stream: number): DenseMatrix<F32> {
  const A = zeros('float32', rows, cols);
  fillNormal(foldIn(randomKey(1), stream), A.data);
  return A;
}
