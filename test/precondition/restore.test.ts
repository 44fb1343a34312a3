// A restored layer goes on with the sketch it was saved with, whatever its own seed.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { PlainEntry } from '../../src/backend/saved-state.js';
import { LARGEST } from '../../src/core/dtype.js';
import { evaMethod } from '../../src/precondition/eva.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { nystromShampooMethod } from '../../src/precondition/nystrom-shampoo.js';
import { shampooMethod } from '../../src/precondition/shampoo.js';
import {
  apply,
  eigenvaluesOf,
  foundOf,
  observe,
  putBack,
  randomBatch,
  randomGradient,
  snapshot,
  start,
} from './runs.js';

const SIZE = { name: 'layer', inputs: 12, outputs: 2 };

describe.each(['gaussian', 'subcolumn'] as const)('%s', (sketch) => {
  const backend = cpuBackend('float64');
  const make = (seed: number) =>
    start(nysactMethod({ rank: 3, sketch, seed, damping: 0.5 }), backend, [SIZE]);

  test('a window that is saved half-way closes the same in a layer of another seed', async () => {
    const [saved, other] = [make(1), make(2)];
    observe(backend, saved.layers[0], randomBatch(1, 20, SIZE));
    putBack(other, await snapshot(saved));
    for (const { layers } of [saved, other]) {
      observe(backend, layers[0], randomBatch(2, 20, SIZE));
      layers[0].refresh();
    }
    const [first, second] = [saved, other].map(({ layers }) => eigenvaluesOf(layers[0]));
    expect(second).toEqual(first);
    expect(first[0]).toBeGreaterThan(0);
  });

  test('what a refresh had found is forgotten, all but the damping that was given', async () => {
    const [fresh, used] = [make(1), make(1)];
    const [layer] = used.layers;
    observe(backend, layer, randomBatch(1, 20, SIZE));
    layer.refresh();
    expect(foundOf(layer, 'shift')).toBeGreaterThan(0);
    putBack(used, await snapshot(fresh));
    const { failures, refreshes, found } = layer.diagnostics;
    expect({ failures, refreshes, found }).toEqual({
      failures: 0,
      refreshes: 0,
      found: { damping: 0.5 },
    });
  });
});

test.each([0.03, 0.3])('Eva goes on with the damping that it is given, %d', async (damping) => {
  const backend = cpuBackend('float64');
  const make = (rho: number) => start(evaMethod({ damping: rho }), backend, [SIZE]);
  const [saved, other, same] = [make(0.1), make(damping), make(damping)];
  for (const { layers } of [saved, same]) {
    observe(backend, layers[0], randomBatch(1, 20, SIZE));
    layers[0].refresh();
  }
  putBack(other, await snapshot(saved));
  const G = randomGradient(1, SIZE);
  const [P, expected] = await Promise.all(
    [other, same].map(({ layers }) => apply(backend, layers[0], G)),
  );
  expect(P).toEqual(expected);
});

describe('saved columns', () => {
  const backend = cpuBackend('float64');
  const begin = () => start(nysactMethod({ rank: 3, sketch: 'subcolumn' }), backend, [SIZE]);

  test.each([
    [[0, 1, 12], 'number 2 is 12, expected an integer >= 0 and <= 11'],
    [[0, -1, 2], 'number 1 is -1, expected an integer >= 0 and <= 11'],
    [[4, 7, 4], 'holds 4 as numbers 0 and 2, expected distinct columns'],
    [[1, 2], 'has 2 elements, expected 3'],
  ])('%j are refused', async (columns, message) => {
    const run = begin();
    const saved = await snapshot(run);
    const entries = { ...saved.entries, '0/sketch/columns': Int32Array.from(columns) };
    expect(() => putBack(run, { ...saved, entries })).toThrow(RangeError);
    expect(() => putBack(run, { ...saved, entries })).toThrow(message);
    expect(await snapshot(run)).toEqual(saved);
  });

  test('may come in any order, and are copied', async () => {
    const run = begin();
    const saved = await snapshot(run);
    const columns = Int32Array.of(7, 0, 11);
    const swapped = { ...saved, entries: { ...saved.entries, '0/sketch/columns': columns } };
    putBack(run, swapped);
    columns.fill(0);
    const { entries } = await snapshot(run);
    expect(entries['0/sketch/columns']).toEqual(Int32Array.of(7, 0, 11));
  });
});

const V = (value: number) => ({ rows: 12, cols: 3, data: new Float32Array(36).fill(value) });

describe('an inverse that no refresh could have made is refused', () => {
  const damping = 0.5;
  const backend = cpuBackend('float32');
  const run = start(nysactMethod({ rank: 3, damping }), backend, [SIZE]);
  const restore = (name: string, value: PlainEntry) => async () => {
    const saved = await snapshot(run);
    putBack(run, { ...saved, entries: { ...saved.entries, [name]: value } });
  };

  test.each([0, 5e-324, -1, 0.49, 1e300])('c = %d', async (c) => {
    await expect(restore('0/inverse/c', c)).rejects.toThrow(
      /^restoreState: entry '0\/inverse\/c' is /,
    );
    await restore('0/inverse/c', damping)();
  });

  test('V with an element beyond 1/√ρ', async () => {
    await expect(restore('0/inverse/V', V(1.42))).rejects.toThrow(
      /^restoreState: entry '0\/inverse\/V' holds an element of size 1.4\d*, expected at most 1.41/,
    );
    await restore('0/inverse/V', V(1.41))();
  });
});

const RHO = 0.25;
const BETA = 0.75;
const shared = { damping: RHO, decay: BETA };
const oneHot = { ...SIZE, rows: 'oneHot' } as const;
/** What half the root of the largest number is, over the root of what is summed. */
const rootOf = (size: number) => Math.sqrt(LARGEST.float64 / size) / 2;

describe('no element of a restored matrix may be larger than a refresh or an average makes it', () => {
  test.each([
    ['NysAct', nysactMethod({ ...shared, rank: 3 }), SIZE, { 'inverse/V': 2 }],
    ['NysAct of full rank', nysactMethod({ ...shared, rank: 12 }), SIZE, { 'inverse/R': 4.04 }],
    ['FOOF', foofMethod(shared), SIZE, { 'inverse/R': 4.04 }],
    ['KFAC', kfacMethod(shared), SIZE, { 'inverse/QA': 1, 'inverse/QB': 1 }],
    [
      'KFAC, factored',
      kfacMethod({ ...shared, inverse: 'factored' }),
      SIZE,
      { 'inverse/R': 1.01, 'inverse/L': 1.01 },
    ],
    ['KFAC, one-hot', kfacMethod(shared), oneHot, { 'inverse/QB': 1 }],
    [
      'KFAC, factored, one-hot',
      kfacMethod({ ...shared, inverse: 'factored' }),
      oneHot,
      { 'inverse/r': 1, 'inverse/L': 1.01 },
    ],
    // ρ^(−1/4) on either side, and ρ^(−1/2) in all.
    [
      'Shampoo',
      shampooMethod({ damping: RHO }),
      SIZE,
      { 'inverse/L0': 1.01 * Math.SQRT2, 'inverse/R0': 1.01 * Math.SQRT2 },
    ],
    [
      'Nyström Shampoo',
      nystromShampooMethod({ ...shared, rank: 3 }),
      SIZE,
      { 'inverse/V': Math.SQRT2 },
    ],
    [
      'Nyström Shampoo of full rank',
      nystromShampooMethod({ ...shared, rank: 12 }),
      SIZE,
      { 'inverse/R': 2.02 },
    ],
    [
      'Eva',
      evaMethod(shared),
      SIZE,
      { 'a/average': rootOf(12) * (1 - BETA), 'g/average': rootOf(2) * (1 - BETA) },
    ],
    [
      'Eva of plain means',
      evaMethod({ ...shared, decay: 1 }),
      SIZE,
      { 'a/average': rootOf(12), 'g/average': rootOf(2) },
    ],
  ] as const)('%s', async (_, method, size, limits: Readonly<Record<string, number>>) => {
    const run = start(method, cpuBackend('float64'), [size]);
    const saved = await snapshot(run);
    for (const [name, limit] of Object.entries(limits)) {
      const key = `0/${name}`;
      const entry = saved.entries[key];
      if (typeof entry !== 'object' || !('data' in entry))
        throw new TypeError(`${key} is no matrix`);
      const restore = (value: number) => () => {
        const data = entry.data.slice();
        data[data.length - 1] = value;
        putBack(run, { ...saved, entries: { ...saved.entries, [key]: { ...entry, data } } });
      };
      restore(-limit)();
      // Rounding may add to it, within 2⁻¹⁰ of the limit.
      for (const value of [limit * (1 + 2 ** -9), -limit * (1 + 2 ** -9)]) {
        expect(restore(value)).toThrow(
          new RegExp(
            `^restoreState: entry '${key}' holds an element of size .*, expected at most `,
          ),
        );
      }
    }
  });
});
