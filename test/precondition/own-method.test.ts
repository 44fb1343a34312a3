// Methods of one's own: as short as promised, and right.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import { placeRounded } from '../support/backends.js';
import { build, combine, distance, norm, product } from '../support/matrices.js';
import { diagonalMethod } from './diagonal-method.js';
import { oneSidedMethod } from './one-sided-method.js';
import { averaged, dampedInverse, secondMoment } from './oracles.js';
import { apply, observe, only, randomBatch, randomGradient } from './runs.js';

const SIZE = { inputs: 6, outputs: 4 };
const { inputs: p, outputs: q } = SIZE;
const RHO = 0.3;
/** Times eps·p·‖G‖/ρ·(1 + ‖A‖/ρ). */
const C_INVERSE = 4;

test('a method takes less than 40 lines', () => {
  const lines = readFileSync('test/precondition/diagonal-method.ts', 'utf8').split('\n');
  const code = lines.filter((line) => line.trim() !== '' && !/^\s*(\/\/|\/\*|\*)/.test(line));
  expect(code.length).toBeLessThan(40);
});

describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
  const backend = cpuBackend(dtype);
  const G = randomGradient(1, SIZE);
  const tolerance = (size: number) =>
    (C_INVERSE * p * EPSILON[dtype] * norm(G) * (1 + size / RHO)) / RHO;

  test('the diagonal one divides by the damped diagonal of Ā', async () => {
    const layer = only(diagonalMethod(RHO), backend, SIZE);
    const batches = [1, 2, 3].map((seed) => randomBatch(seed, 4 + seed, SIZE));
    for (const batch of batches) observe(backend, layer, batch);
    layer.refresh();
    const A = averaged(
      batches.map(({ X }) => secondMoment(X)),
      0.95,
    );
    const expected = build(q, p, (i, j) => G.at(i, j) / (A.at(j, j) + RHO));
    expect(distance(await apply(backend, layer, G), expected)).toBeLessThanOrEqual(
      tolerance(norm(A)),
    );
  });

  test('the one-sided one inverts the average of GGᵀ over batches, whatever rows they have', async () => {
    const layer = only(oneSidedMethod(RHO, 0.8), backend, SIZE);
    const gradients = [2, 3, 4].map((seed) => randomGradient(seed, SIZE));
    gradients.forEach((H, i) => {
      layer.observe({ G: placeRounded(backend, H), examples: 10 * (i + 1) });
    });
    layer.refresh();
    const L = averaged(
      gradients.map((H) => product(H, 'N', H, 'T')),
      0.8,
    );
    const expected = product(dampedInverse(L, RHO), 'N', G, 'N');
    expect(distance(await apply(backend, layer, G), expected)).toBeLessThanOrEqual(
      tolerance(norm(L)),
    );
    expect(distance(expected, combine(1 / RHO, G, 0, G))).toBeGreaterThan(0.1 * norm(G));
  });
});
