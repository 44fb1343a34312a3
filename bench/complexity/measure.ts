// One layer under one method, ready to be timed or to have its memory counted.

import { upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { stateBytes } from '../../src/backend/state.js';
import { zeros } from '../../src/core/matrix.js';
import { foldIn, type RandomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import { isTransform, type Step, type Transform } from '../../src/optimize/transform.js';
import type { Method } from '../../src/precondition/method.js';
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
  /** Absent where every step is an observation. */
  readonly observe?: () => void;
  readonly refresh: () => void;
  /** P from G. */
  readonly apply: () => void;
  /** What the layer keeps between steps, in bytes. */
  readonly kept: number;
}

/** A layer with p = `inputs` and Gaussian data. */
export function makeSubject({ method }: Contender, inputs: number, key: RandomKey): Subject {
  return isTransform(method) ? ofLink(method, inputs, key) : ofMethod(method, inputs, key);
}

/**
 * A step of a link, a copy of G included; H = I/2 where it uses curvature, which costs next to nothing. Where it
 * looks at layers, the step with a refresh observes too.
 */
function ofLink(link: Transform, inputs: number, key: RandomKey): Subject {
  const { dtype, outputs, rows } = layer;
  const backend = cpuBackend(dtype);
  const shape = { rows: outputs, cols: inputs };
  const stage = link.init({ backend, parameters: [shape], layers: [{ weight: 0 }] });
  const seen = {
    X: denseRows(backend, normalMatrix(dtype, rows, inputs, foldIn(key, 1))),
    examples: rows,
  };
  const given = upload(backend, normalMatrix(dtype, outputs, inputs, foldIn(key, 0)));
  const [G, W] = [backend.allocate(outputs, inputs), backend.allocate(outputs, inputs)];
  const take = (index: number): void => {
    backend.axpby(1, given, 0, G);
    const step: Step<typeof dtype> = {
      index,
      learningRate: 0,
      parameters: [W],
      gradients: [G],
      observations: [link.needs?.(index).inputs === true ? seen : undefined],
      hessianProduct: ([v], [product]) => backend.axpby(0.5, v, 0, product),
    };
    stage.check?.(step);
    stage.update([G], step);
  };
  take(0);
  return { refresh: () => take(0), apply: () => take(1), kept: stateBytes(stage.state) };
}

function ofMethod(method: Method, inputs: number, key: RandomKey): Subject {
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
  readonly observe: Timing | undefined;
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
    observe: observe && timeWork({ run: observe }, budget),
    refresh:
      exponents.refresh === undefined
        ? undefined
        : timeWork({ ...(observe && { prepare: observe }), run: refresh }, budget),
    apply: timeWork({ run: apply }, budget),
  };
}

/** One product of two 512×512 matrices: the speed of the machine at this moment. */
export function calibrate(budget: number, key: RandomKey): Timing {
  const A = normalMatrix(layer.dtype, 512, 512, key);
  const C = zeros(layer.dtype, 512, 512);
  return timeWork({ run: () => gemm(1, A, 'N', A, 'N', 0, C) }, budget);
}
