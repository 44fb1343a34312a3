// A network's preconditioners at work: cadence, bias columns and KL clip.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { exportState } from '../../src/backend/saved-state.js';
import { backendFrom } from '../../src/backend/slot-backend.js';
import { EPSILON, LARGEST } from '../../src/core/dtype.js';
import type { DenseMatrix } from '../../src/core/matrix.js';
import { precondition } from '../../src/optimize/precondition.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import { NetworkPreconditioner } from '../../src/precondition/network.js';
import { placeRounded, primitivesOf } from '../support/backends.js';
import { build, combine, distance, gaussian, inner, norm, uniform } from '../support/matrices.js';
import {
  backend,
  contents,
  type F64,
  gradientsOf,
  network,
  observationsOf,
  recorder,
  refreshed,
  SIZES,
  stepOf,
  takeStep,
} from './networks.js';
import { oneSidedMethod } from './one-sided-method.js';
import { turn } from './rejections.js';
import { apply, observed, randomBatch, start } from './runs.js';

/** [W b] */
const joined = (W: DenseMatrix<F64>, b: DenseMatrix<F64>) =>
  build(W.rows, W.cols + 1, (i, j) => (j < W.cols ? W.at(i, j) : b.at(i, 0)));

describe('cadence', () => {
  test.each([
    [1, 1],
    [2, 3],
    [3, 2],
    [5, 50],
  ])(
    'observes every %d and refreshes every %d steps, both at 0, observing first',
    (observeEvery, refreshEvery) => {
      const { log, ...method } = recorder();
      const both = network(method, { observeEvery, refreshEvery });
      const transform = precondition(method, { observeEvery, refreshEvery });
      expect(log.splice(0)).toEqual(['hidden 4×4', '1 2×4']);
      for (let k = 0; k < 13; k++) {
        const looks = k % observeEvery === 0;
        expect(transform.needs?.(k)).toEqual({ inputs: looks, outputGradients: looks });
        takeStep(both, stepOf(k, observationsOf(k)), gradientsOf(k));
        expect(log.splice(0)).toEqual([
          ...(looks ? ['observe hidden', 'observe 1'] : []),
          ...(k % refreshEvery === 0 ? ['refresh hidden', 'refresh 1'] : []),
        ]);
      }
    },
  );

  test('defaults: every 5 and every 50', () => {
    const { log, ...method } = recorder();
    const both = network(method);
    const seen: string[] = [];
    for (let k = 0; k <= 100; k++) {
      log.length = 0;
      takeStep(both, stepOf(k, observationsOf(k)), gradientsOf(k));
      seen.push(`${log.includes('observe 1') ? 'o' : ''}${log.includes('refresh 1') ? 'r' : ''}`);
    }
    expect(seen.flatMap((what, k) => (what === '' ? [] : [k]))).toEqual(
      Array.from({ length: 21 }, (_, i) => 5 * i),
    );
    expect(seen.flatMap((what, k) => (what.includes('r') ? [k] : []))).toEqual([0, 50, 100]);
  });

  test('asks for nothing that is not looked at', () => {
    const needs = precondition(foofMethod()).needs?.(0);
    expect(needs).toEqual({ inputs: true, outputGradients: false });
    expect(precondition(oneSidedMethod(1)).needs?.(0)).toEqual({
      inputs: false,
      outputGradients: false,
    });
  });
});

describe('gradients', () => {
  test('weight and bias are preconditioned as one matrix, and what is in no layer stays', async () => {
    const both = network(foofMethod({ damping: 0.3 }));
    const single = start(foofMethod({ damping: 0.3 }), backend, [
      { name: 'a', ...SIZES[0] },
      { name: 'b', ...SIZES[1] },
    ]);
    const gradients = gradientsOf(1);
    const before = contents(gradients);
    const observations = observationsOf(2);
    takeStep(both, stepOf(0, observations), gradients);
    single.layers.forEach((layer, i) => {
      layer.observe({ ...observations[i], examples: 6 });
      layer.refresh();
    });
    const after = contents(gradients);
    expect([after[1], after[4]]).toEqual([before[1], before[4]]);
    const expected = await Promise.all(
      [joined(before[0], before[2]), before[3]].map((G, i) => apply(backend, single.layers[i], G)),
    );
    expect([joined(after[0], after[2]), after[3]]).toEqual(expected);
    expect(after[3]).not.toEqual(before[3]);
  });

  test('a method may look at the gradients themselves, bias column and all', async () => {
    const [damping, decay] = [0.3, 0.6];
    const both = network(oneSidedMethod(damping, decay), { observeEvery: 2, refreshEvery: 1 });
    const shapes = SIZES.map((size, i) => ({ name: String(i), ...size }));
    const single = start(oneSidedMethod(damping, decay), backend, shapes);
    for (let k = 0; k < 5; k++) {
      const gradients = gradientsOf(10 * k);
      const before = contents(gradients);
      takeStep(both, stepOf(k), gradients);
      const after = contents(gradients);
      const layers = [joined(before[0], before[2]), before[3]];
      const expected = layers.map((G, i) => {
        const layer = single.layers[i];
        // Nothing but G is shown, and one batch is one.
        if (k % 2 === 0) layer.observe({ G: placeRounded(backend, G), examples: 1 });
        layer.refresh();
        return apply(backend, layer, G);
      });
      expect([joined(after[0], after[2]), after[3]]).toEqual(await Promise.all(expected));
      expect(norm(after[3])).toBeLessThan(norm(before[3]) / damping);
    }
  });

  test('layers of one shape do not get into each other’s way', () => {
    const layers = [{ weight: 0 }, { weight: 1 }, { weight: 2 }];
    const parameters = layers.map(() => ({ rows: 3, cols: 2 }));
    const three = new NetworkPreconditioner(backend, recorder([2, 3, 4]), parameters, layers);
    const seen = layers.map((_, i) =>
      observed(backend, randomBatch(i, 5, { inputs: 2, outputs: 3 })),
    );
    const gradients = layers.map((_, i) => placeRounded(backend, gaussian(uniform(i), 3, 2)));
    const before = contents(gradients);
    takeStep(three, stepOf(0, seen), gradients);
    expect(contents(gradients)).toEqual(before.map((G, i) => combine(2 + i, G, 0, G)));
    // One G and one P for the shape, and the clip's sum.
    expect(three.workspace.length).toBe(3);
    expect(network(recorder()).workspace.length).toBe(5);
  });

  test('layers of as many elements but another shape have workspace of their own', () => {
    const sizes = [
      { inputs: 4, outputs: 3 },
      { inputs: 6, outputs: 2 },
    ];
    const parameters = sizes.map(({ inputs, outputs }) => ({ rows: outputs, cols: inputs }));
    const layers = [{ weight: 0 }, { weight: 1 }];
    const two = new NetworkPreconditioner(backend, recorder([2, 3]), parameters, layers);
    const seen = sizes.map((size, i) => observed(backend, randomBatch(i, 5, size)));
    const gradients = parameters.map(({ rows, cols }, i) =>
      placeRounded(backend, gaussian(uniform(i), rows, cols)),
    );
    const before = contents(gradients);
    takeStep(two, stepOf(0, seen), gradients);
    expect(contents(gradients)).toEqual(before.map((G, i) => combine(2 + i, G, 0, G)));
    expect(two.workspace.length).toBe(5);
  });

  test('a layer without an observation keeps its averages', async () => {
    const both = network(kfacMethod(), { observeEvery: 1, refreshEvery: 1 });
    const state = async () => (await exportState(backend, {}, both.state)).entries;
    takeStep(both, stepOf(0, observationsOf(1)), gradientsOf(1));
    const before = await state();
    takeStep(both, stepOf(1, [undefined, observationsOf(2)[1]]), gradientsOf(1));
    const after = await state();
    for (const name of Object.keys(before)) {
      if (name.startsWith('0/A') || name.startsWith('0/B')) {
        expect(after[name]).toEqual(before[name]);
      }
    }
    expect(after['1/A/average']).not.toEqual(before['1/A/average']);
    takeStep(both, stepOf(2), gradientsOf(1));
    expect((await state())['1/A/average']).toEqual(after['1/A/average']);
  });
});

test.each([{ inputs: true }, { outputGradients: true }])(
  'a layer that a method with needs of %j is shown nothing of is not observed',
  (needs) => {
    const { log, ...method } = recorder();
    const both = network({ ...method, needs });
    log.length = 0;
    takeStep(both, stepOf(0, [undefined, observationsOf(1)[1]]), gradientsOf(1));
    expect(log.filter((line) => line.startsWith('observe'))).toEqual(['observe 1']);
  },
);

const clipped = (limit: number, factors: readonly number[]) => {
  const both = refreshed(network(recorder(factors)));
  const gradients = gradientsOf(5);
  const before = contents(gradients);
  takeStep(both, stepOf(1, [], limit), gradients);
  const P = contents(gradients);
  const G = [joined(before[0], before[2]), before[3]];
  const sum = factors.reduce((total, factor, i) => total + factor * inner(G[i], G[i]), 0);
  return { before, P, sum };
};

describe('the KL clip', () => {
  /** Times eps: the roundings of a sum over 24 products, of its root and of the product with it. */
  const C_CLIP = 64;
  test.each([0.1, 100, 1e8])('at %d: every layer times min(1, √(limit/Σ⟨P,G⟩))', (limit) => {
    const { before, P, sum } = clipped(limit, [2, 3]);
    const factor = Math.min(1, Math.sqrt(limit / sum));
    expect(factor < 1).toBe(limit < 100);
    [2, 0, 2, 3, 0].forEach((scale, index) => {
      const expected =
        scale === 0 ? before[index] : combine(scale * factor, before[index], 0, before[index]);
      expect(distance(P[index], expected)).toBeLessThanOrEqual(
        C_CLIP * EPSILON.float64 * (1 + norm(expected)),
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

  test('a limit of Infinity, as η = 0 makes it, clips nothing', () => {
    const { before, P } = clipped(Number.POSITIVE_INFINITY, [2, 3]);
    expect(P[3]).toEqual(combine(3, before[3], 0, before[3]));
  });

  test('no step knows of the sum of another', () => {
    const both = refreshed(network(recorder()));
    const [first, second, third] = [0.01, 0.01, 1e8].map((limit, k) => {
      const gradients = gradientsOf(5);
      takeStep(both, stepOf(1 + k, [], limit), gradients);
      return contents(gradients);
    });
    expect(second).toEqual(first);
    const [, , , G] = contents(gradientsOf(5));
    expect(Math.abs(first[3].at(0, 0))).toBeLessThan(0.1 * Math.abs(G.at(0, 0)));
    expect(third[3]).toEqual(combine(2, G, 0, G));
  });
});

const alone = (x: number) => [0, 0, 0, x, 0];

describe('bounds', () => {
  const [inputs, outputs] = [4, 4];
  const norms = [
    Math.sqrt(inputs * outputs) * 5,
    Math.sqrt(SIZES[1].inputs * SIZES[1].outputs) * 7,
  ];
  const largest = [3, 2, 5, 7, 1];

  test.each([[[2, 3]], [[0.25, 0.5]]])(
    'with gains %j: gain·√(pq) times the largest of weight and bias, and the rest as it is',
    (gains) => {
      const bounds = network(recorder(gains)).bound(largest, stepOf(0));
      const [first, second] = gains.map((gain, layer) => gain * norms[layer]);
      expect(bounds).toEqual([first, 2, first, second, 1]);
      expect(network(recorder(gains)).bound([5, 2, 3, 7, 1], stepOf(0))).toEqual(bounds);
    },
  );

  /** The limit of what may be reached, over the norm of the only gradient that is not 0. */
  const limit = LARGEST.float64 / 4;
  const [size] = SIZES.slice(1).map((shape) => Math.sqrt(shape.inputs * shape.outputs));
  test.each([
    [2, 2],
    // Products on the way to P are as large as G.
    [0.25, 1],
  ])('a gain of %d refuses gradients that times %d could leave the range', (gain, factor) => {
    const both = network(recorder([1, gain]));
    const last = limit / size / factor;
    both.bound(alone(last * (1 - 2 ** -50)), stepOf(0));
    const large = size * (last * 1.5);
    expect(() => both.bound(alone(last * 1.5), stepOf(0))).toThrow(
      `precondition: layer '1': what becomes of its gradients could reach ${factor * large}, expected`,
    );
  });

  test('of the clip: the sum of gain·‖G‖²F over the layers', () => {
    const both = network(recorder([2, 3]));
    const large = Math.sqrt(limit / 3) / size;
    const step = stepOf(0, [], 1);
    both.bound(alone(large * (1 - 2 ** -50)), step);
    const together = [large / 2, 0, 0, large, 0];
    both.bound(together, stepOf(0));
    const first = Math.sqrt(inputs * outputs) * (large / 2);
    expect(() => both.bound(together, step)).toThrow(
      `the KL clip's sum over the gradients could reach ${2 * first ** 2 + 3 * (size * large) ** 2}, expected`,
    );
  });

  test('of the squares of gradients, where these are averaged: at steps that observe', () => {
    const both = network(oneSidedMethod(1), { observeEvery: 2 });
    const large = alone((2 * Math.sqrt(limit)) / size);
    both.bound(large, stepOf(1));
    expect(() => both.bound(large, stepOf(2))).toThrow(
      /^precondition: layer '1': the squares of its gradients could reach /,
    );
    both.bound(alone(Math.sqrt(limit / 2) / size), stepOf(2));
    network(recorder()).bound(large, stepOf(2));
  });
});

describe('reports', () => {
  test('diagnostics by layer, state by index', () => {
    const both = refreshed(network(recorder()));
    const found = { failures: 0, refreshes: 1, found: {} };
    expect(both.diagnostics).toMatchObject([
      { layer: 'hidden', ...found },
      { layer: '1', ...found },
    ]);
    const names = network(foofMethod()).state.map(({ name }) => name);
    expect(names).toContain('0/A/average');
    expect(names).toContain('1/inverse/R');
    expect(new Set(names).size).toBe(names.length);
  });

  test('flush waits for every layer, and the first error surfaces', async () => {
    const lost = new Error('the device is lost');
    const host = cpuBackend('float64');
    const arrived: number[] = [];
    const device = backendFrom({
      ...primitivesOf(host),
      async read(A) {
        await turn();
        if (A.rows === 3) throw lost;
        await turn();
        arrived.push(A.rows);
        return host.readSync(A);
      },
    });
    const sizes = [3, 5].map((inputs) => ({ inputs, outputs: 2 }));
    const parameters = sizes.map(({ inputs, outputs }) => ({ rows: outputs, cols: inputs }));
    const layers = [{ weight: 0 }, { weight: 1 }];
    const both = new NetworkPreconditioner(device, foofMethod(), parameters, layers);
    const gradients = parameters.map(({ rows, cols }) => device.allocate(rows, cols));
    const observations = sizes.map((size) => observed(device, randomBatch(1, 4, size)));
    both.update({ index: 0, observations, clip: undefined }, gradients, gradients);
    await expect(both.flush()).rejects.toBe(lost);
    // The other layer's refresh has taken effect, or is about to.
    await both.flush();
    expect(arrived).toEqual([5]);
    expect(both.diagnostics.map(({ refreshes }) => refreshes)).toEqual([0, 1]);
  });
});
