// The suite that every backend must pass: each operation against its equation, computed in plain
// float64, the laws of slots, and what the operations promise together.

import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { build, gaussian, norm, product, rounded, uniform } from '../support/matrices.js';
import { backendOperations } from './backend.operations.js';
import { commonContract, scalar } from './common.contract.js';
import { EMPTY, expectClose, place, SIZES, type Sizes } from './operation.js';

/**
 * Declares the suite for one backend. `make` is called once a test at least, and twice where a
 * second backend must be refused. Without `sizes`, every dimension is from 0 to 71.
 */
export function backendContract(
  name: string,
  make: () => Backend,
  sizes: readonly Sizes[] = [...SIZES, ...EMPTY],
): void {
  describe(`${name} keeps the backend contract`, () => {
    commonContract(make, backendOperations, sizes);

    test('syrk is symmetric to the last bit', async () => {
      const backend = make();
      const C = backend.allocate(37, 37);
      backend.syrk(0.3, place(backend, gaussian(uniform(1), 11, 37)), 0, C);
      backend.syrk(0.7, place(backend, gaussian(uniform(2), 5, 37)), 0.9, C);
      const content = await backend.read(C);
      const transposed = build(37, 37, (i, j) => content.at(j, i));
      expect(content.toArrays()).toEqual(transposed.toArrays());
    });

    test('gemm with α = 0 is β·C, and zeros where β = 0 too', async () => {
      const backend = make();
      const A = place(
        backend,
        build(2, 2, () => 3),
      );
      const C = place(
        backend,
        build(2, 2, (i, j) => 1 + i + j),
      );
      backend.gemm(0, A, 'N', A, 'T', 0.5, C);
      const half = build(2, 2, (i, j) => (1 + i + j) / 2);
      await expectClose(backend, C, { value: half, magnitude: 0 }, 1);
      backend.gemm(0, A, 'T', A, 'N', 0, C);
      await expectClose(backend, C, { value: build(2, 2, () => 0), magnitude: 0 }, 1);
    });

    test('gatherColumns refuses indices outside A and changes nothing', async () => {
      const backend = make();
      const A = place(
        backend,
        build(2, 3, () => 1),
      );
      const C = place(
        backend,
        build(2, 2, () => 7),
      );
      for (const wrong of [-1, 3]) {
        expect(() => backend.gatherColumns(A, Int32Array.of(0, wrong), C)).toThrow(RangeError);
      }
      expect((await backend.read(C)).at(0, 0)).toBe(7);
    });

    test('sketchMoment, where there is one, refuses what does not fit and changes nothing', async () => {
      const backend = make();
      if (backend.sketchMoment === undefined) return;
      const X = place(
        backend,
        build(4, 3, () => 1),
      );
      const C = place(
        backend,
        build(3, 2, () => 7),
      );
      for (const wrong of [
        { kind: 'columns' as const, indices: Int32Array.of(0) },
        { kind: 'columns' as const, indices: Int32Array.of(0, 3) },
        { kind: 'columns' as const, indices: Int32Array.of(-1, 0) },
        { kind: 'dense' as const, S: backend.allocate(3, 1) },
        { kind: 'dense' as const, S: backend.allocate(2, 2) },
      ]) {
        const refused = () => backend.sketchMoment?.(X, wrong, 1, 0, C);
        expect(refused).toThrow(RangeError);
        expect(refused).toThrow(/^sketchMoment: /);
      }
      expect((await backend.read(C)).toArrays()).toEqual(build(3, 2, () => 7).toArrays());
    });

    test('copyColumns refuses columns outside A or C and changes nothing', async () => {
      const backend = make();
      const A = place(
        backend,
        build(2, 3, () => 1),
      );
      const C = place(
        backend,
        build(2, 4, () => 7),
      );
      for (const [from, to, count] of [
        [-1, 0, 1],
        [0, -1, 1],
        [0, 0, -1],
        [2, 0, 2],
        [0, 3, 2],
        [0.5, 0, 1],
        [0, 0, Number.NaN],
      ]) {
        expect(() => backend.copyColumns(A, from, C, to, count)).toThrow(RangeError);
      }
      expect((await backend.read(C)).toArrays()).toEqual(build(2, 4, () => 7).toArrays());
    });

    test('copyColumns refuses one slot for both, columns apart or not', async () => {
      const backend = make();
      const C = place(
        backend,
        build(1, 4, (_, j) => j),
      );
      expect(() => backend.copyColumns(C, 0, C, 2, 2)).toThrow(/^copyColumns: /);
      expect((await backend.read(C)).toArrays()).toEqual([[0, 1, 2, 3]]);
    });

    test('copyColumns of no columns changes nothing', async () => {
      const backend = make();
      const C = place(
        backend,
        build(2, 4, () => 7),
      );
      backend.copyColumns(
        place(
          backend,
          build(2, 3, () => 1),
        ),
        3,
        C,
        4,
        0,
      );
      expect((await backend.read(C)).toArrays()).toEqual(build(2, 4, () => 7).toArrays());
    });

    test('operations run in the order in which they were enqueued', async () => {
      const backend = make();
      const random = uniform(3);
      const A = rounded(gaussian(random, 6, 4), backend.dtype);
      const slot = place(backend, A);
      const C = backend.allocate(4, 4);
      const s = backend.allocate(1, 1);
      backend.syrk(1, slot, 0, C);
      const early = backend.read(C);
      backend.gemm(2, slot, 'T', slot, 'N', 1, C);
      backend.write(slot, (await backend.read(slot)).clone());
      backend.dot(1, C, C, 0, s);
      backend.clip(s, 0, C);
      const moment = product(A, 'T', A, 'N');
      const value = scalar(9 * norm(moment) ** 2);
      await expectClose(backend, s, { value, magnitude: 9 * norm(A) ** 4 }, 3 * 16);
      await expectClose(backend, C, { value: build(4, 4, () => 0), magnitude: 0 }, 1);
      backend.write(C, await early);
      await expectClose(backend, C, { value: moment, magnitude: norm(A) ** 2 }, 6);
    });
  });
}
