// A network's preconditioners at work: cadence, bias columns and KL clip.

import { describe, expect, test } from 'vitest';
import { exportState } from '../../src/backend/state.js';
import { EPSILON } from '../../src/core/dtype.js';
import type { DenseMatrix } from '../../src/core/matrix.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import { NetworkPreconditioner } from '../../src/precondition/network.js';
import { build, combine, gaussian, inner, uniform } from '../support/matrices.js';
import {
  backend,
  contents,
  type F64,
  gradientsOf,
  network,
  observationsOf,
  recorder,
  SIZES,
} from './networks.js';
import { place } from './runs.js';

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
    expect(network(foofMethod()).needs(0)).toEqual({
      inputs: true,
      outputGradients: false,
    });
    expect(network(recorder(), {}, []).needs(0)).toEqual({ inputs: false, outputGradients: false });
  });
});

describe('gradients', () => {
  test('weight and bias are preconditioned as one matrix, and what is in no layer stays', () => {
    const both = network(foofMethod({ damping: 0.3 }));
    const single = foofMethod({ damping: 0.3 }).init(backend, [
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
      const P = backend.allocate(G.rows, G.cols);
      single[i].precondition(place(backend, G), P);
      return backend.read(P);
    });
    expect([joined(after[0], after[2]), after[3]]).toEqual(expected);
    expect(after[3]).not.toEqual(before[3]);
  });

  test('layers of one shape do not get into each other’s way', () => {
    const layers = [{ weight: 0 }, { weight: 1 }, { weight: 2 }];
    const parameters = layers.map(() => ({ rows: 3, cols: 2 }));
    const three = new NetworkPreconditioner(backend, recorder([2, 3, 4]), parameters, layers);
    const gradients = layers.map((_, i) => place(backend, gaussian(uniform(i), 3, 2)));
    const before = contents(gradients);
    three.update(1, gradients, []);
    expect(contents(gradients)).toEqual(before.map((G, i) => combine(2 + i, G, 0, G)));
    // One G and one P for the shape, and the clip's sum.
    expect(three.workspace.length).toBe(3);
    expect(network(recorder()).workspace.length).toBe(5);
  });

  test('layers of as many elements but another shape have workspace of their own', () => {
    const parameters = [
      { rows: 3, cols: 4 },
      { rows: 2, cols: 6 },
    ];
    const layers = [{ weight: 0 }, { weight: 1 }];
    const two = new NetworkPreconditioner(backend, recorder([2, 3]), parameters, layers);
    const gradients = parameters.map(({ rows, cols }, i) =>
      place(backend, gaussian(uniform(i), rows, cols)),
    );
    const before = contents(gradients);
    two.update(1, gradients, []);
    expect(contents(gradients)).toEqual(before.map((G, i) => combine(2 + i, G, 0, G)));
    expect(two.workspace.length).toBe(5);
  });

  test('a layer without an observation keeps its averages', async () => {
    const both = network(kfacMethod(), { observeEvery: 1, refreshEvery: 1 });
    both.update(0, gradientsOf(1), observationsOf(1));
    const before = await exportState(backend, both.state);
    both.update(1, gradientsOf(1), [undefined, observationsOf(2)[1]]);
    const after = await exportState(backend, both.state);
    for (const name of Object.keys(before)) {
      if (name.startsWith('0/')) expect(after[name]).toEqual(before[name]);
    }
    expect(after['1/A/average']).not.toEqual(before['1/A/average']);
    both.update(2, gradientsOf(1), []);
    expect((await exportState(backend, both.state))['1/A/average']).toEqual(after['1/A/average']);
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

  test('η is that of the step, and no step knows of the sum of another', () => {
    const rates = [0, 1, 1, 1e-9];
    const both = network(recorder(), {
      klClip: { limit: 1e-2, learningRate: (step) => rates[step] },
    });
    const [first, second, third] = [1, 2, 3].map((step) => {
      const gradients = gradientsOf(5);
      both.update(step, gradients, []);
      return contents(gradients);
    });
    expect(second).toEqual(first);
    const [, , , G] = contents(gradientsOf(5));
    expect(Math.abs(first[3].at(0, 0))).toBeLessThan(0.1 * Math.abs(G.at(0, 0)));
    expect(third[3]).toEqual(combine(2, G, 0, G));
  });
});

describe('reports', () => {
  test('diagnostics by layer, state by index', () => {
    expect(network(recorder()).diagnostics).toEqual([
      { layer: 'hidden', failures: 0 },
      { layer: '1', failures: 1 },
    ]);
    const names = network(foofMethod()).state.map(({ name }) => name);
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
