// One layer under one method, ready to be timed or to have its memory counted.

import { upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { stateBytes } from '../../src/backend/state.js';
import { zeros } from '../../src/core/matrix.js';
import { foldIn, type RandomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import { denseRows } from '../../src/rows/dense.js';
import { layerUnder } from '../measure/layer.js';
import { normalMatrix } from '../measure/matrices.js';
import { type Timing, timeWork } from '../measure/timing.js';
import type { Contender } from './contenders.js';

/** What every layer has in common: q = 64 outputs, and m = 128 rows at each observation. */
export const layer = { dtype: 'float32', outputs: 64, rows: 128 } as const;

/** Different batches that are observed in turn, so that an average has up to 1024 directions. */
const batches = 8;

/** A layer that has seen every batch once. */
export interface Subject {
  readonly observe: () => void;
  readonly refresh: () => void;
  /** P from G. */
  readonly apply: () => void;
  /** What the layer keeps between steps, in bytes. */
  readonly kept: number;
}

/** A layer with p = `inputs` and Gaussian data. */
export function makeSubject({ method }: Contender, inputs: number, key: RandomKey): Subject {
  const { dtype, outputs, rows } = layer;
  const backend = cpuBackend(dtype);
  const subject = layerUnder(method, backend, { inputs, outputs });
  const normal = (m: number, n: number, stream: number) =>
    normalMatrix(dtype, m, n, foldIn(key, stream));
  const seen = Array.from({ length: batches }, (_, batch) => ({
    X: denseRows(backend, normal(rows, inputs, 2 * batch)),
    D: denseRows(backend, normal(rows, outputs, 2 * batch + 1)),
    G: upload(backend, normal(outputs, inputs, 2 * batches + 1 + batch)),
    examples: rows,
  }));
  let observed = 0;
  const observe = (): void => subject.observe(seen[observed++ % batches]);
  for (let batch = 0; batch < batches; batch++) observe();
  const G = upload(backend, normal(outputs, inputs, 2 * batches));
  const P = backend.allocate(outputs, inputs);
  return {
    observe,
    refresh: () => subject.refresh(),
    apply: () => subject.precondition(G, P),
    kept: stateBytes(subject.state),
  };
}

/** How long one layer's operations take. */
export interface Times {
  readonly observe: Timing;
  /** After one observation, which is not timed; undefined where there is nothing to do. */
  readonly refresh: Timing | undefined;
  readonly apply: Timing;
}

/** Each timing takes about `budget` milliseconds. */
export function timeSubject(subject: Subject, { exponents }: Contender, budget: number): Times {
  const { observe, refresh, apply } = subject;
  // Some methods amend their inverse with what they observe: most observations find one.
  refresh();
  return {
    observe: timeWork({ run: observe }, budget),
    refresh:
      exponents.refresh === undefined
        ? undefined
        : timeWork({ prepare: observe, run: refresh }, budget),
    apply: timeWork({ run: apply }, budget),
  };
}

/** One product of two 512×512 matrices: the speed of the machine at this moment. */
export function calibrate(budget: number, key: RandomKey): Timing {
  const A = normalMatrix(layer.dtype, 512, 512, key);
  const C = zeros(layer.dtype, 512, 512);
  return timeWork({ run: () => gemm(1, A, 'N', A, 'N', 0, C) }, budget);
}
