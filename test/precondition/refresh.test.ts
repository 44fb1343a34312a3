// Refreshes that break down, and refreshes whose reads arrive later.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { engineFrom } from '../../src/backend/compose.js';
import { cpuBackend, cpuEngine } from '../../src/backend/cpu.js';
import type { AsyncEngine, Engine } from '../../src/backend/engine.js';
import { restoreState } from '../../src/backend/state.js';
import {
  NonFiniteError,
  NotConvergedError,
  NotPositiveDefiniteError,
  PreconditionerError,
} from '../../src/core/errors.js';
import { randomKey } from '../../src/core/random.js';
import { foofPreconditioner } from '../../src/precondition/foof.js';
import { kfacPreconditioner } from '../../src/precondition/kfac.js';
import { nysactPreconditioner, type SketchSource } from '../../src/precondition/nysact.js';
import type { LayerPreconditioner } from '../../src/precondition/preconditioner.js';
import { RefreshDriver, type RefreshJob } from '../../src/precondition/refresh.js';
import { denseSketch, drawSketch } from '../../src/sketch/sketch.js';
import { asyncBackend } from '../support/backends.js';
import { build } from '../support/matrices.js';
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

/**
 * An engine, and a gate: reads that are made while it is closed wait for the release that `close`
 * returned; those made after `open` do not.
 */
function gatedEngine(): { engine: AsyncEngine<F64>; close: () => () => void; open: () => void } {
  const backend = cpuBackend('float64');
  let gate = Promise.resolve();
  return {
    engine: engineFrom({
      ...backend,
      reading: 'async',
      async read(A) {
        const content = backend.read(A);
        await gate;
        return content;
      },
    }),
    close() {
      let release = (): void => {};
      gate = new Promise((resolve) => {
        release = resolve;
      });
      return () => release();
    },
    open() {
      gate = Promise.resolve();
    },
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
beforeEach(() => process.on('unhandledRejection', note));
afterEach(async () => {
  await turn();
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

describe('the driver', () => {
  const sync = cpuEngine('float64');
  const slot = place(
    sync,
    build(2, 2, () => 1),
  );
  const good: RefreshJob<F64> = { reads: [], compute: () => () => {}, discard: () => {} };
  const failing = (error: unknown): RefreshJob<F64> => ({
    ...good,
    compute() {
      throw error;
    },
  });
  const breakdowns = [
    new NotPositiveDefiniteError(1, -1),
    new NotConvergedError('eigh', 30),
    new NonFiniteError('something'),
  ];

  test('reads first, computes from copies, then installs', () => {
    const driver = new RefreshDriver(sync, 'layer', 3);
    const order: unknown[] = [];
    driver.run({
      reads: [slot, slot],
      compute(matrices) {
        order.push(matrices.map((A) => A.toArrays()));
        matrices[0].set(0, 0, 5);
        return () => order.push('installed');
      },
      discard: () => order.push('discarded'),
    });
    const ones = [
      [1, 1],
      [1, 1],
    ];
    expect(order).toEqual([[ones, ones], 'installed']);
    expect(sync.read(slot).toArrays()).toEqual(ones);
  });

  test('survives breakdowns, counts them, and gives up after so many in a row', () => {
    const driver = new RefreshDriver(sync, "layer 'conv'", 3);
    driver.run(failing(breakdowns[0]));
    driver.run(failing(breakdowns[1]));
    expect(driver.failures).toBe(2);
    driver.run(good);
    driver.run(failing(breakdowns[2]));
    driver.run(failing(breakdowns[1]));
    expect(driver.failures).toBe(4);
    const last = () => driver.run(failing(breakdowns[0]));
    expect(last).toThrow(PreconditionerError);
    expect(driver.failures).toBe(5);
    expect(last).toThrow(/^layer 'conv': the refresh broke down 4 times in a row: .*pivot 1/);
    driver.run(good);
    expect(() => driver.run(failing(breakdowns[0]))).not.toThrow();
  });

  test('names the cause', () => {
    const driver = new RefreshDriver(sync, 'layer', 1);
    let caught: unknown;
    try {
      driver.run(failing(breakdowns[0]));
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(PreconditionerError);
    expect(caught).toMatchObject({ cause: breakdowns[0], failures: 1 });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'discards what holds %d without computing from it',
    (bad) => {
      const driver = new RefreshDriver(sync, 'layer', 3);
      const broken = place(
        sync,
        build(2, 2, (i, j) => (i + j === 2 ? bad : 1)),
      );
      let discarded = 0;
      driver.run({
        ...failing(new Error('computed')),
        reads: [slot, broken],
        discard: () => discarded++,
      });
      expect([discarded, driver.failures]).toEqual([1, 1]);
    },
  );

  test('what is no breakdown is thrown as it is, and not counted', async () => {
    const misuse = new RangeError('a wrong shape');
    const driver = new RefreshDriver(sync, 'layer', 1);
    expect(() => driver.run(failing(misuse))).toThrow(misuse);
    expect(driver.failures).toBe(0);
    const later = new RefreshDriver(gatedEngine().engine, 'layer', 1);
    later.run(failing(misuse));
    await expect(later.flush()).rejects.toBe(misuse);
    await later.flush();
  });

  test('an error that came later surfaces once, at the next run or at a flush', async () => {
    const { engine } = gatedEngine();
    const driver = new RefreshDriver(engine, 'layer', 1);
    driver.run(failing(breakdowns[0]));
    expect(driver.inFlight).toBe(true);
    await turn();
    expect(driver.inFlight).toBe(false);
    let computed = 0;
    const counting = { ...good, compute: () => () => computed++ };
    expect(() => driver.run(counting)).toThrow(PreconditionerError);
    await turn();
    expect(computed).toBe(0);
    driver.run(counting);
    await driver.flush();
    expect(computed).toBe(1);
  });

  test('a read that fails surfaces like any error', async () => {
    const lost = new Error('the device is lost');
    const backend = asyncBackend('float64');
    const engine = engineFrom({ ...backend, read: () => Promise.reject(lost) });
    const driver = new RefreshDriver(engine, 'layer', 1);
    driver.run({ ...good, reads: [engine.allocate(1, 1)] });
    await expect(driver.flush()).rejects.toBe(lost);
    expect(driver.inFlight).toBe(false);
  });
});

/** Preconditioners that refresh, with the name of what they average. */
const REFRESHING = [
  ['NysAct, restart', 'C', () => nysactPreconditioner({ rank: 3, damping: 0.5, maxFailures: 3 })],
  [
    'NysAct, fixed',
    'C',
    () =>
      nysactPreconditioner({ rank: 3, damping: 0.5, maxFailures: 3, policy: 'fixed', tail: true }),
  ],
  [
    'NysAct, reference',
    'C',
    () => nysactPreconditioner({ rank: 3, damping: 0.5, maxFailures: 3, variant: 'reference' }),
  ],
  ['FOOF', 'A', () => foofPreconditioner({ damping: 0.5, maxFailures: 3 })],
  ['KFAC', 'A', () => kfacPreconditioner({ damping: 0.5, maxFailures: 3 })],
  [
    'KFAC, factored',
    'B',
    () => kfacPreconditioner({ damping: 0.5, maxFailures: 3, inverse: 'factored' }),
  ],
  [
    'KFAC, reference',
    'A',
    () => kfacPreconditioner({ damping: 0.5, maxFailures: 3, variant: 'reference' }),
  ],
] as const;

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

describe.each(REFRESHING)('%s', (_, _average, make) => {
  const begin = (engine: Engine<F64> = cpuEngine('float64')): Run<F64> =>
    start(make(), engine, [{ name: 'dense', ...SIZE }]);
  const show = ({ engine, layers }: Run<F64>, seed: number) => {
    observe(engine, layers[0], randomBatch(seed, 8, SIZE));
  };
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
    const { engine, close, open } = gatedEngine();
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

describe('NysAct', () => {
  test('NaN in a window that is still being read costs that window, not the one after', async () => {
    const { engine, close, open } = gatedEngine();
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

  /** Good sketches, but columns of zeros where `draw` is one of `bad`. */
  const sometimesZero =
    (bad: readonly number[]): SketchSource =>
    ({ draw, shape, dtype }) => {
      const sketch = drawSketch('gaussian', shape, dtype, randomKey(draw));
      const S = denseSketch(sketch, dtype);
      if (bad.includes(draw)) for (let i = 0; i < S.rows; i++) S.set(i, 1, 0);
      return { kind: 'gaussian', ...shape, S };
    };

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

test.each(REFRESHING)('%s: observing alone changes no P', async (_, __, make) => {
  const engine = cpuEngine('float64');
  const layer = only(make(), engine, SIZE);
  const before = await apply(engine, layer, G);
  observe(engine, layer, randomBatch(1, 8, SIZE));
  expect(await apply(engine, layer, G)).toEqual(before);
});
