// FOOF against the dense inverse, and the recursion of its reference variant.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import { identity } from '../../src/core/matrix.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { publishedFoofMethod } from '../../src/published/foof.js';
import { combine, distance, norm, product } from '../support/matrices.js';
import { averaged, dampedInverse, secondMoment } from './oracles.js';
import { apply, observe, only, randomBatch, randomGradient, start } from './runs.js';

const SIZE = { inputs: 6, outputs: 4 };
/** Times eps·p·(1 + ‖A‖/ρ)·‖G‖/ρ: rounding of A, divided by ρ twice. */
const C_INVERSE = 4;

describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
  const tolerance = (A: number, rho: number, G: number) =>
    (C_INVERSE * SIZE.inputs * EPSILON[dtype] * (1 + A / rho) * G) / rho;

  test('P = G(Ā + ρI)⁻¹ with the bias-corrected average of XᵀX/m', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(0.05, 1),
        fc.constantFrom(0, 0.5, 0.95),
        async (seed, count, damping, decay) => {
          const backend = cpuBackend(dtype);
          const layer = only(foofMethod({ damping, decay }), backend, SIZE);
          const batches = Array.from({ length: count }, (_, t) =>
            randomBatch(seed + t, 5 + t, SIZE),
          );
          for (const batch of batches) observe(backend, layer, batch);
          layer.refresh();
          const A = averaged(
            batches.map(({ X }) => secondMoment(X)),
            decay,
          );
          const G = randomGradient(seed, SIZE);
          const expected = product(G, 'N', dampedInverse(A, damping), 'N');
          expect(distance(await apply(backend, layer, G), expected)).toBeLessThanOrEqual(
            tolerance(norm(A), damping, norm(G)),
          );
        },
      ),
      { numRuns: 20 },
    );
  });

  test('decay 1 is the plain mean over all rows', async () => {
    const backend = cpuBackend(dtype);
    const [whole, parts] = [1, 1].map((decay) => {
      return only(foofMethod({ decay, damping: 0.5 }), backend, SIZE);
    });
    const { X, D } = randomBatch(1, 12, SIZE);
    observe(backend, whole, { X, D });
    for (const [from, rows] of [
      [0, 3],
      [3, 8],
      [11, 1],
    ]) {
      observe(backend, parts, {
        X: X.view(from, 0, rows, X.cols),
        D: D.view(from, 0, rows, D.cols),
      });
    }
    for (const layer of [whole, parts]) layer.refresh();
    const G = randomGradient(2, SIZE);
    const error = distance(await apply(backend, parts, G), await apply(backend, whole, G));
    expect(error).toBeLessThanOrEqual(tolerance(norm(secondMoment(X)), 0.5, norm(G)));
  });

  test('published: from I, corrected with a count over all layers, the first refresh skipped', async () => {
    const [damping, decay] = [0.2, 0.9];
    const backend = cpuBackend(dtype);
    const shapes = ['a', 'b'].map((name) => ({ name, ...SIZE }));
    const { layers } = start(publishedFoofMethod({ damping, decay }), backend, shapes);
    const I = identity('float64', SIZE.inputs);
    let average = I;
    const G = randomGradient(3, SIZE);
    for (const step of [1, 2, 3]) {
      const batch = randomBatch(step, 7, SIZE);
      for (const layer of layers) observe(backend, layer, batch);
      for (const layer of layers) layer.refresh();
      average = combine(decay, average, 1 - decay, secondMoment(batch.X));
      // Both layers have been counted when the first of them refreshes.
      const A = combine(1 / (1 - decay ** (2 * step)), average, 0, I);
      const inverse = step === 1 ? I : dampedInverse(A, damping);
      const expected = product(G, 'N', inverse, 'N');
      for (const layer of layers) {
        expect(distance(await apply(backend, layer, G), expected)).toBeLessThanOrEqual(
          tolerance(norm(A), damping, norm(G)),
        );
      }
    }
  });
});
