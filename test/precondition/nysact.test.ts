// NysAct against the Nyström approximation as it is defined, and the life of its sketches.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { identity } from '../../src/core/matrix.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { type NysactOptions, nysactMethod } from '../../src/precondition/nysact.js';
import { publishedNysactMethod } from '../../src/published/nysact.js';
import { build, combine, distance, norm, product } from '../support/matrices.js';
import { decayingBatch, SIZE, sketchOf } from './decaying.js';
import {
  averaged,
  dampedInverse,
  eigenvalues,
  nystrom,
  secondMoment,
  spectralNorm,
} from './oracles.js';
import {
  apply,
  type Batch,
  eigenvaluesOf,
  foundOf,
  matrixOf,
  numberOf,
  observe,
  only,
  randomGradient,
} from './runs.js';

const KINDS = ['gaussian', 'subcolumn'] as const;
const DTYPES = ['float64', 'float32'] as const;
const { inputs: p } = SIZE;

/** Times the shift ν: what it may move in Â, and the rounding that it stands for. */
const C_SHIFT = 8;
/** Times eps·√p·‖A‖: rounding of the accumulated sketch, amplified by its factorisation. */
const C_SKETCH = 64;

/** A layer that has seen `batches` and refreshed after the last. */
function refreshed<D extends DType>(dtype: D, options: NysactOptions, batches: readonly Batch[]) {
  const backend = cpuBackend(dtype);
  const layer = only(nysactMethod(options), backend, SIZE);
  for (const batch of batches) observe(backend, layer, batch);
  layer.refresh();
  return { backend, layer };
}

describe.each(KINDS)('the approximation, %s', (sketch) => {
  const rho = 0.05;
  const G = randomGradient(1, SIZE);

  test('P = G(Â + ρI)⁻¹ with Â = AS(SᵀAS)⁻¹SᵀA of the averaged A and the seed’s S', async () => {
    const rank = 4;
    const batches = [1, 2, 3].map((seed) => decayingBatch(seed, 20 + seed, 0.7));
    const A = averaged(
      batches.map(({ X }) => secondMoment(X)),
      0.9,
    );
    const options = { rank, damping: rho, decay: 0.9, sketch, seed: 9 };
    const { backend, layer } = refreshed('float64', options, batches);
    const expected = product(
      G,
      'N',
      dampedInverse(nystrom(A, sketchOf(sketch, rank, 9)), rho),
      'N',
    );
    const shift = foundOf(layer, 'shift');
    const tolerance = ((C_SHIFT * shift) / rho ** 2) * norm(G);
    expect(distance(await apply(backend, layer, G), expected)).toBeLessThanOrEqual(tolerance);
  });

  test('‖(Â+ρI)⁻¹ − (A+ρI)⁻¹‖ ≤ ‖E‖/(ρ(ρ+‖E‖)), and P tends to that of FOOF with the rank', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const batch = decayingBatch(seed, 40, 0.6);
        const A = secondMoment(batch.X);
        const backend = cpuBackend('float64');
        const foof = only(foofMethod({ damping: rho }), backend, SIZE);
        observe(backend, foof, batch);
        foof.refresh();
        const exact = await apply(backend, foof, G);
        const errors: number[] = [];
        for (const rank of [2, 6, 10, 14]) {
          const { layer, ...on } = refreshed('float64', { rank, damping: rho, sketch, seed }, [
            batch,
          ]);
          const E = spectralNorm(combine(1, A, -1, nystrom(A, sketchOf(sketch, rank, seed))));
          const shift = foundOf(layer, 'shift');
          const bound = E / (rho * (rho + E)) + (C_SHIFT * shift) / rho ** 2;
          const error = distance(await apply(on.backend, layer, G), exact) / norm(G);
          expect(error).toBeLessThanOrEqual(bound);
          errors.push(error);
        }
        // A factor that ignored A altogether would be as wrong at every rank.
        expect(errors[3]).toBeLessThanOrEqual(0.1 * errors[0]);
      }),
      { numRuns: 6 },
    );
  });

  test.each(DTYPES)(
    '%s: where A has no more than r directions, P is that of FOOF',
    async (dtype) => {
      const batch = { ...decayingBatch(4, 5, 0.9) };
      const { backend, layer } = refreshed(dtype, { rank: 8, damping: rho, sketch }, [batch]);
      const A = secondMoment(batch.X);
      const expected = product(G, 'N', dampedInverse(A, rho), 'N');
      const roundings = C_SKETCH * Math.sqrt(p) * EPSILON[dtype] * norm(A);
      const tolerance = (roundings / rho ** 2) * norm(G);
      expect(distance(await apply(backend, layer, G), expected)).toBeLessThanOrEqual(tolerance);
      expect(tolerance).toBeLessThanOrEqual(0.2 * norm(expected));
    },
  );

  test.each([
    ['without', false],
    ['with', true],
  ])(
    '%s the tail, the eigenvalues found lie between 0 and those of A, and the effective dimension sums them',
    (_, tail) => {
      const batch = decayingBatch(5, 30, 0.8);
      const { layer } = refreshed('float64', { rank: 5, damping: rho, sketch, tail }, [batch]);
      const found = eigenvaluesOf(layer);
      const exact = eigenvalues(secondMoment(batch.X));
      expect(found.length).toBe(5);
      found.forEach((value, j) => {
        expect(value).toBeGreaterThan(0);
        expect(value).toBeLessThanOrEqual(exact[j] * (1 + C_SHIFT * p * EPSILON.float64));
      });
      const sum = found.reduce((total, value) => total + value / (value + rho), 0);
      expect(foundOf(layer, 'effectiveDimension')).toBeCloseTo(sum, 12);
    },
  );

  test('oversampling sketches with r + s columns and keeps the r leading pairs', async () => {
    const [rank, oversample] = [3, 4];
    const batch = decayingBatch(6, 30, 0.7);
    const { backend, layer } = refreshed('float64', { rank, oversample, damping: rho, sketch }, [
      batch,
    ]);
    const A = nystrom(secondMoment(batch.X), sketchOf(sketch, rank + oversample, 0));
    const found = eigenvaluesOf(layer);
    const exact = eigenvalues(A).slice(0, rank);
    expect(found.length).toBe(rank);
    found.forEach((value, j) => {
      expect(Math.abs(value - exact[j])).toBeLessThanOrEqual(
        C_SKETCH * p * EPSILON.float64 * exact[0],
      );
    });
    expect((await matrixOf(backend, layer, 'C/average')).cols).toBe(rank + oversample);
    expect((await matrixOf(backend, layer, 'inverse/V')).cols).toBe(rank);
  });

  test('a sketch never has more columns than there are inputs', async () => {
    const batch = decayingBatch(6, 30, 0.9);
    const options = { rank: p - 1, oversample: 100, damping: rho, sketch };
    const { backend, layer } = refreshed('float64', options, [batch]);
    expect((await matrixOf(backend, layer, 'C/average')).cols).toBe(p);
    expect(layer.diagnostics.failures).toBe(0);
  });

  test('with the tail, Â + (c−ρ)(I − UUᵀ) has the trace of A', async () => {
    const batches = [7, 8].map((seed) => decayingBatch(seed, 25, 0.95));
    const rank = 3;
    const options = { rank, damping: rho, decay: 0.5, tail: true, sketch };
    const { backend, layer } = refreshed('float64', options, batches);
    const A = averaged(
      batches.map(({ X }) => secondMoment(X)),
      0.5,
    );
    const trace = eigenvalues(A).reduce((sum, value) => sum + value, 0);
    const found = eigenvaluesOf(layer);
    const captured = found.reduce((sum, value) => sum + value, 0);
    const c = numberOf(layer, 'inverse/c');
    expect(Math.abs(captured + (p - rank) * (c - rho) - trace)).toBeLessThanOrEqual(
      C_SKETCH * p * EPSILON.float64 * trace,
    );
    expect(c).toBeGreaterThan(2 * rho);
    // Directions that V leaves alone are divided by c.
    const V = await matrixOf(backend, layer, 'inverse/V');
    const coordinates = product(G, 'N', V, 'N');
    const P = await apply(backend, layer, G);
    const expected = combine(1 / c, G, -1, product(coordinates, 'N', V, 'T'));
    expect(distance(P, expected)).toBeLessThanOrEqual(
      (C_SHIFT * p * EPSILON.float64 * norm(G)) / rho,
    );
  });

  test('shift: damping takes ν = ρ, tiny takes √p·eps·‖Ĉ‖', () => {
    const batch = decayingBatch(9, 30, 0.8);
    const damping = refreshed('float64', { rank: 4, damping: rho, shift: 'damping', sketch }, [
      batch,
    ]);
    expect(foundOf(damping.layer, 'shift')).toBe(rho);
    // Â is then the approximation of A + ρI, less ρ.
    const shifted = combine(1, secondMoment(batch.X), rho, identity('float64', p));
    const exact = eigenvalues(nystrom(shifted, sketchOf(sketch, 4, 0)));
    const found = eigenvaluesOf(damping.layer);
    found.forEach((value, j) => {
      const error = Math.abs(value - Math.max(exact[j] - rho, 0));
      expect(error).toBeLessThanOrEqual(C_SKETCH * p * EPSILON.float64 * exact[0]);
    });
    expect(found.length).toBe(4);
    const tiny = refreshed('float64', { rank: 4, damping: rho, sketch, decay: 0.9 }, [batch]);
    const S = sketchOf(sketch, 4, 0);
    const expected =
      Math.sqrt(p) * EPSILON.float64 * norm(product(secondMoment(batch.X), 'N', S, 'N'));
    const shift = foundOf(tiny.layer, 'shift');
    expect(Math.abs(shift / expected - 1)).toBeLessThanOrEqual(C_SKETCH * p * EPSILON.float64);
    expect(foundOf(tiny.layer, 'retries')).toBe(0);
  });

  test.each(DTYPES)('%s: dead inputs give exactly G/ρ', async (dtype) => {
    const dead = { ...decayingBatch(1, 4, 1), X: build(4, p, () => 0) };
    const { backend, layer } = refreshed(dtype, { rank: 4, damping: 0.5, tail: true, sketch }, [
      dead,
    ]);
    const zero = await apply(
      backend,
      layer,
      build(3, p, (i, j) => i - j),
    );
    expect(zero).toEqual(build(3, p, (i, j) => 2 * (i - j)));
  });
});

describe.each(DTYPES)('full rank, %s', (dtype) => {
  const shared = { damping: 0.2, decay: 0.8 };
  const ofFullRank = { ...shared, rank: p };
  test.each([
    ['by default', nysactMethod(ofFullRank)],
    ['as published', publishedNysactMethod(ofFullRank)],
    ['with columns', nysactMethod({ ...ofFullRank, sketch: 'subcolumn' })],
    [
      'with every option',
      nysactMethod({ ...ofFullRank, policy: 'fixed', tail: true, oversample: 3, shift: 'damping' }),
    ],
  ])('%s: bit for bit FOOF', async (_, method) => {
    const runs = [method, foofMethod(shared)].map(async (preconditioner) => {
      const backend = cpuBackend(dtype);
      const layer = only(preconditioner, backend, SIZE);
      const outputs = [];
      for (const seed of [1, 2, 3]) {
        observe(backend, layer, decayingBatch(seed, 9, 0.9));
        layer.refresh();
        outputs.push(await apply(backend, layer, randomGradient(seed, SIZE)));
      }
      return outputs;
    });
    const [nysact, foof] = await Promise.all(runs);
    expect(nysact).toEqual(foof);
  });
});
