// Eva against the dense inverse of its rank-one Kronecker product.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import { evaMethod } from '../../src/precondition/eva.js';
import type { Method } from '../../src/precondition/method.js';
import { publishedEvaMethod } from '../../src/published/eva.js';
import { build, combine, distance, type Matrix, norm, product } from '../support/matrices.js';
import { applyToVec, averaged, dampedInverse, kronecker } from './oracles.js';
import { apply, type Batch, observe, only, randomBatch, randomGradient } from './runs.js';

const SIZE = { inputs: 5, outputs: 3 };
const { inputs: p, outputs: q } = SIZE;
/** Times eps·(p+q)·(1 + |a|²|g|²/ρ)·‖G‖/ρ: rounding of the means, divided by ρ twice. */
const C_INVERSE = 8;

/** Batches whose means are well away from 0. */
function biased(seed: number, rows: number): Batch {
  const { X, D } = randomBatch(seed, rows, SIZE);
  return {
    X: build(rows, p, (i, j) => X.at(i, j) + 1),
    D: build(rows, q, (i, j) => D.at(i, j) - 1 / rows),
  };
}

/** The mean of the first rows, 1×n. */
const meanRow = (A: Matrix, rows: number = A.rows) =>
  build(1, A.cols, (_, j) => {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += A.at(i, j);
    return sum / rows;
  });

/** ((gᵀg) ⊗ (aᵀa) + ρI)⁻¹vec(G) for rows a and g. */
function oracle(a: Matrix, g: Matrix, rho: number, G: Matrix): Matrix {
  const K = kronecker(product(g, 'T', g, 'N'), product(a, 'T', a, 'N'));
  return applyToVec(dampedInverse(K, rho), G);
}

describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
  const tolerance = (a: Matrix, g: Matrix, rho: number, G: Matrix) =>
    (C_INVERSE * (p + q) * EPSILON[dtype] * (1 + (norm(a) * norm(g)) ** 2 / rho) * norm(G)) / rho;
  const fed = (method: Method, batches: readonly Batch[]) => {
    const backend = cpuBackend(dtype);
    const layer = only(method, backend, SIZE);
    for (const batch of batches) observe(backend, layer, batch);
    return { backend, layer };
  };
  const G = randomGradient(1, SIZE);

  test('vec(P) = ((ḡḡᵀ) ⊗ (āāᵀ) + ρI)⁻¹vec(G), of mean rows and mean per-example gradients', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(0.03, 1),
        fc.constantFrom(0, 0.5, 0.95),
        async (seed, count, damping, decay) => {
          const batches = Array.from({ length: count }, (_, t) => biased(seed + t, 3 + t));
          const a = averaged(
            batches.map(({ X }) => meanRow(X)),
            decay,
          );
          const g = averaged(
            batches.map(({ D }) => combine(D.rows, meanRow(D), 0, meanRow(D))),
            decay,
          );
          const { backend, layer } = fed(evaMethod({ damping, decay }), batches);
          expect(
            distance(await apply(backend, layer, G), oracle(a, g, damping, G)),
          ).toBeLessThanOrEqual(tolerance(a, g, damping, G));
        },
      ),
      { numRuns: 20 },
    );
  });

  test('along ḡāᵀ P is G/(ρ + |ā|²|ḡ|²), across it G/ρ', async () => {
    const rho = 0.1;
    const batch = biased(3, 6);
    const { backend, layer } = fed(evaMethod({ damping: rho }), [batch]);
    const a = meanRow(batch.X);
    const g = combine(6, meanRow(batch.D), 0, meanRow(batch.D));
    const along = product(g, 'T', a, 'N');
    const size = (norm(a) * norm(g)) ** 2;
    const P = await apply(backend, layer, along);
    expect(distance(P, combine(1 / (rho + size), along, 0, along))).toBeLessThanOrEqual(
      tolerance(a, g, rho, along),
    );
    const unit = build(1, p, (_, j) => (j === 0 ? a.at(0, 1) : j === 1 ? -a.at(0, 0) : 0));
    const across = product(g, 'T', unit, 'N');
    expect(
      distance(await apply(backend, layer, across), combine(1 / rho, across, 0, across)),
    ).toBeLessThanOrEqual(tolerance(a, g, rho, across));
  });

  test('the same examples in another batch size have the same means', async () => {
    const { X, D } = biased(4, 12);
    const parts = [0, 4, 8].map((from) => ({
      X: X.view(from, 0, 4, p),
      D: combine(3, D.view(from, 0, 4, q).clone(), 0, D.view(from, 0, 4, q)),
    }));
    const [whole, split] = [[{ X, D }], parts].map((batches) =>
      fed(evaMethod({ decay: 1 }), batches),
    );
    const g = combine(12, meanRow(D), 0, meanRow(D));
    expect(
      distance(
        await apply(whole.backend, whole.layer, G),
        await apply(split.backend, split.layer, G),
      ),
    ).toBeLessThanOrEqual(tolerance(meanRow(X), g, 0.03, G));
  });

  test('published: the first examples only, the new batch weighs β, gradients of the mean loss', async () => {
    const [rho, beta] = [0.2, 0.95];
    const batches = [biased(5, 8), biased(6, 3), biased(7, 6)];
    const { backend, layer } = fed(publishedEvaMethod({ damping: rho, examples: 4 }), batches);
    const recursion = (values: readonly Matrix[]) =>
      values.reduce((m, value) => combine(1 - beta, m, beta, value));
    const a = recursion(batches.map(({ X }) => meanRow(X, Math.min(4, X.rows))));
    const g = recursion(batches.map(({ D }) => meanRow(D, Math.min(4, D.rows))));
    expect(distance(await apply(backend, layer, G), oracle(a, g, rho, G))).toBeLessThanOrEqual(
      tolerance(a, g, rho, G),
    );
  });

  test('published: an example of a convolution is all its positions', async () => {
    const rho = 0.2;
    const batch = { ...biased(8, 12), examples: 4 };
    const { backend, layer } = fed(publishedEvaMethod({ damping: rho, examples: 2 }), [batch]);
    const [a, g] = [meanRow(batch.X, 6), meanRow(batch.D, 6)];
    expect(distance(await apply(backend, layer, G), oracle(a, g, rho, G))).toBeLessThanOrEqual(
      tolerance(a, g, rho, G),
    );
  });
});
