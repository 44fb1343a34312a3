// What applyRankOneInverse promises at every scale of its operands, of every engine.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Engine } from '../../src/backend/engine.js';
import { convert } from '../../src/core/matrix.js';
import {
  build,
  combine,
  distance,
  gaussian,
  type Matrix,
  map,
  norm,
  rounded,
  uniform,
} from '../support/matrices.js';
import { rankOneInverse } from './engine.operations.js';
import { expectClose, place } from './operation.js';

/** Exponents k of vectors v·2ᵏ: |v|² stays well inside float32, products of two squares do not. */
const EXPONENT = fc.integer({ min: -45, max: 55 });

const zero = (cols: number) => build(1, cols, () => 0);
const large = (cols: number) => build(1, cols, (_, j) => (1 + j) * 2 ** 60);

/** P on the engine, for operands that the dtype holds exactly. */
function apply(engine: Engine, G: Matrix, a: Matrix, g: Matrix, scale: number, rho: number) {
  const P = engine.allocate(G.rows, G.cols);
  const [slotG, slotA, slotg] = [G, a, g].map((A) => place(engine, A));
  engine.applyRankOneInverse(slotG, slotA, slotg, scale, rho, P);
  return P;
}

/** Declares the laws for one engine, with up to `largest` inputs and outputs. */
export function rankOneLaws(make: () => Engine, largest: number): void {
  describe('applyRankOneInverse at extreme scales', () => {
    test('is (ĝᵀĝ ⊗ âᵀâ + ρI)⁻¹G to rounding, however large or small â, ĝ and G are', async () => {
      const engine = make();
      const scenario = fc.record({
        seed: fc.nat(1000),
        p: fc.integer({ min: 1, max: largest }),
        q: fc.integer({ min: 1, max: largest }),
        k: EXPONENT,
        l: EXPONENT,
        j: fc.integer({ min: -30, max: 30 }),
        decimal: fc.double({ min: -3, max: 3, noNaN: true }),
        scale: fc.constantFrom(1, 1.75),
      });
      await fc.assert(
        fc.asyncProperty(scenario, async ({ seed, p, q, k, l, j, decimal, scale }) => {
          const random = uniform(seed);
          const draw = (rows: number, cols: number, exponent: number) =>
            rounded(
              map(gaussian(random, rows, cols), (x) => x * 2 ** exponent),
              engine.dtype,
            );
          const [G, a, g] = [draw(q, p, j), draw(1, p, k), draw(1, q, l)];
          const rho = 10 ** decimal;
          const P = apply(engine, G, a, g, scale, rho);
          const value = rankOneInverse(G, a, g, scale, rho);
          await expectClose(engine, P, { value, magnitude: (2 * norm(G)) / rho }, p + q + 4);
        }),
        { numRuns: 60 },
      );
    });

    test('large activations times large gradients still correct the step', async () => {
      const engine = make();
      const a = build(1, 2, (_, j) => (j + 1) * 1e10);
      const g = build(1, 1, () => 1e10);
      const G = build(1, 2, () => 1);
      const P = apply(engine, G, a, g, 1, 0.03);
      const value = build(1, 2, (_, j) => (j === 0 ? 0.4 : -0.2) / 0.03);
      await expectClose(engine, P, { value, magnitude: norm(G) / 0.03 }, 4);
    });

    test('is G/ρ where a or g is zero, however large the other is', async () => {
      const [p, q, rho] = [5, 3, 0.03];
      for (const [a, g] of [
        [zero(p), large(q)],
        [large(p), zero(q)],
        [zero(p), zero(q)],
      ]) {
        const engine = make();
        const G = rounded(gaussian(uniform(1), q, p), engine.dtype);
        const P = apply(engine, G, a, g, 1, rho);
        const value = combine(1 / rho, G, 0, G);
        await expectClose(engine, P, { value, magnitude: norm(G) / rho }, 1);
      }
    });

    test('is right or NaN, never G/ρ, where the square of a norm overflows', async () => {
      const [p, q, rho] = [5, 3, 0.03];
      const engine = make();
      const huge = engine.dtype === 'float32' ? 2 ** 90 : 2 ** 700;
      const units = { a: build(1, p, (_, j) => 1 + j), g: build(1, q, (_, j) => 2 - j) };
      const G = rounded(gaussian(uniform(2), q, p), engine.dtype);
      // So far beyond ρ that only the directions of a and g count.
      const value = rankOneInverse(G, units.a, units.g, 2 ** 60, rho);
      const tolerance = (1e-5 * norm(G)) / rho;
      for (const [x, y] of [
        [huge, 1],
        [1, huge],
        [huge, huge],
      ]) {
        const P = apply(
          engine,
          G,
          map(units.a, (v) => x * v),
          map(units.g, (v) => y * v),
          1,
          rho,
        );
        const content = convert(await engine.read(P), 'float64');
        const broken = content.data.every((v) => Number.isNaN(v));
        expect(broken || distance(content, value) <= tolerance).toBe(true);
      }
    });
  });
}
