// Scaling by norms that are not read.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { rescale } from '../../src/backend/rescale.js';
import { EPSILON } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { asyncBackend, placeRounded } from '../support/backends.js';
import {
  combine,
  distance,
  filled,
  gaussian,
  type Matrix,
  norm,
  scalar,
  uniform,
} from '../support/matrices.js';

const BACKENDS: readonly (readonly [string, Backend])[] = [
  ['float32', cpuBackend('float32')],
  ['float64', cpuBackend('float64')],
  ['float32, read later', asyncBackend('float32')],
];

/** C at the size of T, by the squares of their norms. */
async function rescaled(backend: Backend, C: Matrix, T: Matrix): Promise<Matrix> {
  const [c, t] = [placeRounded(backend, C), placeRounded(backend, T)];
  const [square, target] = [backend.allocate(1, 1), backend.allocate(1, 1)];
  backend.dot(1, c, c, 0, square);
  backend.dot(1, t, t, 0, target);
  rescale(backend, square, target, c);
  return convert(await backend.read(c), 'float64');
}

describe.each(BACKENDS)('rescale, %s', (_, backend) => {
  const eps = EPSILON[backend.dtype];
  const exponent = fc.integer({ min: -14, max: 14 });

  test.prop([fc.nat(1_000_000), exponent, exponent])(
    'has the direction of the one and the norm of the other',
    async (seed, k, l) => {
      const random = uniform(seed);
      const C = gaussian(random, 3, 4);
      const T = gaussian(random, 5, 2);
      const [small, large] = [combine(2 ** k, C, 0, C), combine(2 ** l, T, 0, T)];
      const made = await rescaled(backend, small, large);
      const expected = combine((norm(T) / norm(C)) * 2 ** l, C, 0, C);
      // Sums of 12 squares on either side, a quotient, a root and two products.
      expect(distance(made, expected)).toBeLessThanOrEqual(32 * eps * norm(expected));
    },
  );

  test('0 stays 0, whatever the size, and what goes to 0 is next to it', async () => {
    const [zero, ones] = [filled(2, 3, 0), filled(2, 3, 1)];
    for (const T of [zero, ones]) expect(norm(await rescaled(backend, zero, T))).toBe(0);
    expect(norm(await rescaled(backend, ones, zero))).toBeLessThanOrEqual(2 ** -60);
  });

  test('the factor is 2³⁰ at most', async () => {
    const [small, large] = [scalar(2 ** -20), scalar(2 ** 20)];
    expect(await rescaled(backend, small, large)).toEqual(scalar(2 ** 10));
  });

  test('a norm that is NaN makes NaN, and no number', async () => {
    const c = placeRounded(backend, scalar(1));
    const [square, target] = [Number.NaN, 1].map((x) => placeRounded(backend, scalar(x)));
    rescale(backend, square, target, c);
    expect((await backend.read(c)).at(0, 0)).toBeNaN();
  });
});
