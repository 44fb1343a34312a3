// The suite that every engine must pass: each operation against its equation, computed in plain
// float64, the laws of slots, and what the operations promise together.

import { describe, expect, test } from 'vitest';
import type { Engine } from '../../src/backend/engine.js';
import {
  build,
  combine,
  gaussian,
  norm,
  orthogonal,
  product,
  rounded,
  transpose,
  uniform,
} from '../support/matrices.js';
import { commonContract, scalar } from './common.contract.js';
import { engineOperations, RHO } from './engine.operations.js';
import { expectClose, place, SIZES, type Sizes } from './operation.js';
import { rankOneLaws } from './rank-one.contract.js';

/**
 * Declares the suite for one engine. `make` is called once a test at least, and twice where a
 * second engine must be refused. Without `sizes`, every dimension is from 1 to 71. The rank-one laws
 * take many shapes of up to `largestRankOne` a side: few where every shape costs a compilation.
 */
export function engineContract(
  name: string,
  make: () => Engine,
  sizes: readonly Sizes[] = SIZES,
  largestRankOne = 7,
): void {
  describe(`${name} keeps the engine contract`, () => {
    commonContract(make, engineOperations, sizes);
    rankOneLaws(make, largestRankOne);

    test('secondMoment is symmetric to the last bit', async () => {
      const engine = make();
      const A = engine.allocate(37, 37);
      engine.secondMoment(place(engine, gaussian(uniform(1), 11, 37)), 0.3, 0, A);
      engine.secondMoment(place(engine, gaussian(uniform(2), 5, 37)), 0.7, 0.9, A);
      const content = await engine.read(A);
      const transposed = build(37, 37, (i, j) => content.at(j, i));
      expect(content.toArrays()).toEqual(transposed.toArrays());
    });

    test('a sketch of columns refuses indices outside X', async () => {
      for (const wrong of [-1, 5]) {
        const engine = make();
        const X = place(engine, gaussian(uniform(4), 3, 5));
        const C = place(
          engine,
          build(5, 2, () => 1),
        );
        const S = { kind: 'columns', indices: Int32Array.of(0, wrong) } as const;
        expect(() => engine.sketchMoment(X, S, 1, 0, C)).toThrow(RangeError);
        expect(() => engine.sketchMoment(X, S, 1, 0, C)).toThrow(/^sketchMoment: /);
        expect((await engine.read(C)).at(0, 0)).toBe(1);
      }
    });

    test('a column that is not picked may be large: nothing is multiplied by zero', async () => {
      const engine = make();
      const X = place(
        engine,
        build(2, 3, (_, j) => (j === 1 ? Number.POSITIVE_INFINITY : 1)),
      );
      const C = engine.allocate(3, 1);
      engine.sketchMoment(X, { kind: 'columns', indices: Int32Array.of(0) }, 1, 0, C);
      expect((await engine.read(C)).toArrays()).toEqual([[2], [Number.POSITIVE_INFINITY], [2]]);
    });

    test('applySpectralInverse solves B P A + ρP = G', async () => {
      const engine = make();
      const random = uniform(5);
      const [p, q] = [13, 6];
      const Q = { A: orthogonal(random, p), B: orthogonal(random, q) };
      const values = { A: build(p, 1, random), B: build(q, 1, random) };
      const moment = (side: 'A' | 'B') => {
        const n = Q[side].rows;
        const scaled = build(n, n, (i, j) => Q[side].at(i, j) * values[side].at(j, 0));
        return product(scaled, 'N', Q[side], 'T');
      };
      const factor = (side: 'A' | 'B') => ({
        Q: place(engine, Q[side]),
        eigenvalues: place(engine, values[side]),
      });
      const G = gaussian(random, q, p);
      const P = engine.allocate(q, p);
      engine.applySpectralInverse(place(engine, G), factor('A'), factor('B'), RHO, P);
      const content = await engine.read(P);
      const X = build(q, p, (i, j) => content.at(i, j));
      const residual = product(product(moment('B'), 'N', X, 'N'), 'N', moment('A'), 'N');
      const back = place(engine, combine(1, residual, RHO, X));
      await expectClose(engine, back, { value: G, magnitude: norm(G) / RHO }, p + q);
    });

    test('innerProduct of a slot with itself is its squared norm', async () => {
      const engine = make();
      const A = rounded(gaussian(uniform(6), 7, 11), engine.dtype);
      const slot = place(engine, A);
      const s = engine.allocate(1, 1);
      engine.innerProduct(1, slot, slot, 0, s);
      const value = scalar(norm(A) ** 2);
      await expectClose(engine, s, { value, magnitude: norm(A) ** 2 }, 77);
    });

    test('operations run in the order in which they were enqueued', async () => {
      const engine = make();
      const random = uniform(7);
      const A = place(engine, gaussian(random, 4, 4));
      const X = rounded(gaussian(random, 6, 4), engine.dtype);
      const slot = place(engine, X);
      const s = engine.allocate(1, 1);
      engine.secondMoment(slot, 1, 0, A);
      const early = engine.read(A);
      engine.axpby(1, A, 1, A);
      engine.write(slot, (await engine.read(slot)).clone());
      engine.secondMoment(slot, -1, 1, A);
      engine.innerProduct(1, A, A, 0, s);
      engine.axpby(0, A, 0, A);
      const moment = product(X, 'T', X, 'N');
      const magnitude = norm(X) ** 4;
      await expectClose(engine, s, { value: scalar(norm(moment) ** 2), magnitude }, 3 * 16);
      const snapshot = place(
        engine,
        build(4, 4, () => 0),
      );
      engine.write(snapshot, await early);
      await expectClose(engine, snapshot, { value: moment, magnitude: norm(X) ** 2 }, 6);
      await expectClose(engine, A, { value: build(4, 4, () => 0), magnitude: 0 }, 1);
    });

    test('many calls of many shapes leave the results of each alone', async () => {
      const engine = make();
      const shapes = SIZES.flatMap(({ m, p, r }) => [
        { m, p, r },
        { m: m + 1, p, r },
      ]);
      const runs = shapes.map(({ m, p, r }) => {
        const X = rounded(gaussian(uniform(8), m, p), engine.dtype);
        const S = rounded(gaussian(uniform(9), p, r), engine.dtype);
        const C = engine.allocate(p, r);
        const run = () =>
          engine.sketchMoment(place(engine, X), { kind: 'dense', S: place(engine, S) }, 1, 0, C);
        const value = product(X, 'T', product(X, 'N', S, 'N'), 'N');
        return { run, C, value, magnitude: norm(X) ** 2 * norm(S), terms: m + p };
      });
      for (const { run } of [...runs, ...runs, ...runs]) run();
      for (const { C, terms, ...expected } of runs) await expectClose(engine, C, expected, terms);
    });

    test('applyLowRankInverse inverts c⁻¹I − VVᵀ as it should', async () => {
      // For orthonormal columns U: (ρI + U diag(λ) Uᵀ)⁻¹ = I/ρ − VVᵀ, V = U·diag(√(1/ρ − 1/(ρ+λ))).
      const engine = make();
      const random = uniform(10);
      const [p, q, r] = [12, 5, 3];
      const U = orthogonal(random, p);
      const lambda = Array.from({ length: r }, () => 1 + random());
      const V = build(p, r, (i, j) => U.at(i, j) * Math.sqrt(1 / RHO - 1 / (RHO + lambda[j])));
      const moment = build(p, p, (i, j) =>
        lambda.reduce((sum, l, k) => sum + l * U.at(i, k) * U.at(j, k), i === j ? RHO : 0),
      );
      const G = gaussian(random, q, p);
      const P = engine.allocate(q, p);
      engine.applyLowRankInverse(place(engine, G), place(engine, V), RHO, P);
      const content = await engine.read(P);
      const X = build(q, p, (i, j) => content.at(i, j));
      const back = place(engine, product(X, 'N', moment, 'N'));
      await expectClose(engine, back, { value: G, magnitude: (norm(G) * 3) / RHO }, p + r);
    });

    test('G and its transpose agree through applyDenseInverse', async () => {
      const engine = make();
      const random = uniform(11);
      const G = rounded(gaussian(random, 3, 5), engine.dtype);
      const symmetric = (n: number) => {
        const A = rounded(gaussian(random, n, n), engine.dtype);
        return rounded(combine(1, A, 1, transpose(A)), engine.dtype);
      };
      const [L, R] = [symmetric(3), symmetric(5)];
      const P = engine.allocate(3, 5);
      const T = engine.allocate(5, 3);
      engine.applyDenseInverse(place(engine, G), place(engine, R), place(engine, L), P);
      engine.applyDenseInverse(place(engine, transpose(G)), place(engine, L), place(engine, R), T);
      const content = await engine.read(T);
      const value = build(3, 5, (i, j) => content.at(j, i));
      await expectClose(engine, P, { value, magnitude: norm(L) * norm(G) * norm(R) }, 16);
    });
  });
}
