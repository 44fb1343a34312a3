// What a breakdown costs each preconditioner, and when a refresh that reads later takes effect.

import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { NonFiniteError, PreconditionerError } from '../../src/core/errors.js';
import { randomKey } from '../../src/core/random.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { LayerPreconditioner } from '../../src/precondition/layer.js';
import type { Method } from '../../src/precondition/method.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import type { SketchSource } from '../../src/precondition/sketching.js';
import { skfacMethod } from '../../src/precondition/skfac.js';
import { publishedFoofMethod } from '../../src/published/foof.js';
import { publishedKfacMethod } from '../../src/published/kfac.js';
import { publishedNysactMethod } from '../../src/published/nysact.js';
import { slotRows } from '../../src/rows/dense.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import { denseSketch } from '../../src/sketch/sketch.js';
import { asyncBackend, gatedBackend, placeRounded } from '../support/backends.js';
import { build, filled } from '../support/matrices.js';
import { oneSidedMethod } from './one-sided-method.js';
import { forbidUnhandledRejections } from './rejections.js';
import {
  apply,
  numberOf,
  observe,
  only,
  preconditioned,
  putBack,
  type Run,
  randomBatch,
  randomGradient,
  slotOf,
  snapshot,
  start,
} from './runs.js';

type F64 = 'float64';

const SIZE = { inputs: 6, outputs: 2 };
const G = randomGradient(1, SIZE);

forbidUnhandledRejections();

/** Every preconditioner that refreshes. */
const SHARED = { damping: 0.5, maxFailures: 3 };
const REFRESHING: readonly [string, () => Method][] = [
  ['NysAct, restart', () => nysactMethod({ ...SHARED, rank: 3 })],
  ['NysAct, fixed', () => nysactMethod({ ...SHARED, rank: 3, policy: 'fixed', tail: true })],
  [
    'NysAct, power, fixed',
    () => nysactMethod({ ...SHARED, rank: 3, sketch: 'power', policy: 'fixed' }),
  ],
  ['published NysAct', () => publishedNysactMethod({ ...SHARED, rank: 3 })],
  ['FOOF', () => foofMethod(SHARED)],
  ['published FOOF', () => publishedFoofMethod(SHARED)],
  ['KFAC', () => kfacMethod(SHARED)],
  ['KFAC, factored', () => kfacMethod({ ...SHARED, inverse: 'factored' })],
  ['published KFAC', () => publishedKfacMethod(SHARED)],
  ['SKFAC', () => skfacMethod({ ...SHARED, examples: 16 })],
  ['a one-sided method', () => ({ ...oneSidedMethod(0.5), maxFailures: 3 })],
];

/** Shows the layer a batch that a device could not tell from a good one. */
function observeNaN(backend: Backend<F64>, layer: LayerPreconditioner<F64>): void {
  const { X, D } = randomBatch(9, 5, SIZE);
  X.set(1, 2, Number.NaN);
  D.set(1, 1, Number.NaN);
  layer.observe({
    X: slotRows(backend, placeRounded(backend, X)),
    D: slotRows(backend, placeRounded(backend, D)),
    G: placeRounded(backend, filled(2, 6, Number.NaN)),
    examples: 5,
  });
}

/** Shows a run's only layer a batch. */
function show({ backend, layers }: Run<F64>, seed: number): void {
  observe(backend, layers[0], randomBatch(seed, 8, SIZE));
}

describe.each(REFRESHING)('%s', (_, make) => {
  const begin = (backend: Backend<F64> = cpuBackend('float64')): Run<F64> =>
    start(make(), backend, [{ name: 'dense', ...SIZE }]);
  const backends = [
    ['reads at once', () => cpuBackend('float64')],
    ['reads later', () => asyncBackend('float64')],
  ] as const;

  describe.each(backends)('%s', (__, backendOf) => {
    test('NaN costs a window, not the factor; the next window is as good as a first', async () => {
      const run = begin(backendOf());
      const [layer] = run.layers;
      show(run, 1);
      layer.refresh();
      await layer.flush();
      const good = await preconditioned(run, 1);
      observeNaN(run.backend, layer);
      layer.refresh();
      await layer.flush();
      expect(layer.diagnostics.failures).toBe(1);
      expect(await preconditioned(run, 1)).toEqual(good);
      show(run, 2);
      layer.refresh();
      await layer.flush();
      expect(layer.diagnostics.failures).toBe(1);
      const next = await preconditioned(run, 1);
      expect(next).not.toEqual(good);
      expect(next[0].data.every(Number.isFinite)).toBe(true);
    });

    test('a state exported after a discarded window can be restored', async () => {
      const run = begin(backendOf());
      const [layer] = run.layers;
      observeNaN(run.backend, layer);
      layer.refresh();
      await layer.flush();
      const copy = begin(backendOf());
      putBack(copy, await snapshot(run));
      for (const { layers } of [run, copy]) {
        show(layers === run.layers ? run : copy, 3);
        layers[0].refresh();
        await layers[0].flush();
      }
      expect(await preconditioned(copy, 1)).toEqual(await preconditioned(run, 1));
    });

    test('after maxFailures windows of NaN in a row the error names layer and cause', async () => {
      const run = begin(backendOf());
      const [layer] = run.layers;
      const fail = async () => {
        observeNaN(run.backend, layer);
        layer.refresh();
        await layer.flush();
      };
      await fail();
      await fail();
      show(run, 1);
      layer.refresh();
      await layer.flush();
      await fail();
      await fail();
      const error = await fail().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(PreconditionerError);
      expect(error).toMatchObject({ failures: 3 });
      expect(String(error)).toMatch(/layer 'dense': the refresh broke down 3 times in a row/);
      expect(error instanceof Error && error.cause).toBeInstanceOf(NonFiniteError);
      // Whoever goes on all the same begins with a clean window.
      const { failures } = layer.diagnostics;
      expect(failures).toBe(5);
      show(run, 2);
      layer.refresh();
      await layer.flush();
      expect(layer.diagnostics.failures).toBe(failures);
    });
  });

  test('a refresh takes effect when its read arrives, with what had been observed before it', async () => {
    const { backend, close, open } = gatedBackend('float64');
    const [later, atOnce] = [begin(backend), begin()];
    // The first refresh of the published FOOF changes nothing.
    for (const run of [later, atOnce]) {
      show(run, 0);
      run.layers[0].refresh();
      await run.layers[0].flush();
    }
    const [layer] = later.layers;
    const before = await preconditioned(later, 1);
    show(later, 1);
    const release = close();
    layer.refresh();
    open();
    // In flight: P stays, more can be observed, and another refresh does nothing.
    expect(await preconditioned(later, 1)).toEqual(before);
    show(later, 2);
    layer.refresh();
    expect(await preconditioned(later, 1)).toEqual(before);
    release();
    await layer.flush();

    show(atOnce, 1);
    atOnce.layers[0].refresh();
    const expected = await preconditioned(atOnce, 1);
    expect(expected).not.toEqual(before);
    expect(await preconditioned(later, 1)).toEqual(expected);
    show(atOnce, 2);
    for (const { layers } of [later, atOnce]) {
      layers[0].refresh();
      await layers[0].flush();
    }
    expect(await preconditioned(later, 1)).toEqual(await preconditioned(atOnce, 1));
    expect(await snapshot(later)).toEqual(await snapshot(atOnce));
  });
});

/** Good sketches, but columns of zeros where `draw` is one of `bad`. */
const sometimesZero =
  (bad: readonly number[]): SketchSource =>
  ({ draw, shape, dtype }) => {
    const sketch = drawSketch('gaussian', shape, dtype, randomKey(draw));
    const S = denseSketch(sketch, dtype);
    if (bad.includes(draw)) for (let i = 0; i < S.rows; i++) S.set(i, 1, 0);
    return { kind: 'dense', ...shape, S };
  };

describe('NysAct', () => {
  test('NaN in a window that is still being read costs that window, not the one after', async () => {
    const { backend, close, open } = gatedBackend('float64');
    const layer = only(nysactMethod({ rank: 3, tail: true }), backend, SIZE);
    observeNaN(backend, layer);
    const release = close();
    layer.refresh();
    open();
    observe(backend, layer, randomBatch(1, 8, SIZE));
    release();
    await layer.flush();
    expect(layer.diagnostics.failures).toBe(1);
    expect(numberOf(layer, 'C/updates')).toBe(1);
    layer.refresh();
    await layer.flush();
    expect(layer.diagnostics.failures).toBe(1);
    expect(await apply(backend, layer, G)).not.toEqual(G);
  });

  test('a singular sketch keeps the last good factor and what it reported, and is counted', async () => {
    const backend = cpuBackend('float64');
    const sketch = sometimesZero([1, 2, 4, 5, 6]);
    const layer = only(nysactMethod({ rank: 3, sketch, maxFailures: 3 }), backend, SIZE);
    const step = (seed: number) => {
      observe(backend, layer, randomBatch(seed, 8, SIZE));
      layer.refresh();
    };
    step(0);
    const [P, { failures: none, ...found }] = [await apply(backend, layer, G), layer.diagnostics];
    expect(none).toBe(0);
    for (const draw of [1, 2]) {
      step(draw);
      expect(await apply(backend, layer, G)).toEqual(P);
      expect(layer.diagnostics).toEqual({ ...found, failures: draw, refreshes: 1 });
    }
    step(3);
    expect(layer.diagnostics.failures).toBe(2);
    expect(await apply(backend, layer, G)).not.toEqual(P);
    step(4);
    step(5);
    expect(() => step(6)).toThrow(
      /layer 'layer': the refresh broke down 3 times in a row: NotPositive/,
    );
  });
});

describe('FOOF', () => {
  test('an average that is not positive keeps the last good inverse', async () => {
    const backend = cpuBackend('float64');
    const layer = only(foofMethod({ damping: 0.5 }), backend, SIZE);
    observe(backend, layer, randomBatch(1, 8, SIZE));
    layer.refresh();
    const P = await apply(backend, layer, G);
    backend.write(
      slotOf(layer, 'A/average'),
      build(6, 6, (i, j) => (i === j ? -1 : 0)),
    );
    layer.refresh();
    expect(layer.diagnostics.failures).toBe(1);
    expect(await apply(backend, layer, G)).toEqual(P);
  });
});

test.each(REFRESHING)('%s: observing alone changes no P', async (_, make) => {
  const backend = cpuBackend('float64');
  const layer = only(make(), backend, SIZE);
  const before = await apply(backend, layer, G);
  observe(backend, layer, randomBatch(1, 8, SIZE));
  expect(await apply(backend, layer, G)).toEqual(before);
});

describe('Eva', () => {
  test('means that hold NaN are started anew at the next refresh, and counted', async () => {
    const backend = cpuBackend('float64');
    const layer = only(evaMethod({ damping: 0.5, maxFailures: 2 }), backend, SIZE);
    const fresh = await apply(backend, layer, G);
    observeNaN(backend, layer);
    expect((await apply(backend, layer, G)).data.some(Number.isNaN)).toBe(true);
    layer.refresh();
    expect(layer.diagnostics.failures).toBe(1);
    expect(await apply(backend, layer, G)).toEqual(fresh);
    observeNaN(backend, layer);
    expect(() => layer.refresh()).toThrow(PreconditionerError);
  });
});
