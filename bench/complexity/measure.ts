// Time and memory of one layer under one preconditioner.

import { cpuEngine } from '../../src/backend/cpu.js';
import { upload } from '../../src/backend/engine.js';
import { stateBytes } from '../../src/backend/state.js';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { fillNormal, foldIn, type RandomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import type { Preconditioner } from '../../src/precondition/preconditioner.js';
import { type Timing, timeWork } from './timing.js';

/** Every layer is of this dtype, has so many outputs and sees so many rows at a time. */
export const layer = { dtype: 'float32', outputs: 64, rows: 128 } as const;

/** What one layer costs. */
export interface Cost {
  readonly observe: Timing;
  /** One refresh after one observation; undefined where it has nothing to do. */
  readonly refresh: Timing | undefined;
  /** P from G. */
  readonly apply: Timing;
  /** What the layer keeps between steps. */
  readonly bytes: number;
}

/** The cost of a layer with p = `inputs` on Gaussian data; each timing takes about `budget` ms. */
export function measureLayer(
  preconditioner: Preconditioner,
  inputs: number,
  refreshes: boolean,
  budget: number,
  key: RandomKey,
): Cost {
  const { dtype, outputs, rows } = layer;
  const engine = cpuEngine(dtype);
  const [subject] = preconditioner.init(engine, [{ name: `p = ${inputs}`, inputs, outputs }]);
  const ones = zeros(dtype, rows, 1);
  ones.data.fill(1);
  const observation = {
    X: upload(engine, gaussian(foldIn(key, 0), rows, inputs)),
    D: upload(engine, gaussian(foldIn(key, 1), rows, outputs)),
    rootWeights: upload(engine, ones),
    rows,
    examples: rows,
  };
  const G = upload(engine, gaussian(foldIn(key, 2), outputs, inputs));
  const P = engine.allocate(outputs, inputs);
  const observe = (): void => subject.observe(observation);
  return {
    observe: timeWork({ run: observe }, budget),
    refresh: refreshes
      ? timeWork({ prepare: observe, run: () => subject.refresh() }, budget)
      : undefined,
    apply: timeWork({ run: () => subject.precondition(G, P) }, budget),
    bytes: stateBytes(subject.state),
  };
}

/** One product of two 512×512 matrices: the speed of the machine at this moment. */
export function calibrate(budget: number, key: RandomKey): Timing {
  const A = gaussian(key, 512, 512);
  const C = zeros(layer.dtype, 512, 512);
  return timeWork({ run: () => gemm(1, A, 'N', A, 'N', 0, C) }, budget);
}

function gaussian(key: RandomKey, rows: number, cols: number): DenseMatrix<typeof layer.dtype> {
  const A = zeros(layer.dtype, rows, cols);
  fillNormal(key, A.data);
  return A;
}
