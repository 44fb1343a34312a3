// A training loop keeps what it has: after its first steps it holds no more memory than before.

import { describe, expect, test, vi } from 'vitest';
import { upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { DType } from '../../src/core/dtype.js';
import { zeros } from '../../src/core/matrix.js';
import { fillNormal, randomKey } from '../../src/core/random.js';
import { Workspace } from '../../src/core/workspace.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { eva, foof, kfac, nysact } from '../../src/optimize/optimizers.js';
import { ekfac, mfac, skfac, soap } from '../../src/optimize/systems.js';
import type { Transform } from '../../src/optimize/transform.js';
import { ekfacMethod } from '../../src/precondition/ekfac.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { skfacMethod } from '../../src/precondition/skfac.js';
import { denseRows } from '../../src/rows/dense.js';
import { only } from '../precondition/runs.js';

const [ROWS, INPUTS, OUTPUTS] = [64, 49, 24];
const STEPS = 1000;
const WINDOWS = 10;
const LIMIT = 64 * 1024;

const cadence = { learningRate: 1e-3, observeEvery: 1, refreshEvery: 5 };
const transforms: readonly (readonly [string, Transform])[] = [
  ['nysact-g', nysact({ ...cadence, rank: 5, sketch: 'gaussian' })],
  ['nysact-s', nysact({ ...cadence, rank: 5, sketch: 'subcolumn' })],
  ['foof', foof(cadence)],
  ['kfac', kfac(cadence)],
  ['eva', eva(cadence)],
  ['ekfac', ekfac(cadence)],
  ['skfac', skfac({ ...cadence, examples: 16 })],
  ['soap', soap({ refreshEvery: 2 })],
  ['mfac', mfac({ gradients: 4 })],
];

/** Bytes in use once nothing can be collected any more. */
function bytesInUse(): number {
  if (gc === undefined) throw new Error('run with --expose-gc');
  gc();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const dtypes: readonly DType[] = ['float32', 'float64'];
const cases = dtypes.flatMap((dtype) => transforms.map((entry) => [dtype, ...entry] as const));

test.each(cases)('in %s, 1000 steps of %s', (dtype, _name, transform) => {
  const backend = cpuBackend<DType>(dtype);
  const random = (rows: number, cols: number, seed: number) => {
    const A = zeros(dtype, rows, cols);
    fillNormal(randomKey(seed), A.data);
    return A;
  };
  const W = upload(backend, random(OUTPUTS, INPUTS, 1));
  const G = upload(backend, random(OUTPUTS, INPUTS, 2));
  const optimizer = new Optimizer({ backend, transform, parameters: [W], layers: [{ weight: 0 }] });
  const seen = {
    X: denseRows(backend, random(ROWS, INPUTS, 3)),
    D: denseRows(backend, random(ROWS, OUTPUTS, 4)),
  };
  const steps = (count: number) => {
    for (let k = 0; k < count; k++) optimizer.step([G], [W], [seen]);
  };
  steps(STEPS);
  // Compiled code counts as memory too, and comes when it likes; what leaks does so every time.
  let growth = Number.POSITIVE_INFINITY;
  for (let window = 0; window < WINDOWS && growth >= LIMIT; window++) {
    const before = bytesInUse();
    steps(STEPS);
    growth = bytesInUse() - before;
  }
  expect(growth).toBeLessThan(LIMIT);
});

describe('a refresh works in the memory of the one before', () => {
  const methods = [
    nysactMethod({ rank: 5 }),
    foofMethod(),
    kfacMethod({ inverse: 'eigenbasis' }),
    kfacMethod({ inverse: 'factored' }),
    ekfacMethod(),
    skfacMethod({ examples: 16 }),
  ];

  test.each(methods.map((made) => [made.name, made] as const))('%s', (_name, made) => {
    const backend = cpuBackend('float64');
    const layer = only(made, backend, { inputs: INPUTS, outputs: OUTPUTS });
    const X = zeros('float64', ROWS, INPUTS);
    const D = zeros('float64', ROWS, OUTPUTS);
    fillNormal(randomKey(1), X.data);
    fillNormal(randomKey(2), D.data);
    const seen = { X: denseRows(backend, X), D: denseRows(backend, D), examples: ROWS };
    const take = vi.spyOn(Workspace.prototype, 'take');
    /** The memory that a refresh took on its way. */
    const refresh = () => {
      layer.observe(seen);
      take.mockClear();
      layer.refresh();
      return new Set(take.mock.results.map(({ value: { data } }) => data.buffer));
    };
    refresh();
    const before = refresh();
    expect(before.size).toBeGreaterThan(0);
    expect(refresh()).toEqual(before);
    take.mockRestore();
  });
});
