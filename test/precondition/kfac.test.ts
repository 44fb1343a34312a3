// KFAC against the dense Kronecker product and its inverse.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import { convert, identity } from '../../src/core/matrix.js';
import { kfacMethod } from '../../src/precondition/kfac.js';
import type { Method } from '../../src/precondition/method.js';
import { publishedKfacMethod } from '../../src/published/kfac.js';
import { build, combine, distance, type Matrix, map, norm, product } from '../support/matrices.js';
import {
  applyToVec,
  averaged,
  dampedInverse,
  inverted,
  kronecker,
  secondMoment,
} from './oracles.js';
import {
  apply,
  type Batch,
  matrixOf,
  observe,
  only,
  putBack,
  randomBatch,
  randomGradient,
  snapshot,
} from './runs.js';

const SIZE = { inputs: 5, outputs: 3 };
const { inputs: p, outputs: q } = SIZE;
/** Times eps·(p+q)·(1 + ‖A‖‖B‖/ρ)·‖G‖/ρ: rounding of the factors, divided by ρ twice. */
const C_INVERSE = 8;

/** DᵀD/m of per-example gradients: those of the mean loss times m. */
const gradientMoment = (D: Matrix) => secondMoment(map(D, (d) => d * D.rows));

const trace = (A: Matrix) => build(1, A.rows, (_, j) => A.at(j, j)).data.reduce((s, x) => s + x, 0);

const diagonal = (values: readonly number[]) =>
  build(values.length, values.length, (i, j) => (i === j ? values[i] : 0));

describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
  const refreshed = (method: Method, batches: readonly Batch[]) => {
    const backend = cpuBackend(dtype);
    const layer = only(method, backend, SIZE);
    for (const batch of batches) observe(backend, layer, batch);
    layer.refresh();
    return { backend, layer };
  };
  const tolerance = (A: Matrix, B: Matrix, rho: number, G: Matrix) =>
    (C_INVERSE * (p + q) * EPSILON[dtype] * (1 + (norm(A) * norm(B)) / rho) * norm(G)) / rho;
  const G = randomGradient(1, SIZE);

  test('eigenbasis: vec(P) = (B̄ ⊗ Ā + ρI)⁻¹vec(G), of averages over per-example gradients', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(0.03, 1),
        async (seed, count, damping) => {
          const batches = Array.from({ length: count }, (_, t) =>
            randomBatch(seed + t, 2 + t, SIZE),
          );
          const A = averaged(
            batches.map(({ X }) => secondMoment(X)),
            0.8,
          );
          const B = averaged(
            batches.map(({ D }) => gradientMoment(D)),
            0.8,
          );
          const { backend, layer } = refreshed(kfacMethod({ damping, decay: 0.8 }), batches);
          const expected = applyToVec(dampedInverse(kronecker(B, A), damping), G);
          expect(distance(await apply(backend, layer, G), expected)).toBeLessThanOrEqual(
            tolerance(A, B, damping, G),
          );
        },
      ),
      { numRuns: 15 },
    );
  });

  test('factored: P = (B̄ + √ρ/π·I)⁻¹G(Ā + π√ρ·I)⁻¹ with π² the ratio of the mean diagonals', async () => {
    const rho = 0.2;
    const batch = randomBatch(5, 9, SIZE);
    const [A, B] = [secondMoment(batch.X), gradientMoment(batch.D)];
    const { backend, layer } = refreshed(kfacMethod({ damping: rho, inverse: 'factored' }), [
      batch,
    ]);
    const pi = Math.sqrt(trace(A) / p / (trace(B) / q));
    const left = dampedInverse(B, Math.sqrt(rho) / pi);
    const right = dampedInverse(A, Math.sqrt(rho) * pi);
    const expected = product(product(left, 'N', G, 'N'), 'N', right, 'N');
    expect(Math.abs(pi - 1)).toBeGreaterThan(0.01);
    expect(distance(await apply(backend, layer, G), expected)).toBeLessThanOrEqual(
      tolerance(A, B, rho, G),
    );
  });

  test.each([
    ['A', { X: build(4, p, () => 0), D: randomBatch(6, 4, SIZE).D }],
    ['B', { X: randomBatch(6, 4, SIZE).X, D: build(4, q, () => 0) }],
    ['both', { X: build(4, p, () => 0), D: build(4, q, () => 0) }],
  ])('factored: π = 1 where the trace of %s is 0', async (_, batch) => {
    const root = 0.5;
    const [A, B] = [secondMoment(batch.X), gradientMoment(batch.D)];
    const { backend, layer } = refreshed(kfacMethod({ damping: root ** 2, inverse: 'factored' }), [
      batch,
    ]);
    const half = product(dampedInverse(B, root), 'N', G, 'N');
    const expected = product(half, 'N', dampedInverse(A, root), 'N');
    const bound = tolerance(
      combine(1, A, 1, identity('float64', p)),
      combine(1, B, 1, identity('float64', q)),
      root ** 2,
      G,
    );
    expect(distance(await apply(backend, layer, G), expected)).toBeLessThanOrEqual(bound);
  });

  test('B̄ does not depend on how the same examples are batched', async () => {
    const backend = cpuBackend(dtype);
    const { X, D: perExample } = randomBatch(7, 12, SIZE);
    const moments = await Promise.all(
      [12, 4, 3, 1].map(async (size) => {
        const layer = only(kfacMethod({ decay: 1 }), backend, SIZE);
        for (let from = 0; from < 12; from += size) {
          const D = perExample.view(from, 0, size, q);
          const mean = map(D, (d) => d / size);
          observe(backend, layer, { X: X.view(from, 0, size, p), D: mean });
        }
        return matrixOf(backend, layer, 'B/average');
      }),
    );
    const bound = C_INVERSE * 12 * EPSILON[dtype] * norm(moments[0]);
    for (const moment of moments) {
      expect(distance(moment, secondMoment(perExample))).toBeLessThanOrEqual(bound);
    }
  });

  test('B̄ does not depend on how often the examples are repeated in a batch', async () => {
    const backend = cpuBackend(dtype);
    const { X, D } = randomBatch(8, 4, SIZE);
    const [once, thrice] = [1, 3].map((copies) => {
      const layer = only(kfacMethod(), backend, SIZE);
      observe(backend, layer, {
        X: build(4 * copies, p, (i, j) => X.at(i % 4, j)),
        D: build(4 * copies, q, (i, j) => D.at(i % 4, j) / copies),
      });
      return matrixOf(backend, layer, 'B/average');
    });
    const B = await once;
    expect(distance(await thrice, B)).toBeLessThanOrEqual(
      C_INVERSE * 12 * EPSILON[dtype] * norm(B),
    );
  });

  test('rows that share an example, as positions do, count as rows', async () => {
    const backend = cpuBackend(dtype);
    const batch = { ...randomBatch(9, 12, SIZE), examples: 3 };
    const layer = only(kfacMethod({ decay: 0 }), backend, SIZE);
    observe(backend, layer, batch);
    const expected = secondMoment(map(batch.D, (d) => 3 * d));
    expect(distance(await matrixOf(backend, layer, 'B/average'), expected)).toBeLessThanOrEqual(
      C_INVERSE * 12 * EPSILON[dtype] * norm(expected),
    );
  });

  test('negative eigenvalues count as 0', async () => {
    const rho = 0.5;
    const { backend, layer } = refreshed(kfacMethod({ damping: rho, decay: 0.5 }), [
      randomBatch(2, 4, SIZE),
    ]);
    const [a, b] = [
      [-2, 3, -1, 1, 0],
      [2, -4, 1],
    ];
    const run = { backend, shapes: [], layers: [layer] };
    const saved = await snapshot(run);
    const entries = {
      ...saved.entries,
      '0/A/average': convert(diagonal(a), dtype),
      '0/B/average': convert(diagonal(b), dtype),
      // So many that what they are corrected by is 1.
      '0/A/updates': 60,
      '0/B/updates': 60,
    };
    putBack(run, { ...saved, entries });
    layer.refresh();
    const expected = build(q, p, (i, j) => {
      return G.at(i, j) / (Math.max(b[i], 0) * Math.max(a[j], 0) + rho);
    });
    expect(distance(await apply(backend, layer, G), expected)).toBeLessThanOrEqual(
      C_INVERSE * (p + q) * EPSILON[dtype] * (norm(G) / rho),
    );
  });

  test('published: averages from I without correction, of the gradients of the mean loss', async () => {
    const [rho, decay] = [0.1, 0.9];
    const batches = [1, 2].map((seed) => randomBatch(seed, 6, SIZE));
    let A = identity('float64', p);
    let B = identity('float64', q);
    for (const { X, D } of batches) {
      A = combine(decay, A, 1 - decay, secondMoment(X));
      B = combine(decay, B, 1 - decay, secondMoment(D));
    }
    const { backend, layer } = refreshed(publishedKfacMethod({ damping: rho, decay }), batches);
    const expected = applyToVec(dampedInverse(kronecker(B, A), rho), G);
    expect(distance(await apply(backend, layer, G), expected)).toBeLessThanOrEqual(
      tolerance(A, B, rho, G),
    );
  });

  test('factored: for A = aI and B = bI, P = G/(√(ab) + √ρ)²', async () => {
    const X = build(p, p, (i, j) => (i === j ? 2 * Math.sqrt(p) : 0));
    const D = build(q, q, (i, j) => (i === j ? 3 / Math.sqrt(q) : 0));
    const rho = 0.25;
    const backend = cpuBackend(dtype);
    const layer = only(kfacMethod({ damping: rho, inverse: 'factored' }), backend, SIZE);
    const padded = { X, D: build(p, q, (i, j) => (i < q ? D.at(i, j) : 0)), examples: q };
    observe(backend, layer, padded);
    layer.refresh();
    const b = (9 * q) / p;
    const expected = combine(1 / (Math.sqrt(4 * b) + Math.sqrt(rho)) ** 2, G, 0, G);
    expect(distance(await apply(backend, layer, G), expected)).toBeLessThanOrEqual(
      C_INVERSE * (p + q) * EPSILON[dtype] * norm(G),
    );
  });
});

test('the oracle: (B ⊗ A)⁻¹ = B⁻¹ ⊗ A⁻¹, and it takes vec(G) to vec(B⁻¹GA⁻¹)', () => {
  const [A, B] = [randomBatch(1, 9, SIZE).X, randomBatch(2, 9, SIZE).D].map((X) => secondMoment(X));
  const G = randomGradient(3, SIZE);
  const direct = product(product(inverted(B), 'N', G, 'N'), 'N', inverted(A), 'N');
  const error = distance(applyToVec(inverted(kronecker(B, A)), G), direct);
  expect(error).toBeLessThanOrEqual(1e-9 * norm(direct));
});
