// The orthogonal factor by products alone, on backends that read at once and on those that do not.

import { fc, test } from '@fast-check/vitest';
import { SingularValueDecomposition } from 'ml-matrix';
import { describe, expect } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { LARGEST_SINGULAR_VALUE, newtonSchulz } from '../../src/backend/newton-schulz.js';
import { EPSILON } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { fromMlMatrix, toMlMatrix } from '../../src/ml-matrix.js';
import { asyncBackend, placeRounded } from '../support/backends.js';
import {
  build,
  combine,
  distance,
  filled,
  gaussian,
  type Matrix,
  norm,
  orthogonal,
  product,
  transpose,
  uniform,
} from '../support/matrices.js';

const STEPS = 5;
/** f'(0)⁵: what the steps make of a perturbation, at most. */
const STEEPEST = 3.4445 ** STEPS;
/** c of the rounding bounds c·(q + p)·eps·f'(0)⁵. */
const ROUNDING = 4;

const BACKENDS: readonly (readonly [string, Backend])[] = [
  ['float32', cpuBackend('float32')],
  ['float64', cpuBackend('float64')],
  ['float32, read later', asyncBackend('float32')],
];

/** What so many steps make of a singular value. */
function stepped(sigma: number, steps: number): number {
  let value = sigma;
  for (let k = 0; k < steps; k++) {
    value = 3.4445 * value - 4.775 * value ** 3 + 2.0315 * value ** 5;
  }
  return value;
}

function decomposed(A: Matrix) {
  const svd = new SingularValueDecomposition(toMlMatrix(A), { autoTranspose: true });
  return {
    U: fromMlMatrix(svd.leftSingularVectors),
    V: fromMlMatrix(svd.rightSingularVectors),
    values: svd.diagonal,
  };
}

/** U·diag(f⁵(σ/‖A‖F))·Vᵀ, as it is written. */
function expected(A: Matrix, steps = STEPS): Matrix {
  const { U, V, values } = decomposed(A);
  const next = values.map((value) => stepped(value / norm(A), steps));
  const scaled = build(U.rows, next.length, (i, j) => U.at(i, j) * next[j]);
  return product(scaled, 'N', V, 'T');
}

async function orthogonalized(backend: Backend, A: Matrix, steps = STEPS): Promise<Matrix> {
  const slot = placeRounded(backend, A);
  newtonSchulz(backend, slot, steps);
  return convert(await backend.read(slot), 'float64');
}

describe.each(BACKENDS)('%s', (_, backend) => {
  const side = fc.integer({ min: 1, max: 12 });
  const matrix = fc
    .tuple(side, side, fc.nat(1_000_000))
    .map(([q, p, seed]) => gaussian(uniform(seed), q, p));
  const tolerance = ({ rows, cols }: Matrix) =>
    ROUNDING * (rows + cols) * EPSILON[backend.dtype] * STEEPEST;

  test.prop([matrix, fc.integer({ min: 1, max: STEPS })])(
    'keeps U and V and takes singular values by its polynomial',
    async (A, steps) => {
      const made = await orthogonalized(backend, A, steps);
      expect(distance(made, expected(A, steps))).toBeLessThanOrEqual(tolerance(A));
    },
  );

  test.prop([matrix, fc.integer({ min: -20, max: 20 })])(
    'does not depend on the size of what it is given',
    async (A, k) => {
      const scaled = combine(2 ** k, A, 0, A);
      const [made, same] = [
        await orthogonalized(backend, A),
        await orthogonalized(backend, scaled),
      ];
      // Powers of two are exact, and so is the norm but for its root.
      expect(distance(made, same)).toBeLessThanOrEqual(tolerance(A));
    },
  );

  test.prop([matrix, fc.nat(1_000_000)])('P(QG) = Q·P(G) and P(GQ) = P(G)·Q', async (G, seed) => {
    const random = uniform(seed);
    const [Q, R] = [orthogonal(random, G.rows), orthogonal(random, G.cols)];
    const P = await orthogonalized(backend, G);
    const left = await orthogonalized(backend, product(Q, 'N', G, 'N'));
    const right = await orthogonalized(backend, product(G, 'N', R, 'N'));
    // Rounding QG moves it by an eps of its norm.
    expect(distance(left, product(Q, 'N', P, 'N'))).toBeLessThanOrEqual(2 * tolerance(G));
    expect(distance(right, product(P, 'N', R, 'N'))).toBeLessThanOrEqual(2 * tolerance(G));
    const turned = await orthogonalized(backend, transpose(G));
    expect(distance(turned, transpose(P))).toBeLessThanOrEqual(2 * tolerance(G));
  });

  test.prop([side, side, fc.nat(1_000_000), fc.double({ min: 0, max: 1, noNaN: true })])(
    'brings singular values from 0.002‖A‖F on to within 0.68 and 1.21',
    async (q, p, seed, decades) => {
      const random = uniform(seed);
      const n = Math.min(q, p);
      // From 1 down to a hundredth, and so never below 0.01/√12 of the norm.
      const sigma = Array.from({ length: n }, (__, k) => 100 ** ((-decades * k) / n));
      const [U, V] = [orthogonal(random, q), orthogonal(random, p)];
      const A = build(q, p, (i, j) =>
        sigma.reduce((sum, value, k) => sum + value * U.at(i, k) * V.at(j, k), 0),
      );
      expect(Math.min(...sigma)).toBeGreaterThanOrEqual(0.002 * norm(A));
      const { values } = decomposed(await orthogonalized(backend, A));
      for (const value of values) {
        expect(value).toBeGreaterThanOrEqual(0.68 - tolerance(A));
        expect(value).toBeLessThanOrEqual(1.21 + tolerance(A));
      }
    },
  );

  test('leaves zeros alone', async () => {
    const made = await orthogonalized(backend, filled(3, 5, 0));
    expect(made.data.every((x) => x === 0)).toBe(true);
  });
});

test('no number of steps takes a singular value of at most 1 beyond 1.2025', () => {
  for (let steps = 1; steps <= 12; steps++) {
    for (let k = 0; k <= 4096; k++) {
      expect(Math.abs(stepped(k / 4096, steps))).toBeLessThanOrEqual(1.2025);
    }
  }
  expect(LARGEST_SINGULAR_VALUE).toBeGreaterThan(1.2025);
});
