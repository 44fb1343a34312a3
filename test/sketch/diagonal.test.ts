// Columns of I with probability in proportion to the diagonal of A.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { nystromEigenpairs } from '../../src/nystrom/factor.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { diagonalColumns } from '../../src/sketch/diagonal.js';
import type { Sketch } from '../../src/sketch/sketch.js';
import { subcolumn } from '../../src/sketch/subcolumn.js';
import { decayingBatch, SIZE } from '../precondition/decaying.js';
import { observe, only } from '../precondition/runs.js';
import { build, combine, product } from '../support/matrices.js';
import { approximation, INPUTS, SPECTRA, sketchOf, spectralNorm } from '../support/nystrom.js';
import { SEED } from '../support/seed.js';
import { withSpectrum } from '../support/spectra.js';
import { chiSquare, chiSquareLimit, SIGNIFICANCE } from '../support/statistics.js';

const KEY = randomKey(SEED);

function drawn(weights: readonly number[], width: number, key = KEY): Int32Array {
  const sketch = diagonalColumns(Float64Array.from(weights), width, key);
  if (sketch.kind !== 'columns') throw new TypeError(`the sketch is of kind '${sketch.kind}'`);
  return sketch.indices;
}

describe('diagonalColumns', () => {
  const weights = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), {
    minLength: 1,
    maxLength: 40,
  });

  test.prop([weights, fc.nat(), fc.nat()])(
    'picks distinct columns, those of weight 0 last and in order, and a wider sketch extends it',
    (all, size, seed) => {
      const width = 1 + (size % all.length);
      const indices = drawn(all, width, randomKey(seed));
      expect(new Set(indices).size).toBe(width);
      const ranks = Array.from(indices, (i) => Number(all[i] === 0));
      expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
      const empty = Array.from(indices).filter((i) => all[i] === 0);
      expect(empty).toEqual(empty.toSorted((a, b) => a - b));
      expect(drawn(all, all.length, randomKey(seed)).subarray(0, width)).toEqual(indices);
    },
  );

  test('a weight that is nothing beside the largest still comes before those of 0', () => {
    for (let d = 0; d < 20; d++) {
      const both = Array.from(drawn([0, 1, 5e-324, 0, 0], 2, foldIn(KEY, d)));
      expect(both).toEqual([1, 2]);
    }
  });

  test('draws the first two in proportion to what is left: χ², 11 degrees of freedom', () => {
    const all = [1, 2, 4, 5];
    const total = 12;
    const pairs = all.flatMap((first, i) =>
      all.flatMap((second, j) =>
        i === j ? [] : [{ i, j, share: ((first / total) * second) / (total - first) }],
      ),
    );
    const draws = 12_000;
    const counts = new Map(pairs.map(({ i, j }) => [`${i},${j}`, 0]));
    for (let d = 0; d < draws; d++) {
      const name = drawn(all, 2, foldIn(KEY, d)).join(',');
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    expect(counts.size).toBe(12);
    const observed = pairs.map(({ i, j }) => counts.get(`${i},${j}`) ?? 0);
    const expected = pairs.map(({ share }) => share * draws);
    const statistic = observed.reduce((sum, n, k) => sum + (n - expected[k]) ** 2 / expected[k], 0);
    expect(statistic).toBeLessThanOrEqual(chiSquareLimit(11, SIGNIFICANCE));
    // The same draws are far from uniform.
    expect(chiSquare(observed)).toBeGreaterThan(chiSquareLimit(11, SIGNIFICANCE));
  });

  test('sums of weights may overflow', () => {
    const huge = Array.from({ length: 4 }, () => 1e308);
    const firsts = Array.from({ length: 40 }, (_, d) => drawn(huge, 1, foldIn(KEY, d))[0]);
    expect(new Set(firsts).size).toBe(4);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses a weight of %d', (bad) => {
    expect(() => drawn([1, bad], 1)).toThrow(
      `diagonalColumns: weights[1] is ${bad}, expected a finite number >= 0`,
    );
  });

  test.each([0, 3, 1.5])('refuses a width of %d for two columns', (width) => {
    expect(() => drawn([1, 1], width)).toThrow(RangeError);
  });
});

test('of uneven columns the factor is better than with uniform ones: medians of 41 draws', () => {
  // Columns of A scaled from 1 to 1/32, as of features that are rarely active.
  const core = withSpectrum('float64', SPECTRA.polynomial, 1);
  const D = build(INPUTS, INPUTS, (i, j) => (i === j ? 2 ** -((7 * i) % 6) : 0));
  const A = product(product(D, 'N', core, 'N'), 'N', D, 'N');
  const diagonal = Float64Array.from({ length: INPUTS }, (_, i) => A.at(i, i));
  const median = (draw: (d: number) => Sketch<'float64'>) =>
    Array.from({ length: 41 }, (_, d) => {
      const sketch = draw(d);
      const pairs = nystromEigenpairs(sketchOf(A, sketch, 'float64'), sketch);
      return spectralNorm(combine(1, A, -1, approximation(pairs)));
    }).toSorted((a, b) => a - b)[20];
  const weighted = median((d) => diagonalColumns(diagonal, 6, foldIn(KEY, d)));
  const uniform = median((d) => subcolumn({ inputs: INPUTS, width: 6 }, 'float64', foldIn(KEY, d)));
  expect(weighted).toBeLessThan(0.75 * uniform);
});

test('NysAct draws the columns of a window by the diagonal of the last one', () => {
  const backend = cpuBackend('float64');
  const layer = only(nysactMethod({ rank: 3, sketch: 'diagonal', seed: 4 }), backend, SIZE);
  const columns = () => {
    const entry = layer.state.find(({ name }) => name === 'sketch/columns')?.holds;
    if (entry === undefined || !('get' in entry)) throw new TypeError('no columns are held');
    return entry.get();
  };
  const key = foldIn(foldIn(randomKey(4), 0), 0);
  const first = subcolumn({ inputs: SIZE.inputs, width: 3 }, 'float64', key);
  expect({ kind: 'columns', inputs: SIZE.inputs, width: 3, indices: columns() }).toEqual(first);
  const { X } = decayingBatch(1, 20, 0.5);
  observe(backend, layer, { X, D: build(20, SIZE.outputs, () => 1) });
  layer.refresh();
  const diagonal = Float64Array.from({ length: SIZE.inputs }, (_, j) =>
    Array.from({ length: 20 }, (__, i) => X.at(i, j) ** 2).reduce((a, b) => a + b),
  );
  const next = foldIn(foldIn(randomKey(4), 0), 1);
  expect(columns()).toEqual(drawn(Array.from(diagonal), 3, next));
});
