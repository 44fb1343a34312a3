// A network's preconditioners: cadence, bias columns, KL clip, and no half-made changes.

import { beforeEach, describe, expect, test } from 'vitest';
import { type CpuEngine, cpuEngine } from '../../src/backend/cpu.js';
import type { Slot } from '../../src/backend/slot.js';
import { exportState } from '../../src/backend/state.js';
import { EPSILON } from '../../src/core/dtype.js';
import type { DenseMatrix } from '../../src/core/matrix.js';
import { evaPreconditioner } from '../../src/precondition/eva.js';
import { foofPreconditioner } from '../../src/precondition/foof.js';
import { kfacPreconditioner } from '../../src/precondition/kfac.js';
import {
  type LayerParameters,
  type NetworkOptions,
  NetworkPreconditioner,
} from '../../src/precondition/network.js';
import type {
  LayerPreconditioner,
  Observation,
  Preconditioner,
} from '../../src/precondition/preconditioner.js';
import { build, combine, gaussian, inner, uniform } from '../support/matrices.js';
import { observed, place, randomBatch } from './runs.js';

type F64 = 'float64';

/** Weights, biases and two parameters that belong to no layer. */
const PARAMETERS = [
  { rows: 4, cols: 3 }, // 0: weight of the first layer
  { rows: 2, cols: 2 }, // 1: free
  { rows: 4, cols: 1 }, // 2: bias of the first
  { rows: 2, cols: 4 }, // 3: weight of the second, which has no bias
  { rows: 5, cols: 1 }, // 4: free
];
const LAYERS: readonly LayerParameters[] = [{ name: 'hidden', weight: 0, bias: 2 }, { weight: 3 }];
const SIZES = [
  { inputs: 4, outputs: 4 },
  { inputs: 4, outputs: 2 },
];

let engine: CpuEngine<F64>;
beforeEach(() => {
  engine = cpuEngine('float64');
});

const network = (
  preconditioner: Preconditioner,
  options: NetworkOptions = {},
  layers: readonly LayerParameters[] = LAYERS,
) => new NetworkPreconditioner(engine, preconditioner, PARAMETERS, layers, options);

const gradientsOf = (seed: number): Slot<F64>[] =>
  PARAMETERS.map(({ rows, cols }, i) => place(engine, gaussian(uniform(seed + i), rows, cols)));

const observationsOf = (seed: number): Observation<F64>[] =>
  SIZES.map((size, i) => observed(engine, randomBatch(seed + i, 6, size)));

const contents = (slots: readonly Slot<F64>[]) => slots.map((slot) => engine.read(slot));

/** [W b] */
const joined = (W: DenseMatrix<F64>, b: DenseMatrix<F64>) =>
  build(W.rows, W.cols + 1, (i, j) => (j < W.cols ? W.at(i, j) : b.at(i, 0)));

/** Notes what it is told, and answers with `factor`·G. */
function recorder(
  factors: readonly number[] = [2, 2],
): Preconditioner & { readonly log: string[] } {
  const log: string[] = [];
  return {
    name: 'recorder',
    observesGradients: true,
    log,
    init: (on, shapes) =>
      shapes.map(({ name, inputs, outputs }, i): LayerPreconditioner<typeof on.dtype> => {
        log.push(`${name} ${outputs}×${inputs}`);
        return {
          observe: () => log.push(`observe ${name}`),
          refresh: () => log.push(`refresh ${name}`),
          flush: () => Promise.resolve(),
          precondition: (G, P) => on.axpby(factors[i], G, 0, P),
          diagnostics: { failures: i },
          state: [],
        };
      }),
  };
}

describe('cadence', () => {
  test.each([
    [1, 1],
    [2, 3],
    [3, 2],
    [5, 50],
  ])(
    'observes every %d and refreshes every %d steps, both at 0, observing first',
    (tauCov, tauInv) => {
      const { log, ...preconditioner } = recorder();
      const both = network(preconditioner, { observeEvery: tauCov, refreshEvery: tauInv });
      expect(log.splice(0)).toEqual(['hidden 4×4', '1 2×4']);
      for (let k = 0; k < 13; k++) {
        const looks = k % tauCov === 0;
        expect(both.needs(k)).toEqual({ inputs: looks, outputGradients: looks });
        both.update(k, gradientsOf(k), observationsOf(k));
        expect(log.splice(0)).toEqual([
          ...(looks ? ['observe hidden', 'observe 1'] : []),
          ...(k % tauInv === 0 ? ['refresh hidden', 'refresh 1'] : []),
        ]);
      }
    },
  );

  test('defaults: every 5 and every 50', () => {
    const { log, ...preconditioner } = recorder();
    const both = network(preconditioner);
    const seen: string[] = [];
    for (let k = 0; k <= 100; k++) {
      log.length = 0;
      both.update(k, gradientsOf(k), observationsOf(k));
      seen.push(`${log.includes('observe 1') ? 'o' : ''}${log.includes('refresh 1') ? 'r' : ''}`);
    }
    expect(seen.flatMap((what, k) => (what === '' ? [] : [k]))).toEqual(
      Array.from({ length: 21 }, (_, i) => 5 * i),
    );
    expect(seen.flatMap((what, k) => (what.includes('r') ? [k] : []))).toEqual([0, 50, 100]);
  });

  test('asks for nothing that is not looked at', () => {
    expect(network(foofPreconditioner()).needs(0)).toEqual({
      inputs: true,
      outputGradients: false,
    });
    expect(network(recorder(), {}, []).needs(0)).toEqual({ inputs: false, outputGradients: false });
  });
});

describe('gradients', () => {
  test('weight and bias are preconditioned as one matrix, and what is in no layer stays', () => {
    const both = network(foofPreconditioner({ damping: 0.3 }));
    const single = foofPreconditioner({ damping: 0.3 }).init(engine, [
      { name: 'a', ...SIZES[0] },
      { name: 'b', ...SIZES[1] },
    ]);
    const gradients = gradientsOf(1);
    const before = contents(gradients);
    const observations = observationsOf(2);
    both.update(0, gradients, observations);
    single.forEach((layer, i) => {
      layer.observe(observations[i]);
      layer.refresh();
    });
    const after = contents(gradients);
    expect([after[1], after[4]]).toEqual([before[1], before[4]]);
    const expected = [joined(before[0], before[2]), before[3]].map((G, i) => {
      const P = engine.allocate(G.rows, G.cols);
      single[i].precondition(place(engine, G), P);
      return engine.read(P);
    });
    expect([joined(after[0], after[2]), after[3]]).toEqual(expected);
    expect(after[3]).not.toEqual(before[3]);
  });

  test('layers of one shape do not get into each other’s way', () => {
    const layers = [{ weight: 0 }, { weight: 1 }, { weight: 2 }];
    const parameters = layers.map(() => ({ rows: 3, cols: 2 }));
    const three = new NetworkPreconditioner(engine, recorder([2, 3, 4]), parameters, layers);
    const gradients = layers.map((_, i) => place(engine, gaussian(uniform(i), 3, 2)));
    const before = contents(gradients);
    three.update(1, gradients, []);
    expect(contents(gradients)).toEqual(before.map((G, i) => combine(2 + i, G, 0, G)));
    // One G and one P for the shape, and the clip's sum.
    expect(three.workspace.length).toBe(3);
    expect(network(recorder()).workspace.length).toBe(5);
  });

  test('a layer without an observation keeps its averages', async () => {
    const both = network(kfacPreconditioner(), { observeEvery: 1, refreshEvery: 1 });
    both.update(0, gradientsOf(1), observationsOf(1));
    const before = await exportState(engine, both.state);
    both.update(1, gradientsOf(1), [undefined, observationsOf(2)[1]]);
    const after = await exportState(engine, both.state);
    for (const name of Object.keys(before)) {
      if (name.startsWith('0/')) expect(after[name]).toEqual(before[name]);
    }
    expect(after['1/A/average']).not.toEqual(before['1/A/average']);
    both.update(2, gradientsOf(1), []);
    expect((await exportState(engine, both.state))['1/A/average']).toEqual(after['1/A/average']);
  });
});

describe('the KL clip', () => {
  const eta = 0.1;
  const clipped = (limit: number, factors: readonly number[], learningRate = () => eta) => {
    const both = network(recorder(factors), { klClip: { limit, learningRate } });
    const gradients = gradientsOf(5);
    const before = contents(gradients);
    both.update(1, gradients, []);
    const P = contents(gradients);
    const G = [joined(before[0], before[2]), before[3]];
    const sum = factors.reduce((total, factor, i) => total + factor * inner(G[i], G[i]), 0);
    return { before, P, sum };
  };
  /** Times eps: the roundings of a sum over 24 products, of its root and of the product with it. */
  const C_CLIP = 64;

  test.each([1e-3, 1, 1e6])('κ = %d: every layer times min(1, √(κ/(η²Σ⟨P,G⟩)))', (limit) => {
    const { before, P, sum } = clipped(limit, [2, 3]);
    const factor = Math.min(1, Math.sqrt(limit / (eta ** 2 * sum)));
    expect(factor < 1).toBe(limit < 1);
    [2, 0, 2, 3, 0].forEach((scale, index) => {
      const expected =
        scale === 0 ? before[index] : combine(scale * factor, before[index], 0, before[index]);
      const error = Math.sqrt(
        inner(combine(1, P[index], -1, expected), combine(1, P[index], -1, expected)),
      );
      expect(error).toBeLessThanOrEqual(
        C_CLIP * EPSILON.float64 * (1 + Math.sqrt(inner(expected, expected))),
      );
    });
  });

  test.each([
    ['< 0', [-5, -5]],
    ['= 0', [0, 0]],
  ])('factor 1 where the sum is %s', (_, factors) => {
    const { before, P, sum } = clipped(1e-6, factors);
    expect(sum).toBeLessThanOrEqual(0);
    expect(P[3]).toEqual(combine(factors[1], before[3], 0, before[3]));
  });

  test('factor 1 where η = 0, as at the ends of warm-ups and cosines', () => {
    const { before, P } = clipped(1e-6, [2, 3], () => 0);
    expect(P[3]).toEqual(combine(3, before[3], 0, before[3]));
  });

  test('η is that of the step, and the sum of one step is not that of the next', () => {
    const learningRate = (step: number) => (step === 1 ? 1 : 1e-9);
    const both = network(recorder(), { klClip: { limit: 1e-2, learningRate } });
    const [first, second] = [gradientsOf(5), gradientsOf(5)];
    const [G] = contents(first.slice(3, 4));
    both.update(1, first, []);
    both.update(2, second, []);
    expect(Math.abs(engine.read(first[3]).at(0, 0))).toBeLessThan(0.1 * Math.abs(G.at(0, 0)));
    expect(engine.read(second[3])).toEqual(combine(2, G, 0, G));
  });
});

describe('misuse', () => {
  test.each([0, -1, 1.5, Number.NaN])('a cadence of %d is refused', (every) => {
    const expected = `is ${every}, expected an integer >= 1`;
    expect(() => network(recorder(), { observeEvery: every })).toThrow(
      new RangeError(`precondition: observeEvery ${expected}`),
    );
    expect(() => network(recorder(), { refreshEvery: every })).toThrow(
      new RangeError(`precondition: refreshEvery ${expected}`),
    );
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('a clip at %d is refused', (limit) => {
    expect(() => network(recorder(), { klClip: { limit, learningRate: () => 1 } })).toThrow(
      new RangeError(`precondition: klClip.limit is ${limit}, expected a finite number > 0`),
    );
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('a rate of %d is refused', (eta) => {
    const clip = { limit: 1, learningRate: (step: number) => (step === 7 ? eta : 0.1) };
    const both = network(recorder(), { klClip: clip });
    expect(() => both.check(6, [])).not.toThrow();
    expect(() => both.check(7, [])).toThrow(
      `precondition: klClip.learningRate of step 7 is ${eta}, expected a finite number >= 0`,
    );
  });

  test('more observations than layers are refused', () => {
    const both = network(recorder());
    const three = [...observationsOf(1), ...observationsOf(1)].slice(1);
    expect(() => both.check(0, three)).toThrow(
      new RangeError('observe: 3 observations, expected one for each of 2 layers'),
    );
  });

  test.each<[LayerParameters, string]>([
    [{ weight: 5 }, 'weight is 5, expected an integer >= 0 and <= 4'],
    [{ weight: -1 }, 'weight is -1, expected an integer >= 0 and <= 4'],
    [{ weight: 0.5 }, 'weight is 0.5, expected an integer >= 0 and <= 4'],
    [{ weight: 0, bias: 7 }, 'bias is 7, expected an integer >= 0 and <= 4'],
    [{ weight: 0, bias: 4 }, 'bias is 5×1, expected 4×1'],
    [{ weight: 0, bias: 3 }, 'bias is 2×4, expected 4×1'],
  ])('%o is refused', (layer, message) => {
    expect(() => network(recorder(), {}, [LAYERS[0], layer])).toThrow(
      new RangeError(`precondition: layer 1: ${message}`),
    );
  });

  describe('an observation that does not do for the second layer is found before the first is seen', () => {
    const nan = () =>
      place(
        engine,
        build(6, 4, (i, j) => (i === 5 && j === 3 ? Number.NaN : 1)),
      );
    const bad: readonly [string, () => Partial<Observation<F64>>, string][] = [
      ['X too wide', () => ({ X: engine.allocate(6, 5) }), "layer '1': X is 6×5, expected 6×4"],
      ['D too narrow', () => ({ D: engine.allocate(6, 1) }), "layer '1': D is 6×1, expected 6×2"],
      ['NaN in X', () => ({ X: nan() }), "layer '1': X holds NaN at row 5, column 3"],
      [
        'NaN in D',
        () => ({ D: engine.wrap(engine.read(nan()).view(0, 2, 6, 2)) }),
        "layer '1': D holds NaN",
      ],
      [
        'Infinity in rootWeights',
        () => ({
          rootWeights: place(
            engine,
            build(6, 1, () => Number.POSITIVE_INFINITY),
          ),
        }),
        "layer '1': rootWeights holds Infinity",
      ],
      ['no rows', () => ({ rows: 0 }), "layer '1': rows is 0, expected a finite number > 0"],
      ['another engine’s X', () => ({ X: cpuEngine('float64').allocate(6, 4) }), 'another engine'],
    ];

    test.each(bad)('%s', async (_, part, message) => {
      const both = network(evaPreconditioner(), { observeEvery: 1 });
      both.update(0, gradientsOf(1), observationsOf(1));
      const before = await exportState(engine, both.state);
      const [first, second] = observationsOf(2);
      const gradients = gradientsOf(1);
      const untouched = contents(gradients);
      const wrong = [first, { ...second, ...part() }];
      expect(() => both.check(1, wrong)).toThrow(message);
      expect(await exportState(engine, both.state)).toEqual(before);
      expect(contents(gradients)).toEqual(untouched);
      both.check(1, [first, second]);
      both.update(1, gradients, [first, second]);
      expect(await exportState(engine, both.state)).not.toEqual(before);
    });

    test('no D', async () => {
      const both = network(kfacPreconditioner(), { observeEvery: 1 });
      const before = await exportState(engine, both.state);
      const [first, { D: _D, ...second }] = observationsOf(2);
      expect(() => both.check(0, [first, second])).toThrow(
        "observe: layer '1' came without D, expected the gradients of the pre-activations",
      );
      expect(await exportState(engine, both.state)).toEqual(before);
    });

    test('it is not looked at in a step that does not observe', () => {
      const both = network(kfacPreconditioner(), { observeEvery: 2 });
      const [first, second] = observationsOf(2);
      const wrong = [first, { ...second, rows: -1 }];
      expect(() => both.check(1, wrong)).not.toThrow();
      expect(() => both.update(1, gradientsOf(1), wrong)).not.toThrow();
      expect(() => both.check(2, wrong)).toThrow(RangeError);
    });
  });
});

describe('reports', () => {
  test('diagnostics by layer, state by index', () => {
    expect(network(recorder()).diagnostics).toEqual([
      { layer: 'hidden', failures: 0 },
      { layer: '1', failures: 1 },
    ]);
    const names = network(foofPreconditioner()).state.map(({ name }) => name);
    expect(names).toContain('0/A/average');
    expect(names).toContain('1/inverse');
    expect(new Set(names).size).toBe(names.length);
  });

  test('flush waits for every layer, and the first error surfaces', async () => {
    const slow = recorder();
    const lost = new Error('the device is lost');
    let waited = 0;
    const both = network({
      ...slow,
      init: (on, shapes) =>
        slow.init(on, shapes).map((layer, i) => ({
          ...layer,
          flush: async () => {
            await new Promise((resolve) => setImmediate(resolve));
            waited += 1;
            if (i === 1) throw lost;
          },
        })),
    });
    await expect(both.flush()).rejects.toBe(lost);
    expect(waited).toBe(2);
  });
});
