// A rank that follows the data: what it finds, and what a change of it leaves as it was.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { convert } from '../../src/core/matrix.js';
import { rankWithin } from '../../src/nystrom/certificate.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { nysact } from '../../src/optimize/optimizers.js';
import type { LayerPreconditioner } from '../../src/precondition/layer.js';
import { type NysactOptions, nysactMethod } from '../../src/precondition/nysact.js';
import { nextRank } from '../../src/precondition/rank.js';
import { asyncBackend } from '../support/backends.js';
import { build, type Matrix, norm } from '../support/matrices.js';
import { randomOrthogonal } from '../support/spectra.js';
import {
  apply,
  foundOf,
  matrixOf,
  numberOf,
  observe,
  observed,
  only,
  putBack,
  randomGradient,
  snapshot,
  start,
} from './runs.js';

const SIZE = { inputs: 64, outputs: 3 } as const;
const { inputs: p, outputs: q } = SIZE;
const MOST = 48;
const nothing = build(p, q, () => 0);

/** Rows whose second moment has exactly these eigenvalues. */
function rowsOf(eigenvalues: readonly number[], seed: number): Matrix {
  const Q = randomOrthogonal(p, seed);
  return build(p, p, (i, j) => Math.sqrt(p * eigenvalues[i]) * Q.at(j, i));
}

/** `gap` eigenvalues near 1, and next to nothing. */
function withGap(gap: number): number[] {
  const tail = 0.01 / (p - gap) / gap;
  return Array.from({ length: p }, (_, i) => (i < gap ? 1 - (0.2 * i) / gap : tail));
}

/** Half of what the last eigenvalue before the gap is of the trace. */
const residualFor = (gap: number) => 0.5 / gap;

async function windows<D extends 'float32' | 'float64'>(
  backend: Backend<D>,
  layer: LayerPreconditioner<D>,
  X: Matrix,
  count: number,
): Promise<number[]> {
  const ranks: number[] = [];
  for (let window = 0; window < count; window++) {
    observe(backend, layer, { X, D: nothing });
    layer.refresh();
    await layer.flush();
    ranks.push(layer.diagnostics.rank ?? Number.NaN);
  }
  return ranks;
}

const VARIANTS: readonly [string, NysactOptions][] = [
  ['restarted', {}],
  ['tracking', { policy: 'track' }],
  ['tracking and carried', { policy: 'track', carry: true }],
  ['oversampled', { oversample: 8 }],
];
const BACKENDS = (['float64', 'float32'] as const).flatMap((dtype) => [
  [`${dtype}, read at once`, () => cpuBackend(dtype)] as const,
  [`${dtype}, read later`, () => asyncBackend(dtype)] as const,
]);

describe.each(VARIANTS)('%s', (_, options) => {
  test.each(BACKENDS)('where the spectrum has a gap, the rank is the gap’s: %s', async (__, on) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.nat(), async (gap, seed) => {
        const backend = on();
        const rank = { residual: residualFor(gap), max: MOST };
        const layer = only(nysactMethod({ rank, seed, ...options }), backend, SIZE);
        const ranks = await windows(backend, layer, rowsOf(withGap(gap), seed), 6);
        // 10, 20, 40 at most on the way up.
        expect(ranks.slice(3)).toEqual([gap, gap, gap]);
        expect(foundOf(layer, 'residual')).toBeLessThanOrEqual(rank.residual);
        layer.dispose();
      }),
      { numRuns: 8 },
    );
  });
});

/** Two of its sketches' and one of its own size, and the trace. */
const bytesOf = (rank: number) => {
  const width = rank + Math.ceil(rank / 2);
  return 8 * (p * (2 * width + rank) + 1);
};

describe('a layer of rank { residual, max }', () => {
  const backend = cpuBackend('float64');
  const begin = (residual: number, max: number, options: NysactOptions = {}) =>
    start(nysactMethod({ rank: { residual, max }, ...options }), backend, [
      { name: 'layer', ...SIZE },
    ]);

  test('has no more than max, and at least one', async () => {
    const [low] = begin(0.001, 7).layers;
    expect(await windows(backend, low, rowsOf(withGap(30), 1), 3)).toEqual([7, 7, 7]);
    const [high] = begin(0.9, 7).layers;
    const one = Array.from({ length: p }, (_, i) => (i === 0 ? 1 : 1e-9));
    expect(await windows(backend, high, rowsOf(one, 1), 2)).toEqual([1, 1]);
  });

  test('holds no more numbers than its rank asks for', async () => {
    const [layer] = begin(residualFor(4), MOST).layers;
    expect(layer.diagnostics).toMatchObject({ rank: 10, bytes: bytesOf(10) });
    await windows(backend, layer, rowsOf(withGap(4), 1), 2);
    expect(layer.diagnostics).toMatchObject({ rank: 4, bytes: bytesOf(4) });
    expect((await matrixOf(backend, layer, 'inverse/V')).cols).toBe(4);
    expect((await matrixOf(backend, layer, 'C/average')).cols).toBe(6);
    const wide = withGap(30);
    const trace = wide.reduce((sum, value) => sum + value, 0);
    await windows(backend, layer, rowsOf(wide, 1), 4);
    const needed = rankWithin(Float64Array.from(wide), trace, residualFor(4)) ?? MOST;
    const { rank = 0 } = layer.diagnostics;
    expect(rank).toBeGreaterThanOrEqual(needed);
    expect(layer.diagnostics.bytes).toBe(bytesOf(rank));
  });

  test.each(VARIANTS)(
    'continues bit for bit from a state of another rank: %s',
    async (_, options) => {
      const [saved, other] = [
        begin(residualFor(4), MOST, options),
        begin(residualFor(4), MOST, options),
      ];
      const X = rowsOf(withGap(4), 1);
      await windows(backend, saved.layers[0], X, 3);
      observe(backend, saved.layers[0], { X, D: nothing });
      const state = structuredClone(await snapshot(saved));
      putBack(other, state);
      expect(other.layers[0].diagnostics.rank).toBe(4);
      expect(await snapshot(other)).toEqual(state);
      const wide = rowsOf(withGap(20), 2);
      const ranks = await Promise.all(
        [saved, other].map(({ layers }) => windows(backend, layers[0], wide, 2)),
      );
      expect(ranks[1]).toEqual(ranks[0]);
      expect(await snapshot(other)).toEqual(await snapshot(saved));
    },
  );

  test('a state whose matrices are not of its rank is refused, with nothing changed', async () => {
    const run = begin(residualFor(4), MOST);
    const before = await snapshot(run);
    await windows(backend, run.layers[0], rowsOf(withGap(4), 1), 2);
    const state = await snapshot(run);
    const other = begin(residualFor(4), MOST);
    for (const [rank, message] of [
      [5, `entry '0/C/average' is a ${p}×6 matrix, expected a ${p}×8 float64 matrix`],
      [0, /entry '0\/rank' is 0, expected an integer/],
      [MOST + 1, /entry '0\/rank' is 49, expected an integer/],
      [4.5, /entry '0\/rank' is 4.5, expected an integer/],
    ] as const) {
      const bad = { ...state, entries: { ...state.entries, '0/rank': rank } };
      expect(() => putBack(other, bad)).toThrow(message);
    }
    expect(await snapshot(other)).toEqual(before);
  });

  test('an own source is asked for sketches of the new width', async () => {
    const widths: number[] = [];
    const run = begin(residualFor(4), MOST, {
      sketch: ({ shape, dtype }) => {
        widths.push(shape.width);
        const S = build(shape.inputs, shape.width, (i, j) => Math.sin(i * (j + 1) + j));
        return { kind: 'dense', ...shape, S: convert(S, dtype) };
      },
    });
    await windows(backend, run.layers[0], rowsOf(withGap(4), 1), 2);
    expect(widths).toEqual([15, 6, 6]);
  });

  test.each([1, { relative: 0.1 }])(
    'a window that shows nothing leaves the rank, with damping %j',
    async (damping) => {
      const [layer] = begin(residualFor(30), MOST, { damping }).layers;
      const X = rowsOf(withGap(30), 1);
      const [rank] = (await windows(backend, layer, X, 4)).slice(-1);
      expect(rank).toBeGreaterThan(10);
      expect(
        await windows(
          backend,
          layer,
          build(p, p, () => 0),
          1,
        ),
      ).toEqual([rank]);
      expect(await windows(backend, layer, X, 1)).toEqual([rank]);
    },
  );

  test('P is finite and moves while the rank grows', async () => {
    const [layer] = begin(0.001, MOST).layers;
    const X = rowsOf(withGap(30), 1);
    const G = randomGradient(1, SIZE);
    for (let window = 0; window < 4; window++) {
      await windows(backend, layer, X, 1);
      const P = await apply(backend, layer, G);
      expect(norm(P)).toBeLessThanOrEqual(norm(G) * (1 + 1e-9));
      expect(norm(P)).toBeGreaterThan(0);
    }
  });
});

test('an optimiser of more layers takes over a layer of another rank', async () => {
  const backend = cpuBackend('float64');
  const rank = { residual: residualFor(4), max: MOST };
  const made = (count: number) =>
    new Optimizer({
      backend,
      transform: nysact({ rank, observeEvery: 1, refreshEvery: 1, damping: 0.5 }),
      parameters: Array.from({ length: count }, () => ({ rows: q, cols: p })),
      layers: Array.from({ length: count }, (_, weight) => ({ weight })),
    });
  const [first, second] = [made(1), made(2)];
  const slot = () => backend.allocate(q, p);
  const X = rowsOf(withGap(4), 1);
  for (let k = 0; k < 3; k++) {
    first.step([slot()], [slot()], [observed(backend, { X, D: nothing })]);
  }
  second.takeOver(first);
  expect(second.diagnostics.map((one) => one.rank)).toEqual([4, 10]);
  second.step([slot(), slot()], [slot(), slot()], [observed(backend, { X, D: nothing })]);
  expect(second.diagnostics[0]).toMatchObject({ rank: 4, refreshes: 4 });
});

describe('the next rank', () => {
  const values = Float64Array.of(4, 3, 2, 1);
  test.each([
    ['grows to what is needed', 10, 0.1, 2, 4, 3],
    ['stays where only the margin is short', 10, 0.1, 3, 4, 3],
    ['shrinks where a margin is left', 10, 0.4, 4, 4, 2],
    ['doubles where nothing reaches', 100, 0.1, 4, 40, 8],
    ['stays below what may be', 100, 0.1, 4, 5, 5],
    ['is 1 at least', 10, 0.99, 2, 4, 1],
    ['stays where nothing was seen', 0, 0.1, 3, 4, 3],
  ])('%s', (_, trace, residual, rank, most, expected) => {
    expect(nextRank(values, trace, residual, rank, most)).toBe(expected);
  });
});

test.each([
  { residual: 0, max: 5 },
  { residual: 1, max: 5 },
  { residual: 0.1, max: 0 },
  { residual: 0.1, max: 2.5 },
  { residual: 0.1 },
  { residual: 0.1, max: 5, min: 1 },
  '10',
])('%o is no rank', (rank) => {
  // @ts-expect-error What comes from a file.
  expect(() => nysactMethod({ rank })).toThrow(
    /^nysact: rank is .*, expected an integer >= 1 or \{ residual: a number in \(0, 1\), max: an integer >= 1 \}/,
  );
});

test('a fixed sketch has a fixed rank', () => {
  const rank = { residual: 0.1, max: 20 };
  const expected = "rank follows the data under policy 'fixed', expected a policy that draws anew";
  expect(() => nysactMethod({ rank, policy: 'fixed' })).toThrow(`nysact: ${expected}`);
  const method = nysactMethod({ rank, overrides: () => ({ policy: 'fixed' }) });
  const layers = () => method.layers([{ name: 'layer', ...SIZE }], 'float64');
  expect(layers).toThrow(`nysact: ${expected}`);
  expect(numberOf(only(nysactMethod({ rank }), cpuBackend('float64'), SIZE), 'rank')).toBe(10);
});
