// One layer under one preconditioner, ready to be timed or to have its memory counted.

import { cpuEngine } from '../../src/backend/cpu.js';
import { upload } from '../../src/backend/engine.js';
import { stateBytes } from '../../src/backend/state.js';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { fillNormal, foldIn, type RandomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import type { Contender } from './contenders.js';
import { type Timing, timeWork } from './timing.js';

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
export function makeSubject(
  { preconditioner }: Contender,
  inputs: number,
  key: RandomKey,
): Subject {
  const { dtype, outputs, rows } = layer;
  const engine = cpuEngine(dtype);
  const [subject] = preconditioner.init(engine, [{ name: `p = ${inputs}`, inputs, outputs }]);
  const ones = zeros(dtype, rows, 1);
  ones.data.fill(1);
  const rootWeights = upload(engine, ones);
  const observations = Array.from({ length: batches }, (_, batch) => ({
    X: upload(engine, gaussian(foldIn(key, 2 * batch), rows, inputs)),
    D: upload(engine, gaussian(foldIn(key, 2 * batch + 1), rows, outputs)),
    rootWeights,
    rows,
    examples: rows,
  }));
  let observed = 0;
  const observe = (): void => subject.observe(observations[observed++ % batches]);
  for (let batch = 0; batch < batches; batch++) observe();
  const G = upload(engine, gaussian(foldIn(key, 2 * batches), outputs, inputs));
  const P = engine.allocate(outputs, inputs);
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
  const A = gaussian(key, 512, 512);
  const C = zeros(layer.dtype, 512, 512);
  return timeWork({ run: () => gemm(1, A, 'N', A, 'N', 0, C) }, budget);
}

function gaussian(key: RandomKey, rows: number, cols: number): DenseMatrix<typeof layer.dtype> {
  const A = zeros(layer.dtype, rows, cols);
  fillNormal(key, A.data);
  return A;
}
