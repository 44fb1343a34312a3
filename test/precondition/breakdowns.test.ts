// What a breakdown costs each preconditioner, and when a refresh that reads later takes effect.

import { describe, expect, test } from 'vitest';
import { engineFrom } from '../../src/backend/compose.js';
import { cpuEngine } from '../../src/backend/cpu.js';
import type { Engine } from '../../src/backend/engine.js';
import { restoreState } from '../../src/backend/state.js';
import { NonFiniteError, PreconditionerError } from '../../src/core/errors.js';
import { randomKey } from '../../src/core/random.js';
import { evaPreconditioner } from '../../src/precondition/eva.js';
import { foofPreconditioner } from '../../src/precondition/foof.js';
import { kfacPreconditioner } from '../../src/precondition/kfac.js';
import { nysactPreconditioner, type SketchSource } from '../../src/precondition/nysact.js';
import type { LayerPreconditioner, Preconditioner } from '../../src/precondition/preconditioner.js';
import { denseSketch, drawSketch } from '../../src/sketch/sketch.js';
import { asyncBackend, gatedBackend } from '../support/backends.js';
import { build } from '../support/matrices.js';
import { forbidUnhandledRejections } from './rejections.js';
import {
  apply,
  entriesOf,
  numberOf,
  observe,
  only,
  place,
  preconditioned,
  type Run,
  randomBatch,
  randomGradient,
  snapshot,
  start,
} from './runs.js';

type F64 = 'float64';

const SIZE = { inputs: 6, outputs: 2 };
const G = randomGradient(1, SIZE);

forbidUnhandledRejections();

/** Every preconditioner that refreshes. */
const SHARED = { damping: 0.5, maxFailures: 3 };
const REFRESHING: readonly [string, () => Preconditioner][] = [
  ['NysAct, restart', () => nysactPreconditioner({ ...SHARED, rank: 3 })],
  [
    'NysAct, fixed',
    () => nysactPreconditioner({ ...SHARED, rank: 3, policy: 'fixed', tail: true }),
  ],
  ['NysAct, reference', () => nysactPreconditioner({ ...SHARED, rank: 3, variant: 'reference' })],
  ['FOOF', () => foofPreconditioner(SHARED)],
  ['KFAC', () => kfacPreconditioner(SHARED)],
  ['KFAC, factored', () => kfacPreconditioner({ ...SHARED, inverse: 'factored' })],
  ['KFAC, reference', () => kfacPreconditioner({ ...SHARED, variant: 'reference' })],
];

/** Shows the layer a batch that a device could not tell from a good one. */
function observeNaN(engine: Engine<F64>, layer: LayerPreconditioner<F64>): void {
  const { X, D } = randomBatch(9, 5, SIZE);
  X.set(1, 2, Number.NaN);
  D.set(1, 1, Number.NaN);
  layer.observe({
    X: place(engine, X),
    D: place(engine, D),
    rootWeights: place(
      engine,
      build(5, 1, () => 1),
    ),
    rows: 5,
    examples: 5,
  });
}

/** Shows a run's only layer a batch. */
function show({ engine, layers }: Run<F64>, seed: number): void {
  observe(engine, layers[0], randomBatch(seed, 8, SIZE));
}

describe.each(REFRESHING)('%s', (_, make) => {
  const begin = (engine: Engine<F64> = cpuEngine('float64')): Run<F64> =>
    start(make(), engine, [{ name: 'dense', ...SIZE }]);
  const engines = [
    ['reads at once', () => cpuEngine('float64')],
    ['reads later', () => engineFrom(asyncBackend('float64'))],
  ] as const;

  describe.each(engines)('%s', (__, engineOf) => {
    test('NaN costs a window, not the factor; the next window is as good as a first', async () => {
      const run = begin(engineOf());
      const [layer] = run.layers;
      show(run, 1);
      layer.refresh();
      await layer.flush();
      const good = await preconditioned(run, 1);
      observeNaN(run.engine, layer);
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
      const run = begin(engineOf());
      const [layer] = run.layers;
      observeNaN(run.engine, layer);
      layer.refresh();
      await layer.flush();
      const copy = begin(engineOf());
      restoreState(copy.engine, entriesOf(copy), await snapshot(run));
      for (const { layers } of [run, copy]) {
        show(layers === run.layers ? run : copy, 3);
        layers[0].refresh();
        await layers[0].flush();
      }
      expect(await preconditioned(copy, 1)).toEqual(await preconditioned(run, 1));
    });

    test('after maxFailures windows of NaN in a row the error names layer and cause', async () => {
      const run = begin(engineOf());
      const [layer] = run.layers;
      const fail = async () => {
        observeNaN(run.engine, layer);
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
    const engine = engineFrom(backend);
    const [later, atOnce] = [begin(engine), begin()];
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
    return { kind: 'gaussian', ...shape, S };
  };

describe('NysAct', () => {
  test('NaN in a window that is still being read costs that window, not the one after', async () => {
    const { backend, close, open } = gatedBackend('float64');
    const engine = engineFrom(backend);
    const layer = only(nysactPreconditioner({ rank: 3, tail: true }), engine, SIZE);
    observeNaN(engine, layer);
    const release = close();
    layer.refresh();
    open();
    observe(engine, layer, randomBatch(1, 8, SIZE));
    release();
    await layer.flush();
    expect(layer.diagnostics.failures).toBe(1);
    expect(numberOf(layer, 'C/updates')).toBe(1);
    layer.refresh();
    await layer.flush();
    expect(layer.diagnostics.failures).toBe(1);
    expect(await apply(engine, layer, G)).not.toEqual(G);
  });

  test('a singular sketch keeps the last good factor and what it reported, and is counted', async () => {
    const engine = cpuEngine('float64');
    const sketch = sometimesZero([1, 2, 4, 5, 6]);
    const layer = only(nysactPreconditioner({ rank: 3, sketch, maxFailures: 3 }), engine, SIZE);
    const step = (seed: number) => {
      observe(engine, layer, randomBatch(seed, 8, SIZE));
      layer.refresh();
    };
    step(0);
    const [P, { failures: none, ...found }] = [await apply(engine, layer, G), layer.diagnostics];
    expect(none).toBe(0);
    for (const draw of [1, 2]) {
      step(draw);
      expect(await apply(engine, layer, G)).toEqual(P);
      expect(layer.diagnostics).toEqual({ ...found, failures: draw });
    }
    step(3);
    expect(layer.diagnostics.failures).toBe(2);
    expect(await apply(engine, layer, G)).not.toEqual(P);
    step(4);
    step(5);
    expect(() => step(6)).toThrow(
      /layer 'layer': the refresh broke down 3 times in a row: NotPositive/,
    );
  });
});

describe('FOOF', () => {
  test('an average that is not positive keeps the last good inverse', async () => {
    const engine = cpuEngine('float64');
    const layer = only(foofPreconditioner({ damping: 0.5 }), engine, SIZE);
    observe(engine, layer, randomBatch(1, 8, SIZE));
    layer.refresh();
    const P = await apply(engine, layer, G);
    const average = layer.state.find(({ name }) => name === 'A/average');
    if (average === undefined || !('slot' in average)) throw new TypeError('no average');
    engine.write(
      average.slot,
      build(6, 6, (i, j) => (i === j ? -1 : 0)),
    );
    layer.refresh();
    expect(layer.diagnostics.failures).toBe(1);
    expect(await apply(engine, layer, G)).toEqual(P);
  });
});

test.each(REFRESHING)('%s: observing alone changes no P', async (_, make) => {
  const engine = cpuEngine('float64');
  const layer = only(make(), engine, SIZE);
  const before = await apply(engine, layer, G);
  observe(engine, layer, randomBatch(1, 8, SIZE));
  expect(await apply(engine, layer, G)).toEqual(before);
});

describe('Eva', () => {
  test('means that hold NaN are started anew at the next refresh, and counted', async () => {
    const engine = cpuEngine('float64');
    const layer = only(evaPreconditioner({ damping: 0.5, maxFailures: 2 }), engine, SIZE);
    const fresh = await apply(engine, layer, G);
    observeNaN(engine, layer);
    expect((await apply(engine, layer, G)).data.some(Number.isNaN)).toBe(true);
    layer.refresh();
    expect(layer.diagnostics.failures).toBe(1);
    expect(await apply(engine, layer, G)).toEqual(fresh);
    observeNaN(engine, layer);
    expect(() => layer.refresh()).toThrow(PreconditionerError);
  });
});
