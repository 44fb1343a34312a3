// Orthonormal columns by primitives, on backends that read at once and on those that do not.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { normalize, orthonormalize } from '../../src/backend/orthonormal.js';
import { EPSILON } from '../../src/core/dtype.js';
import { convert, identity } from '../../src/core/matrix.js';
import { asyncBackend, placeRounded } from '../support/backends.js';
import {
  build,
  combine,
  distance,
  gaussian,
  type Matrix,
  norm,
  product,
  uniform,
} from '../support/matrices.js';

/** c of the rounding bounds c·p·eps. */
const ROUNDING = 8;

const BACKENDS: readonly (readonly [string, Backend])[] = [
  ['float32', cpuBackend('float32')],
  ['float64', cpuBackend('float64')],
  ['float32, read later', asyncBackend('float32')],
];

/** What `act` makes of a slot with A. */
async function resultOf(
  backend: Backend,
  A: Matrix,
  act: (slot: ReturnType<typeof backend.allocate>) => ReturnType<typeof backend.allocate>,
): Promise<Matrix> {
  return convert(await backend.read(act(placeRounded(backend, A))), 'float64');
}

function orthonormalOf(backend: Backend, Y: Matrix): Promise<Matrix> {
  return resultOf(backend, Y, (slot) => {
    // What the slot held before must not matter.
    const Q = placeRounded(
      backend,
      build(Y.rows, Y.cols, () => Number.NaN),
    );
    orthonormalize(backend, slot, Q);
    return Q;
  });
}

describe.each(BACKENDS)('%s', (_, backend) => {
  const eps = EPSILON[backend.dtype];
  const sizes = fc
    .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 12 }))
    .map(([p, k]) => [Math.max(p, k), k] as const);

  test.prop([sizes, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(1_000_000)])(
    'columns are orthonormal and span those of Y, however near those are to each other',
    async ([p, k], share, seed) => {
      // From nearly the same columns, by 1000 roundings, to independent ones.
      const random = uniform(seed);
      const [column, rest] = [gaussian(random, p, 1), gaussian(random, p, k)];
      const apart = (1000 * p * eps) ** share;
      const Y = convert(
        build(p, k, (i, j) => column.at(i, 0) + apart * rest.at(i, j)),
        backend.dtype,
      );
      const exact = convert(Y, 'float64');
      const Q = await orthonormalOf(backend, exact);
      const skew = distance(product(Q, 'T', Q, 'N'), identity('float64', k));
      expect(skew).toBeLessThanOrEqual(ROUNDING * p * eps);
      const outside = combine(1, exact, -1, product(Q, 'N', product(Q, 'T', exact, 'N'), 'N'));
      expect(norm(outside)).toBeLessThanOrEqual(ROUNDING * p * eps * norm(exact));
    },
  );

  test.prop([fc.integer({ min: -28, max: 30 }), fc.nat(1_000_000)])(
    'a norm of any size but the very smallest becomes 1',
    async (exponent, seed) => {
      const Z = gaussian(uniform(seed), 7, 3);
      const A = combine(2 ** exponent / norm(Z), Z, 0, Z);
      const unit = await resultOf(backend, A, (slot) => {
        normalize(backend, slot);
        return slot;
      });
      expect(Math.abs(norm(unit) - 1)).toBeLessThanOrEqual(ROUNDING * 21 * eps);
    },
  );

  test.each([0, 2 ** -40])(
    'zeros stay zeros, and what is smaller than 2⁻³⁰ is divided by that: %s',
    async (value) => {
      const small = build(2, 2, () => value);
      const unit = await resultOf(backend, small, (slot) => {
        normalize(backend, slot);
        return slot;
      });
      expect(unit).toEqual(build(2, 2, () => value * 2 ** 30));
    },
  );
});
