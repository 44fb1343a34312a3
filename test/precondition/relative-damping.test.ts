// A damping relative to the curvature: what it promises, in every method that has it.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import { NonFiniteError, PreconditionerError } from '../../src/core/errors.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { LayerPreconditioner } from '../../src/precondition/layer.js';
import type { Method } from '../../src/precondition/method.js';
import { NetworkPreconditioner } from '../../src/precondition/network.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { nystromShampooMethod } from '../../src/precondition/nystrom-shampoo.js';
import { shampooMethod } from '../../src/precondition/shampoo.js';
import { asyncBackend, placeRounded } from '../support/backends.js';
import { combine, distance, filled, type Matrix, norm, product } from '../support/matrices.js';
import {
  apply,
  type Batch,
  foundOf,
  observe,
  observed,
  only,
  randomBatch,
  randomGradient,
  start,
} from './runs.js';
import { ofOneHotRows } from './variants.js';

type Damping = number | { readonly relative: number };

const SIZE = { inputs: 7, outputs: 3 } as const;
const { inputs: p, outputs: q } = SIZE;
const ROWS = 12;
const backend = cpuBackend('float64');

/** The mean eigenvalue of what each method damps, by the formula, of one batch. */
const meanA = ({ X }: Batch) => norm(X) ** 2 / ROWS / p;
const meanB = ({ D }: Batch) => (ROWS * norm(D) ** 2) / q;
const meanOfBoth = (batch: Batch) => meanA(batch) * meanB(batch);
const squaredMean = (rows: Matrix, scale: number) => {
  const ones = filled(1, rows.rows, scale / rows.rows);
  return norm(product(ones, 'N', rows, 'N')) ** 2 / rows.cols;
};
const meanOfRanksOne = ({ X, D }: Batch) => squaredMean(X, 1) * squaredMean(D, ROWS);

const METHODS: readonly [string, (damping: Damping) => Method, (batch: Batch) => number][] = [
  ['NysAct', (damping) => nysactMethod({ rank: 3, damping }), meanA],
  ['NysAct with a tail', (damping) => nysactMethod({ rank: 3, damping, tail: true }), meanA],
  ['NysAct, ν = ρ', (damping) => nysactMethod({ rank: 3, damping, shift: 'damping' }), meanA],
  [
    'NysAct that tracks',
    (damping) => nysactMethod({ rank: 3, damping, policy: 'track', carry: true }),
    meanA,
  ],
  ['NysAct of full rank', (damping) => nysactMethod({ rank: p, damping }), meanA],
  ['FOOF', (damping) => foofMethod({ damping }), meanA],
  ['FOOF, one-hot', (damping) => ofOneHotRows(foofMethod({ damping })), meanA],
  ['KFAC', (damping) => kfacMethod({ damping }), meanOfBoth],
  ['KFAC, factored', (damping) => kfacMethod({ damping, inverse: 'factored' }), meanOfBoth],
  ['KFAC, one-hot', (damping) => ofOneHotRows(kfacMethod({ damping })), meanOfBoth],
  [
    'KFAC, factored, one-hot',
    (damping) => ofOneHotRows(kfacMethod({ damping, inverse: 'factored' })),
    meanOfBoth,
  ],
  ['Eva', (damping) => evaMethod({ damping }), meanOfRanksOne],
];

/** A layer that has seen the batches, refreshed after each. */
function learnt(method: Method, batches: readonly Batch[]): LayerPreconditioner<'float64'> {
  const layer = only(method, backend, SIZE);
  for (const batch of batches) {
    observe(backend, layer, batch);
    layer.refresh();
  }
  return layer;
}

const relative = fc.integer({ min: -6, max: 2 }).map((n) => 2 ** n);

/** Sums over rows and columns, and what an inverse makes of them. */
const tolerance = (alpha: number, G: Matrix, rho: number) =>
  (64 * (ROWS + p + q) * EPSILON.float64 * norm(G)) / rho / alpha ** 2;

describe.each(METHODS)('%s', (_, make, meanOf) => {
  test('ρ is α times the mean eigenvalue', () => {
    fc.assert(
      fc.property(fc.nat(), relative, (seed, alpha) => {
        const batch = randomBatch(seed, ROWS, SIZE);
        const rho = foundOf(learnt(make({ relative: alpha }), [batch]), 'damping');
        const expected = alpha * meanOf(batch);
        const roundings = 4 * ROWS * (p + q) * EPSILON.float64;
        expect(Math.abs(rho - expected)).toBeLessThanOrEqual(roundings * expected);
      }),
      { numRuns: 10 },
    );
  });

  test('P is that of the damping that it finds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), relative, async (seed, alpha) => {
        const batch = randomBatch(seed, ROWS, SIZE);
        const G = randomGradient(seed, SIZE);
        const layer = learnt(make({ relative: alpha }), [batch]);
        const rho = foundOf(layer, 'damping');
        const P = await apply(backend, layer, G);
        const same = await apply(backend, learnt(make(rho), [batch]), G);
        expect(distance(P, same)).toBeLessThanOrEqual(tolerance(1, G, rho));
      }),
      { numRuns: 10 },
    );
  });

  test('activations of another unit give P in that unit', async () => {
    const powers = fc.integer({ min: -6, max: 6 }).map((n) => 2 ** n);
    await fc.assert(
      fc.asyncProperty(fc.nat(), relative, powers, async (seed, alpha, unit) => {
        const batches = [seed, seed + 1].map((s) => randomBatch(s, ROWS, SIZE));
        const scaled = batches.map(({ X, D }) => ({ X: combine(unit, X, 0, X), D }));
        const G = randomGradient(seed, SIZE);
        const layer = learnt(make({ relative: alpha }), batches);
        const P = await apply(backend, layer, G);
        const Q = await apply(backend, learnt(make({ relative: alpha }), scaled), G);
        const rho = foundOf(layer, 'damping');
        expect(distance(P, combine(unit ** 2, Q, 0, Q))).toBeLessThanOrEqual(
          tolerance(alpha, G, rho),
        );
      }),
      { numRuns: 10 },
    );
  });

  test('a layer that has shown nothing waits, and one that shows nothing more keeps its inverse', async () => {
    const G = randomGradient(1, SIZE);
    const nothing = { X: filled(ROWS, p, 0), D: filled(ROWS, q, 0) };
    const layer = learnt(make({ relative: 0.5 }), [nothing]);
    expect(layer.diagnostics).toMatchObject({ refreshes: 0, failures: 0, found: {} });
    expect(norm(await apply(backend, layer, G))).toBe(0);
    observe(backend, layer, randomBatch(1, ROWS, SIZE));
    layer.refresh();
    const { found } = layer.diagnostics;
    expect(foundOf(layer, 'damping')).toBeGreaterThan(0);
    expect(norm(await apply(backend, layer, G))).toBeGreaterThan(0);
    layer.refresh();
    expect(layer.diagnostics.found.damping).toBe(found.damping);
  });

  test('is bounded before it is known, and where there is next to nothing', async () => {
    const later = asyncBackend('float64');
    const run = start(make({ relative: 0.5 }), later, [{ name: 'layer', ...SIZE }]);
    const [layer] = run.layers;
    const { X, D } = randomBatch(1, ROWS, SIZE);
    const faint = { X: combine(2 ** -60, X, 0, X), D };
    observe(later, layer, faint);
    layer.refresh();
    const G = randomGradient(1, SIZE);
    expect(norm(await apply(later, layer, G))).toBe(0);
    await layer.flush();
    expect(foundOf(layer, 'damping')).toBe(1e-12);
    const P = await apply(later, layer, G);
    expect(norm(P)).toBeLessThanOrEqual(layer.gain * norm(G) * (1 + 1e-3));
    expect(norm(P)).toBeGreaterThan(0);
  });
});

const ALL: readonly [string, (damping: Damping) => Method][] = [
  ...METHODS.map(([name, make]): [string, typeof make] => [name, make]),
  ['Shampoo', (damping) => shampooMethod({ damping })],
  ['Nyström Shampoo', (damping) => nystromShampooMethod({ rank: 3, damping })],
];

describe.each(ALL)('%s in a network', (_, make) => {
  test('a layer that was dead at first does not wait for the next refresh of all', () => {
    const network = new NetworkPreconditioner(
      backend,
      make({ relative: 0.5 }),
      [{ rows: q, cols: p }],
      [{ weight: 0 }],
      { observeEvery: 2, refreshEvery: 50 },
    );
    const nothing = { X: filled(ROWS, p, 0), D: filled(ROWS, q, 0), examples: ROWS };
    /** How often it was refreshed after a step, and how long its update is. */
    const take = (index: number, batch: Batch, G: Matrix) => {
      const slots = [placeRounded(backend, G)];
      const observations = [observed(backend, batch)];
      network.update({ index, observations, clip: undefined }, slots, slots);
      return {
        refreshes: network.diagnostics[0].refreshes,
        length: norm(backend.readSync(slots[0])),
      };
    };
    const G = randomGradient(1, SIZE);
    expect(take(0, nothing, filled(q, p, 0))).toMatchObject({ refreshes: 0 });
    expect(take(1, nothing, G).length).toBe(0);
    const revived = take(2, randomBatch(1, ROWS, SIZE), G);
    expect(revived.length).toBeGreaterThan(0);
    // And then it keeps the interval of all.
    const next = take(4, randomBatch(2, ROWS, SIZE), G);
    expect(next.refreshes).toBe(revived.refreshes);
  });
});

test('a layer whose refresh broke down waits for the next refresh of all', () => {
  const on = cpuBackend('float32');
  const method = foofMethod({ damping: { relative: 1e30 }, maxFailures: 2 });
  const cadence = { observeEvery: 1, refreshEvery: 5 };
  const network = new NetworkPreconditioner(
    on,
    method,
    [{ rows: q, cols: p }],
    [{ weight: 0 }],
    cadence,
  );
  const { X, D } = randomBatch(1, ROWS, SIZE);
  const batch = { X: combine(1e6, X, 0, X), D, examples: ROWS };
  const take = (index: number) => {
    const slots = [placeRounded(on, randomGradient(1, SIZE))];
    const observations = [observed(on, batch)];
    network.update({ index, observations, clip: undefined }, slots, slots);
  };
  for (let k = 0; k < 5; k++) take(k);
  expect(network.diagnostics[0]).toMatchObject({ failures: 1, refreshes: 0 });
  expect(() => take(5)).toThrow(PreconditionerError);
});

test('a damping beyond the range of the dtype is a breakdown', () => {
  const [curvature] = foofMethod({ damping: { relative: 1e30 }, maxFailures: 1 }).layers(
    [{ name: 'layer', ...SIZE }],
    'float32',
  );
  expect(curvature.gain).toBe(1e12);
  const on = cpuBackend('float32');
  const layer = only(foofMethod({ damping: { relative: 1e30 }, maxFailures: 1 }), on, SIZE);
  const { X, D } = randomBatch(1, ROWS, SIZE);
  observe(on, layer, { X: combine(1e6, X, 0, X), D });
  expect(() => layer.refresh()).toThrow(
    expect.objectContaining({ cause: expect.any(NonFiniteError) }),
  );
});

test.each([
  { relative: 0 },
  { relative: -1 },
  { relative: Number.POSITIVE_INFINITY },
  { relative: '1' },
  { relative: 1, absolute: 1 },
  {},
  '0.1',
])('%o is no damping', (damping) => {
  for (const make of [nysactMethod, foofMethod, kfacMethod, evaMethod]) {
    // @ts-expect-error What comes from a file.
    const given = () => make({ damping });
    expect(given).toThrow(TypeError);
    expect(given).toThrow(/damping is .*, expected .* \{ relative: a number > 0 \}/);
  }
});
