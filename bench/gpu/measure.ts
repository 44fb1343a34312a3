// One operation on the CPU backend and on a device, in turn, with and without its transfers.

import type { Backend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { withSlots } from '../../src/backend/scope.js';
import type { DenseMatrix } from '../../src/core/matrix.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { normalMatrix } from '../measure/matrices.js';
import { type Clock, timeAsync } from '../measure/timing.js';
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
  clock: Clock,
): Promise<GpuRow[]> {
  const cpu = cpuBackend('float32');
  const rows: GpuRow[] = [];
  for (const item of cases) {
    const { name, shape, multiplyAdds } = item;
    const values = item.inputs.map((size, k) =>
      normalMatrix('float32', ...size, foldIn(randomKey(1), k)),
    );
    rows.push({
      name,
      shape,
      multiplyAdds,
      cpu: await calls(cpu, item, values, time, clock),
      transferred: (await timeAsync(() => transferred(device, item, values), time, clock)).median,
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
  clock: Clock,
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
    return (await timeAsync(row, time, clock)).median / CALLS;
  });
}
