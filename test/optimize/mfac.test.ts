// M-FAC against the inverse of the empirical Fisher matrix, formed as it is written.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { BYTES, EPSILON } from '../../src/core/dtype.js';
import { zeros } from '../../src/core/matrix.js';
import { descend } from '../../src/optimize/descend.js';
import { scaleByMfac } from '../../src/optimize/mfac.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { mfac } from '../../src/optimize/systems.js';
import { chain, type Transform } from '../../src/optimize/transform.js';
import { dampedInverse } from '../precondition/oracles.js';
import { asyncBackend, countingBackend, placeRounded } from '../support/backends.js';
import {
  build,
  combine,
  filled,
  gaussian,
  type Matrix,
  product,
  rounded,
  uniform,
} from '../support/matrices.js';
import { flat, randomStart, type Start, updates } from './rules.js';

/** Times eps·(m+d)·(1 + ‖g‖²/λ)·‖g‖/λ: rounding of ΓΓᵀ, divided by λ. */
const C_INVERSE = 4;
const m = 4;
const damping = 0.5;
const STEPS = 9;

const squaredNorm = (g: readonly number[]) => g.reduce((sum, x) => sum + x * x, 0);

/** (λI + Σggᵀ/m)⁻¹g of the last of `gradients`, and of those alone. */
function explicit(
  gradients: readonly (readonly number[])[],
  of: number,
  lambda = damping,
): number[] {
  const d = gradients[0].length;
  const rows = build(gradients.length, d, (i, j) => gradients[i][j]);
  const F = build(d, d, (i, j) => gradients.reduce((sum, g) => sum + (g[i] * g[j]) / of, 0));
  const g = rows.view(gradients.length - 1, 0, 1, d);
  return Array.from(product(dampedInverse(F, lambda), 'N', g, 'T').data);
}

/** Both parameters' gradients of every step as one vector. */
const vectors = ({ gradients }: Start) => gradients.map((step) => flat(step));

function error(ours: readonly number[], theirs: readonly number[]): number {
  return Math.sqrt(squaredNorm(ours.map((x, i) => x - theirs[i])));
}

describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
  const roundedStart = (seed: number): Start => {
    const start = randomStart(seed, STEPS);
    return {
      ...start,
      gradients: start.gradients.map((step) => step.map((G) => rounded(G, dtype))),
    };
  };
  const tolerance = (gradients: readonly (readonly number[])[]) => {
    const largest = Math.max(...gradients.map(squaredNorm));
    const terms = m + gradients[0].length;
    return (
      (C_INVERSE * terms * EPSILON[dtype] * (1 + largest / damping) * Math.sqrt(largest)) / damping
    );
  };

  test('is (λI + ΓᵀΓ/m)⁻¹g of the last m gradients, those before the first being 0', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const start = roundedStart(seed);
        const all = vectors(start);
        const ours = updates(dtype, scaleByMfac({ gradients: m, damping }), start);
        ours.forEach((u, k) => {
          const last = all.slice(Math.max(0, k + 1 - m), k + 1);
          expect(error(u, explicit(last, m))).toBeLessThanOrEqual(tolerance(all));
        });
        const tooFew = explicit(all.slice(STEPS - m + 1), m);
        expect(error(ours[STEPS - 1], tooFew)).toBeGreaterThan(1e-3);
      }),
      { numRuns: 8 },
    );
  });

  test('where nobody waits for reads, gradients in between are left out of Γ, and K is of what is in it', async () => {
    const start = roundedStart(3);
    const backend = asyncBackend(dtype, 3);
    const theta = start.parameters.map((A) => placeRounded(backend, A));
    const transform = chain(scaleByMfac({ gradients: m, damping }), descend(1));
    const optimizer = new Optimizer({ backend, transform, parameters: theta });
    const all = vectors(start);
    const contents = async () => flat(await Promise.all(theta.map((slot) => backend.read(slot))));
    const take = (k: number) =>
      optimizer.step(
        start.gradients[k].map((G) => placeRounded(backend, G)),
        theta,
      );
    for (const k of [0, 1, 2]) take(k);
    await optimizer.flush();
    const before = await contents();
    take(3);
    const after = await contents();
    const moved = before.map((x, i) => x - after[i]);
    expect(error(moved, explicit([all[0], all[3]], m))).toBeLessThanOrEqual(2 * tolerance(all));
    await optimizer.flush();
  });

  test('holds (m − 1)d + 2(m − 1)² numbers', () => {
    const backend = cpuBackend(dtype);
    const parameters = randomStart(1, 1).parameters.map((A) => placeRounded(backend, A));
    const optimizer = new Optimizer({ backend, transform: mfac({ gradients: m }), parameters });
    expect(optimizer.stateBytes).toBe(((m - 1) * 15 + 2 * (m - 1) ** 2) * BYTES[dtype]);
  });
});

test('a step takes d numbers of memory, and what the largest parameter has', () => {
  const backend = countingBackend('float32');
  const [count, side, gradients] = [9, 20, 3];
  const shapes = Array.from({ length: count }, () => ({ rows: side, cols: side }));
  const make = () => shapes.map(({ rows, cols }) => backend.allocate(rows, cols));
  const [theta, G] = [make(), make()];
  const transform = chain(scaleByMfac({ gradients }), descend(1));
  const optimizer = new Optimizer({ backend, transform, parameters: shapes });
  const before = backend.count.elements;
  optimizer.step(G, theta);
  const largest = side ** 2;
  // Beside them are rows, and numbers.
  expect(backend.count.elements - before).toBeLessThanOrEqual((count + 2) * largest);
});

/** The optimiser's moves, negated and of learning rate 1, for gradients that a float32 backend is given. */
function moves(transform: Transform, gradients: readonly Matrix[]): number[][] {
  const backend = cpuBackend('float32');
  const [{ rows, cols }] = gradients;
  const theta = [placeRounded(backend, filled(rows, cols, 0))];
  const optimizer = new Optimizer({
    backend,
    transform: chain(transform, descend(1)),
    parameters: theta,
  });
  return gradients.map((G) => {
    backend.write(theta[0], zeros('float32', rows, cols));
    optimizer.step([placeRounded(backend, G)], theta);
    return Array.from(backend.readSync(theta[0]).data, (x) => -x);
  });
}

/** Gradients of about this norm, each a part of noise beside what all have in common. */
function alike(seed: number, size: number, noise: number, steps: number): Matrix[] {
  const random = uniform(seed);
  const [rows, cols] = [20, 15];
  const common = gaussian(random, rows, cols);
  const scale = size / Math.sqrt(rows * cols);
  return Array.from({ length: steps }, () =>
    rounded(combine(scale, common, scale * noise, gaussian(random, rows, cols)), 'float32'),
  );
}

describe('in float32, with the default damping, gradients of any size', () => {
  const size = fc.integer({ min: -12, max: 16 }).map((k) => 4 ** (k / 2));
  const noise = fc.constantFrom(0, 1e-6, 1e-3, 0.1, 1);

  test('are turned by less than a right angle', () => {
    fc.assert(
      fc.property(fc.nat(), size, noise, (seed, norm, share) => {
        const gradients = alike(seed, norm, share, 40);
        moves(scaleByMfac(), gradients).forEach((u, k) => {
          const g = Array.from(gradients[k].data);
          const along = u.reduce((sum, x, i) => sum + x * g[i], 0);
          expect(along).toBeGreaterThan(0);
        });
      }),
      { numRuns: 20 },
    );
  });

  test('meet the inverse for λ, or for 2√eps of the mean of their squares where that is more', () => {
    fc.assert(
      fc.property(fc.nat(), size, fc.constantFrom(0.1, 1), (seed, norm, share) => {
        const [of, lambda] = [8, 1e-3];
        const gradients = alike(seed, norm, share, 2 * of);
        const all = gradients.map((G) => Array.from(G.data));
        const last = all.slice(-of);
        const before = last.slice(0, -1).reduce((sum, g) => sum + squaredNorm(g), 0);
        const eps = EPSILON.float32;
        const rho = Math.max(lambda, (2 * Math.sqrt(eps) * before) / of);
        const u = moves(scaleByMfac({ gradients: of, damping: lambda }), gradients).at(-1) ?? [];
        const exact = explicit(last, of, rho);
        const g = Math.sqrt(squaredNorm(last[of - 1]));
        // Roundings of ΓΓᵀ and of K against mλ, of which the quotient keeps no more than 1/λ.
        const bound = (C_INVERSE * of * eps * (1 + before / (of * rho)) * g) / rho;
        expect(error(u, exact)).toBeLessThanOrEqual(bound);
      }),
      { numRuns: 10 },
    );
  });
});

/** Gradients that are large, and much alike. */
const similar = (k: number) => build(2, 3, (i, j) => 1e4 * (1 + i + j) + Math.sin(k + i + j));

test('gradients whose rounding outweighs the damping raise it, and nothing breaks down', () => {
  const gradients = Array.from({ length: 12 }, (_, k) => rounded(similar(k), 'float32'));
  const made = moves(scaleByMfac({ gradients: 6, damping: 1e-6, maxFailures: 1 }), gradients);
  expect(made.flat().every(Number.isFinite)).toBe(true);
});

test.each([
  [{ gradients: 1 }, 'mfac: gradients is 1, expected an integer >= 2'],
  [{ damping: 0 }, 'mfac: damping is 0, expected'],
])('refuses %o', (options, message) => {
  expect(() => mfac(options)).toThrow(message);
});
