// The suite that every backend must pass: each operation against its equation, computed in plain
// float64, the laws of slots and of scalars, and what the operations promise together.

import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import type { Op } from '../../src/core/matrix.js';
import { placeRounded } from '../support/backends.js';
import {
  build,
  filled,
  gaussian,
  norm,
  product,
  rounded,
  scalar,
  transpose,
  uniform,
} from '../support/matrices.js';
import { backendOperations } from './backend.operations.js';
import { EMPTY, expectClose, operationLaws, SIZES, type Sizes } from './operation.js';
import { scalarLaws } from './scalars.contract.js';
import { slotLaws } from './slots.contract.js';

/**
 * Declares the suite for one backend. `make` is called once a test at least, and twice where a
 * second backend must be refused. Without `sizes`, every dimension is from 0 to 83.
 */
export function backendContract(
  name: string,
  make: () => Backend,
  sizes: readonly Sizes[] = [...SIZES, ...EMPTY],
): void {
  describe(`${name} keeps the backend contract`, () => {
    slotLaws(make);
    scalarLaws(make);
    for (const operation of backendOperations) operationLaws(make, operation, sizes);

    test('says what it is', () => {
      const { dtype, info } = make();
      expect(['float32', 'float64']).toContain(dtype);
      expect(info.name).not.toBe('');
      expect(info.variant).not.toBe('');
      expect(info.threads).toBeGreaterThanOrEqual(1);
    });

    test('operations run in the order in which they were enqueued', async () => {
      const backend = make();
      const A = rounded(gaussian(uniform(3), 6, 4), backend.dtype);
      const slot = placeRounded(backend, A);
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
      await expectClose(backend, C, { value: filled(4, 4, 0), magnitude: 0 }, 1);
      backend.write(C, await early);
      await expectClose(backend, C, { value: moment, magnitude: norm(A) ** 2 }, 6);
    });

    test('many calls of many shapes leave the results of each alone', async () => {
      const backend = make();
      const shapes = SIZES.flatMap(({ m, p, r }) => [
        { m, p, r },
        { m: m + 1, p, r },
      ]);
      const runs = shapes.map(({ m, p, r }) => {
        const X = rounded(gaussian(uniform(8), m, p), backend.dtype);
        const S = rounded(gaussian(uniform(9), p, r), backend.dtype);
        const C = backend.allocate(p, r);
        const run = () => {
          const sketch = { kind: 'dense', S: placeRounded(backend, S) } as const;
          backend.sketchMoment(placeRounded(backend, X), sketch, 1, 0, C);
        };
        const value = product(X, 'T', product(X, 'N', S, 'N'), 'N');
        return { run, C, value, magnitude: norm(X) ** 2 * norm(S), terms: m + p };
      });
      for (const { run } of [...runs, ...runs, ...runs]) run();
      for (const { C, terms, ...expected } of runs) await expectClose(backend, C, expected, terms);
    });

    describe('gemm', () => {
      test('with α = 0 is β·C, and zeros where β = 0 too', async () => {
        const backend = make();
        const A = placeRounded(backend, filled(2, 2, 3));
        const C = placeRounded(
          backend,
          build(2, 2, (i, j) => 1 + i + j),
        );
        backend.gemm(0, A, 'N', A, 'T', 0.5, C);
        const half = build(2, 2, (i, j) => (1 + i + j) / 2);
        await expectClose(backend, C, { value: half, magnitude: 0 }, 1);
        backend.gemm(0, A, 'T', A, 'N', 0, C);
        await expectClose(backend, C, { value: filled(2, 2, 0), magnitude: 0 }, 1);
      });

      test('refuses an op that is neither N nor T', async () => {
        const backend = make();
        const [A, C] = [filled(2, 2, 3), filled(2, 2, 7)].map((value) =>
          placeRounded(backend, value),
        );
        const op: Op = JSON.parse('"C"');
        expect(() => backend.gemm(1, A, op, A, 'N', 0, C)).toThrow(
          new RangeError("gemm: opA is 'C', expected 'N' or 'T'"),
        );
        expect(() => backend.gemm(1, A, 'N', A, op, 0, C)).toThrow(
          new RangeError("gemm: opB is 'C', expected 'N' or 'T'"),
        );
        expect((await backend.read(C)).toArrays()).toEqual(filled(2, 2, 7).toArrays());
      });
    });

    test('syrk is symmetric to the last bit', async () => {
      const backend = make();
      const C = backend.allocate(37, 37);
      backend.syrk(0.3, placeRounded(backend, gaussian(uniform(1), 11, 37)), 0, C);
      backend.syrk(0.7, placeRounded(backend, gaussian(uniform(2), 5, 37)), 0.9, C);
      const content = await backend.read(C);
      const symmetric = build(37, 37, (i, j) => content.at(i, j));
      expect(symmetric.toArrays()).toEqual(transpose(symmetric).toArrays());
    });

    test('axpby with α = 0 in place scales', async () => {
      const backend = make();
      const C = placeRounded(
        backend,
        build(2, 3, (i, j) => 1 + i + j),
      );
      backend.axpby(0, C, 0.5, C);
      const value = build(2, 3, (i, j) => (1 + i + j) / 2);
      await expectClose(backend, C, { value, magnitude: 0 }, 1);
    });

    describe('clip', () => {
      test.each([0, -3, 0.01, 0.25])('leaves C as it is for s = %d ≤ limit', async (value) => {
        const backend = make();
        const C = placeRounded(
          backend,
          build(2, 3, (i, j) => i - j),
        );
        backend.clip(placeRounded(backend, scalar(value)), 0.25, C);
        expect((await backend.read(C)).toArrays()).toEqual([
          [0, -1, -2],
          [1, 0, -1],
        ]);
      });

      test('makes C zero for a limit of zero', async () => {
        const backend = make();
        const C = placeRounded(backend, filled(2, 3, 1));
        backend.clip(placeRounded(backend, scalar(4)), 0, C);
        await expectClose(backend, C, { value: filled(2, 3, 0), magnitude: 0 }, 1);
      });
    });

    describe('columns', () => {
      test('that are not of A are refused and nothing changes', async () => {
        const backend = make();
        const A = placeRounded(backend, filled(2, 3, 1));
        const C = placeRounded(backend, filled(2, 2, 7));
        const wide = placeRounded(backend, filled(2, 4, 7));
        for (const wrong of [-1, 2, 0.5, Number.NaN]) {
          const slice = () => backend.sliceColumns(A, wrong, C);
          expect(slice).toThrow(RangeError);
          expect(slice).toThrow(
            `sliceColumns: from is ${wrong}, expected an integer >= 0 and <= 1`,
          );
        }
        expect(() => backend.sliceColumns(A, 0, wide)).toThrow(/^sliceColumns: /);
        for (const wrong of [-1, 3]) {
          const gather = () => backend.gatherColumns(A, Int32Array.of(0, wrong), C);
          expect(gather).toThrow(RangeError);
          expect(gather).toThrow(
            `gatherColumns: indices[1] is ${wrong}, expected an integer >= 0 and <= 2`,
          );
        }
        expect((await backend.read(C)).toArrays()).toEqual(filled(2, 2, 7).toArrays());
        expect((await backend.read(wide)).toArrays()).toEqual(filled(2, 4, 7).toArrays());
      });

      test('of no number are joined and sliced, and change nothing', async () => {
        const backend = make();
        const A = placeRounded(backend, filled(2, 3, 5));
        const [none, C] = [backend.allocate(2, 0), backend.allocate(2, 3)];
        backend.sliceColumns(A, 3, none);
        backend.joinColumns(none, A, C);
        expect((await backend.read(C)).toArrays()).toEqual(filled(2, 3, 5).toArrays());
      });
    });

    describe('sketchMoment', () => {
      test('refuses a sketch that does not fit and changes nothing', async () => {
        const backend = make();
        const X = placeRounded(backend, filled(4, 3, 1));
        const C = placeRounded(backend, filled(3, 2, 7));
        for (const wrong of [
          { kind: 'columns', indices: Int32Array.of(0) },
          { kind: 'columns', indices: Int32Array.of(0, 3) },
          { kind: 'columns', indices: Int32Array.of(-1, 0) },
          { kind: 'dense', S: backend.allocate(3, 1) },
          { kind: 'dense', S: backend.allocate(2, 2) },
        ] as const) {
          const refused = () => backend.sketchMoment(X, wrong, 1, 0, C);
          expect(refused).toThrow(RangeError);
          expect(refused).toThrow(/^sketchMoment: /);
        }
        expect((await backend.read(C)).toArrays()).toEqual(filled(3, 2, 7).toArrays());
      });

      test('multiplies nothing by zero: a column that is not picked may be large', async () => {
        const backend = make();
        const infinite = Number.POSITIVE_INFINITY;
        const X = placeRounded(
          backend,
          build(2, 3, (_, j) => (j === 1 ? infinite : 1)),
        );
        const C = backend.allocate(3, 1);
        backend.sketchMoment(X, { kind: 'columns', indices: Int32Array.of(0) }, 1, 0, C);
        expect((await backend.read(C)).toArrays()).toEqual([[2], [infinite], [2]]);
      });
    });
  });
}
