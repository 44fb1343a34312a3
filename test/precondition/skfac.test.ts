// SKFAC against the damped inverses of its factors, formed as they are written.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { stateBytes } from '../../src/backend/state.js';
import { BYTES, EPSILON } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { skfacMethod } from '../../src/precondition/skfac.js';
import { denseRows } from '../../src/rows/dense.js';
import { patchRows } from '../../src/rows/patches.js';
import { linesOf, meansOf } from '../rows/means.js';
import { weightsFor } from '../rows/rows.contract.js';
import { build, distance, type Matrix, map, norm, product, uniform } from '../support/matrices.js';
import { dampedInverse, secondMoment } from './oracles.js';
import { apply, type Batch, observe, only, randomBatch, randomGradient } from './runs.js';

const SIZE = { inputs: 7, outputs: 3 };
const { inputs: p, outputs: q } = SIZE;
/** Times eps·(p+q+n)·(1 + ‖A‖/√λ)(1 + ‖B‖/√λ)·‖G‖/λ. */
const C_INVERSE = 8;
const LAMBDA = 0.04;

const perExample = (D: Matrix, examples: number) => map(D, (d) => d * examples);

/** (B + √λI)⁻¹G(A + √λI)⁻¹ */
function expectedOf(G: Matrix, A: Matrix, B: Matrix): Matrix {
  const root = Math.sqrt(LAMBDA);
  return product(product(dampedInverse(B, root), 'N', G, 'N'), 'N', dampedInverse(A, root), 'N');
}

/** The means of so many rows in succession. */
function means(X: Matrix, each: number): Matrix {
  return build(X.rows / each, X.cols, (i, j) => {
    let sum = 0;
    for (let k = 0; k < each; k++) sum += X.at(i * each + k, j);
    return sum / each;
  });
}

describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
  const backend = cpuBackend(dtype);
  const G = randomGradient(1, SIZE);
  const layerOf = (examples: number) =>
    only(skfacMethod({ damping: LAMBDA, examples }), backend, SIZE);
  const refreshed = (examples: number, batches: readonly Batch[]) => {
    const layer = layerOf(examples);
    for (const batch of batches) observe(backend, layer, batch);
    layer.refresh();
    return apply(backend, layer, G);
  };
  const tolerance = (A: Matrix, B: Matrix, n: number) => {
    const root = Math.sqrt(LAMBDA);
    const condition = (1 + norm(A) / root) * (1 + norm(B) / root);
    return (C_INVERSE * (p + q + n) * EPSILON[dtype] * condition * norm(G)) / LAMBDA;
  };

  test('Woodbury: P is that of the explicit factors of the last batch, of fewer examples than p or more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 12 }), async (seed, n) => {
        const batch = randomBatch(seed, n, SIZE);
        const [A, B] = [secondMoment(batch.X), secondMoment(perExample(batch.D, n))];
        const P = await refreshed(12, [randomBatch(seed + 1, 9, SIZE), batch]);
        expect(distance(P, expectedOf(G, A, B))).toBeLessThanOrEqual(tolerance(A, B, n));
      }),
      { numRuns: 15 },
    );
  });

  test('Woodbury: rows in any order count by the mean of the example that they are said to be of', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (seed, m, n) => {
          const random = uniform(seed);
          const exampleOf = Array.from({ length: m }, () => Math.floor(n * random()));
          const weights = weightsFor(m, seed);
          const drawn = randomBatch(seed, m, SIZE);
          const batch = { ...drawn, exampleOf, examples: n, ...(weights && { weights }) };
          const moment = (X: Matrix) =>
            secondMoment(meansOf(linesOf(X, (i) => exampleOf[i], weights)), 1);
          const [A, B] = [moment(batch.X), moment(perExample(batch.D, n))];
          const P = await refreshed(7, [batch]);
          expect(distance(P, expectedOf(G, A, B))).toBeLessThanOrEqual(tolerance(A, B, m));
        },
      ),
      { numRuns: 30 },
    );
  });

  test('of more examples than there is room for, the first count', async () => {
    const batch = randomBatch(5, 10, SIZE);
    const [X, D] = [batch.X.view(0, 0, 4, p), perExample(batch.D, 10).view(0, 0, 4, q)];
    const [A, B] = [secondMoment(X), secondMoment(D)];
    expect(distance(await refreshed(4, [batch]), expectedOf(G, A, B))).toBeLessThanOrEqual(
      tolerance(A, B, 4),
    );
  });

  test('the rows of an example, as positions are, count by their mean', async () => {
    const batch = { ...randomBatch(6, 12, SIZE), examples: 4 };
    const A = secondMoment(means(batch.X, 3));
    const B = secondMoment(means(perExample(batch.D, 4), 3));
    for (const room of [4, 9]) {
      const P = await refreshed(room, [batch]);
      expect(distance(P, expectedOf(G, A, B))).toBeLessThanOrEqual(tolerance(A, B, 4));
    }
    const each = await refreshed(12, [{ ...batch, examples: 5 }]);
    expect(distance(each, expectedOf(G, A, B))).toBeGreaterThan(0.01 * norm(each));
  });

  test('rows that are weighted and do not tell count each on its own', async () => {
    const weights = [0, 1, 3, 0, 0.5, 2];
    const total = 6.5;
    const batch = { ...randomBatch(7, 6, SIZE), weights, examples: 3 };
    const moment = (X: Matrix) =>
      product(
        build(6, X.cols, (i, j) => (weights[i] / total) * X.at(i, j)),
        'T',
        X,
        'N',
      );
    const [A, B] = [moment(batch.X), moment(perExample(batch.D, 3))];
    expect(distance(await refreshed(6, [batch]), expectedOf(G, A, B))).toBeLessThanOrEqual(
      tolerance(A, B, 6),
    );
  });

  test('patches are averaged strip by strip', async () => {
    const image = build(3, 20, (i, j) => Math.sin(1 + i * 20 + j));
    const geometry = {
      batch: 3,
      channels: 1,
      height: 4,
      width: 5,
      layout: 'channelsLast',
      kernel: [2, 3],
    } as const;
    const positions = 9;
    const X = build(3 * positions, p, (i, j) => {
      const [example, at] = [Math.floor(i / positions), i % positions];
      const pixel = (Math.floor(at / 3) + Math.floor(j / 3)) * 5 + (at % 3) + (j % 3);
      return j === 6 ? 1 : image.at(example, pixel);
    });
    const { D } = randomBatch(8, 3 * positions, SIZE);
    const [A, B] = [
      secondMoment(means(X, positions)),
      secondMoment(means(perExample(D, 3), positions)),
    ];
    for (const strip of [7, 80, undefined]) {
      const layer = layerOf(5);
      const [rows] = patchRows(backend, convert(image, dtype), geometry, { bias: true, strip });
      layer.observe({ X: rows, D: denseRows(backend, D), examples: 3 });
      layer.refresh();
      const P = await apply(backend, layer, G);
      expect(distance(P, expectedOf(G, A, B))).toBeLessThanOrEqual(tolerance(A, B, positions));
    }
  });

  test('holds 2n(p + q) numbers', () => {
    expect(stateBytes(layerOf(16).state)).toBe(2 * 16 * (p + q) * BYTES[dtype]);
  });
});
