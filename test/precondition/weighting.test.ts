// Masks and weights mean the same to every preconditioner, and so do the groups of a convolution.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import type { ConvolutionGeometry } from '../../src/rows/convolution.js';
import { extractPatches, outputGradientRows } from '../../src/rows/images.js';
import {
  build,
  distance,
  gaussian,
  type Matrix,
  norm,
  pickRows,
  uniform,
  withOnes,
} from '../support/matrices.js';
import { apply, type Batch, observe, only, randomBatch, randomGradient, start } from './runs.js';
import { sketchCondition } from './sketch-condition.js';
import { RANK, VARIANTS } from './variants.js';

const SIZE = { inputs: 7, outputs: 3 };
const ROWS = 9;

/** The largest weight. */
const HEAVIEST = 3;

/** Two orders of summing as many terms of A ~ 1 differ by as many roundings each. */
const MOST_TERMS = ROWS * HEAVIEST;

/** At most so many rows weigh 0: with fewer than p others A would be singular, and its sketch too. */
const MASKED = ROWS - SIZE.inputs;
const weights = fc
  .tuple(
    fc.array(fc.integer({ min: 1, max: HEAVIEST }), { minLength: ROWS, maxLength: ROWS }),
    fc.uniqueArray(fc.nat({ max: ROWS - 1 }), { minLength: 1, maxLength: MASKED }),
  )
  .map(([values, masked]) => values.map((value, i) => (masked.includes(i) ? 0 : value)));

describe.each(VARIANTS.filter(({ knowsMasks }) => knowsMasks))('$name', ({ make, damping }) => {
  const preconditionedAfter = async (batches: readonly Batch[], G: Matrix) => {
    const backend = cpuBackend('float64');
    const layer = only(make(), backend, SIZE);
    let condition = 1;
    for (const batch of batches) {
      observe(backend, layer, batch);
      condition = await sketchCondition(backend, layer, RANK);
      layer.refresh();
    }
    const { damping: rho = damping } = layer.diagnostics.found;
    return { P: await apply(backend, layer, G), condition, rho: Number(rho) };
  };

  test('a row of weight w is w equal rows, and one of weight 0 is none, whatever it holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), weights, async (seed, of) => {
        const examples = 5;
        const repeated = of.flatMap((weight, i) => Array.from({ length: weight }, () => i));
        const plain = [seed, seed + 1].map((s) => randomBatch(s, ROWS, SIZE));
        const weighted = plain.map(({ X, D }) => {
          const padded = build(ROWS, X.cols, (i, j) => (of[i] === 0 ? Number.NaN : X.at(i, j)));
          return { X: padded, D, weights: of, examples };
        });
        const copied = plain.map(({ X, D }) => {
          return { X: pickRows(X, repeated), D: pickRows(D, repeated), examples };
        });
        const G = randomGradient(seed, SIZE);
        const { P, condition, rho } = await preconditionedAfter(weighted, G);
        const error = distance(P, (await preconditionedAfter(copied, G)).P);
        expect(condition).toBeLessThan(Number.POSITIVE_INFINITY);
        const rounding = 2 * MOST_TERMS * EPSILON.float64 * condition;
        expect(error).toBeLessThanOrEqual((rounding * norm(G)) / rho ** 2);
      }),
      { numRuns: 8 },
    );
  });
});

describe.each(VARIANTS)('$name, on a grouped convolution', ({ make }) => {
  const geometry: ConvolutionGeometry = {
    batch: 3,
    channels: 4,
    height: 5,
    width: 4,
    layout: 'channelsFirst',
    groups: 2,
    kernel: [2, 2],
    stride: [2, 1],
    padding: 1,
  };
  const [perGroup, pixels] = [2, 20];
  const output = {
    batch: 3,
    channels: 6,
    height: 3,
    width: 5,
    layout: 'channelsFirst',
    groups: 2,
  } as const;
  const images = (seed: number, channels: number, size: number) =>
    gaussian(uniform(seed), geometry.batch, channels * size);

  test('every group is a layer of its own: that of a convolution with its channels alone', async () => {
    const backend = cpuBackend('float64');
    const shapes = ['first group', 'second group'].map((name) => ({ name, inputs: 9, outputs: 3 }));
    const grouped = start(make(), backend, shapes).layers;
    // The same layers again, so that layer i draws the same sketches.
    const alone = start(make(), backend, shapes).layers;
    for (const step of [1, 2]) {
      const X = images(step, 4, pixels);
      const D = images(100 + step, 6, 15);
      const patches = extractPatches(X, geometry);
      const gradients = outputGradientRows(D, output);
      for (const group of [0, 1]) {
        const examples = geometry.batch;
        observe(backend, grouped[group], {
          X: withOnes(patches[group]),
          D: gradients[group],
          examples,
        });
        const channels = X.view(0, group * perGroup * pixels, 3, perGroup * pixels).clone();
        const [own] = extractPatches(channels, { ...geometry, channels: perGroup, groups: 1 });
        const part = D.view(0, group * 3 * 15, 3, 3 * 15).clone();
        const [rows] = outputGradientRows(part, { ...output, channels: 3, groups: 1 });
        observe(backend, alone[group], { X: withOnes(own), D: rows.clone(), examples });
      }
      for (const layer of [...grouped, ...alone]) layer.refresh();
    }
    const G = randomGradient(1, shapes[0]);
    const P = await Promise.all(grouped.map((layer) => apply(backend, layer, G)));
    expect(P).toEqual(await Promise.all(alone.map((layer) => apply(backend, layer, G))));
    expect(P[0]).not.toEqual(P[1]);
  });
});
