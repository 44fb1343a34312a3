// NysAct under policy 'track': what its windows are, on backends that read at once and on those that do not.

import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import type { Eigenpairs } from '../../src/nystrom/factor.js';
import type { LayerPreconditioner } from '../../src/precondition/layer.js';
import { type NysactOptions, nysactMethod } from '../../src/precondition/nysact.js';
import type { SketchSource } from '../../src/precondition/sketching.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import { denseSketch } from '../../src/sketch/sketch.js';
import { windowsOf } from '../nystrom/windows.js';
import { asyncBackend, gatedBackend } from '../support/backends.js';
import { combine, type Matrix, norm, product } from '../support/matrices.js';
import { approximation, dampedInverse } from '../support/nystrom.js';
import { decayingBatch, SIZE } from './decaying.js';
import {
  apply,
  type Batch,
  numberOf,
  observe,
  only,
  putBack,
  randomGradient,
  snapshot,
  start,
} from './runs.js';

type F64 = 'float64';

const SEED = 7;
const SHARED = { rank: 4, decay: 0.8, damping: 0.1 } as const;
const G = randomGradient(1, SIZE);

/** The fresh columns of the oracle. */
const drawn: SketchSource = ({ layer, draw, shape, dtype }) =>
  drawSketch('gaussian', shape, dtype, foldIn(foldIn(randomKey(SEED), layer), draw));

function layerOn(backend: Backend<F64>, options: NysactOptions): LayerPreconditioner<F64> {
  return only(nysactMethod({ ...SHARED, sketch: drawn, ...options }), backend, SIZE);
}

function momentOf({ X }: Batch): Matrix {
  const sum = product(X, 'T', X, 'N');
  return combine(1 / X.rows, sum, 0, sum);
}

const WINDOWS: readonly (readonly Batch[])[] = [0, 1, 2].map((w) =>
  [1, 2, 3].map((u) => decayingBatch(10 * w + u, 20, 0.6)),
);

const { rank } = SHARED;
const POWER = { carries: false, powers: true } as const;
const POLICIES = [
  ['restarted', { fresh: 1 }, { kept: rank - 1, carries: false }],
  ['with two fresh columns by default', {}, { kept: rank - 2, carries: false }],
  ['oversampled', { oversample: 3 }, { kept: rank, width: rank + 3, carries: false }],
  ['carried', { fresh: 0, carry: true }, { kept: rank, carries: true }],
  ['carried with fresh columns', { fresh: 1, carry: true }, { kept: rank - 1, carries: true }],
  ['with a power step', { sketch: 'power', seed: SEED }, { kept: rank - 2, ...POWER }],
  [
    'carried after a power step',
    { sketch: 'power', seed: SEED, carry: true },
    { kept: rank, ...POWER, carries: true },
  ],
] as const;

describe.each(POLICIES)("policy 'track', %s", (_, options, policy) => {
  const oracle = windowsOf(
    WINDOWS.map((window) => window.map(momentOf)),
    { ...SHARED, ...policy },
    'float64',
    SEED,
  );

  test.each([
    ['at once', cpuBackend('float64')],
    ['later', asyncBackend('float64')],
  ])('is what its formulas say on a backend that reads %s', async (__, backend) => {
    const layer = layerOn(backend, { policy: 'track', ...options });
    for (const [w, window] of WINDOWS.entries()) {
      for (const batch of window) observe(backend, layer, batch);
      layer.refresh();
      await layer.flush();
      const inverse = dampedInverse(approximation(oracle[w].pairs), SHARED.damping);
      const expected = product(G, 'N', inverse, 'N');
      const P = await apply(backend, layer, G);
      expect(norm(combine(1, P, -1, expected))).toBeLessThanOrEqual(1e-8 * norm(expected));
      expect(numberOf(layer, 'C/updates')).toBe(policy.carries ? 3 * (w + 1) : 0);
    }
  });

  test('forgets what it observes between a reading and its factor', async () => {
    const backends = [gatedBackend('float64'), gatedBackend('float64')];
    const layers = backends.map(({ backend }) =>
      layerOn(backend, { policy: 'track', tail: true, ...options }),
    );
    for (const [k, { backend, close, open }] of backends.entries()) {
      const layer = layers[k];
      for (const batch of WINDOWS[0]) observe(backend, layer, batch);
      const release = close();
      layer.refresh();
      open();
      if (k === 1) observe(backend, layer, WINDOWS[2][0]);
      release();
      await layer.flush();
      for (const batch of WINDOWS[1]) observe(backend, layer, batch);
      layer.refresh();
      await layer.flush();
    }
    const [P, other] = await Promise.all(
      layers.map((layer, k) => apply(backends[k].backend, layer, G)),
    );
    expect(other).toEqual(P);
  });
});

/** Asks for sketches that are no sketches of anything at some draws. */
function asked(bad: readonly number[] = []) {
  const requests: (Eigenpairs | undefined)[] = [];
  const sketch: SketchSource = ({ layer, draw, last, shape, dtype }) => {
    requests.push(last);
    const S = denseSketch(drawn({ layer, draw, shape, dtype }), dtype);
    if (bad.includes(draw)) for (let i = 0; i < S.rows; i++) S.set(i, 1, 0);
    return { kind: 'dense', ...shape, S };
  };
  return { requests, sketch };
}

describe('the source', () => {
  test.each(['restart', 'track'] as const)(
    "of one's own is shown the last factor under '%s'",
    (policy) => {
      const { requests, sketch } = asked();
      const backend = cpuBackend('float64');
      const layer = layerOn(backend, { policy, sketch });
      expect(requests).toEqual([undefined]);
      for (const batch of WINDOWS[0]) observe(backend, layer, batch);
      layer.refresh();
      expect(requests).toHaveLength(2);
      expect(requests[1]?.eigenvalues).toEqual(layer.diagnostics.found.eigenvalues);
    },
  );

  test('is shown none after a window that broke down, and the last good factor stays', async () => {
    const { requests, sketch } = asked([1]);
    const backend = cpuBackend('float64');
    const layer = layerOn(backend, { policy: 'restart', sketch });
    const step = () => {
      observe(backend, layer, WINDOWS[0][0]);
      layer.refresh();
    };
    step();
    const P = await apply(backend, layer, G);
    step();
    expect(layer.diagnostics.failures).toBe(1);
    expect(requests[2]).toBeUndefined();
    expect(await apply(backend, layer, G)).toEqual(P);
    step();
    expect([layer.diagnostics.failures, layer.diagnostics.refreshes]).toEqual([1, 2]);
    expect(requests[3]).toBeDefined();
  });
});

test.each<[string, NysactOptions]>([
  ['restarted', { policy: 'track' }],
  ['carried', { policy: 'track', carry: true, tail: true }],
  ['of the diagonal', { sketch: 'diagonal' }],
  ['after a power step', { sketch: 'power', policy: 'track' }],
  ["of one's own", { policy: 'restart' }],
])(
  'a state that is exported while a refresh is in flight goes on as the run, %s',
  async (_, options) => {
    const { backend, close, open } = gatedBackend('float64');
    const method = nysactMethod({ ...SHARED, sketch: drawn, ...options });
    const [run, copy] = [0, 1].map(() => start(method, backend, [{ name: 'layer', ...SIZE }]));
    for (const batch of WINDOWS[0]) observe(backend, run.layers[0], batch);
    const release = close();
    run.layers[0].refresh();
    open();
    const saved = snapshot(run);
    release();
    putBack(copy, await saved);
    for (const { layers } of [run, copy]) {
      for (const batch of WINDOWS[1]) observe(backend, layers[0], batch);
      layers[0].refresh();
      await layers[0].flush();
    }
    const [P, other] = await Promise.all(
      [run, copy].map(({ layers }) => apply(backend, layers[0], G)),
    );
    expect(other).toEqual(P);
  },
);

test('a refresh of what is carried, with nothing observed since the last, changes nothing', async () => {
  const backend = cpuBackend('float32');
  const method = nysactMethod({ ...SHARED, policy: 'track', carry: true });
  const layer = only(method, backend, SIZE);
  observe(backend, layer, WINDOWS[0][0]);
  layer.refresh();
  const P = await apply(backend, layer, G);
  for (let again = 0; again < 5; again++) layer.refresh();
  expect(await apply(backend, layer, G)).toEqual(P);
  expect(layer.diagnostics.refreshes).toBe(1);
});

test('a layer that is narrower than a sketch has fresh columns for what is left', () => {
  const backend = cpuBackend('float64');
  const narrow = { inputs: 12, outputs: 3 };
  for (const options of [{ oversample: 20 }, { fresh: 15 }]) {
    const layer = only(nysactMethod({ rank: 10, policy: 'track', ...options }), backend, narrow);
    expect(layer.diagnostics.rank).toBe(10);
  }
});

test('an override may leave the policy whose options all have', () => {
  const overrides = { layer: { policy: 'restart' } } as const;
  const backend = cpuBackend('float64');
  const method = nysactMethod({ ...SHARED, policy: 'track', carry: true, fresh: 1, overrides });
  const { layers } = start(method, backend, [{ name: 'layer', ...SIZE }]);
  observe(backend, layers[0], WINDOWS[0][0]);
  layers[0].refresh();
  expect(numberOf(layers[0], 'C/updates')).toBe(0);
});

test.each<[string, NysactOptions, string]>([
  ['fresh columns', { fresh: 1 }, "fresh is 1 under policy 'restart', expected policy 'track'"],
  [
    'carrying',
    { policy: 'fixed', carry: true },
    "carry is true under policy 'fixed', expected policy 'track'",
  ],
  [
    'columns of the diagonal that stay',
    { policy: 'fixed', sketch: 'diagonal' },
    "sketch is 'diagonal' under policy 'fixed', expected a policy that draws anew",
  ],
])('%s are refused where they mean nothing', (_, options, message) => {
  expect(() => layerOn(cpuBackend('float64'), options)).toThrow(message);
});
