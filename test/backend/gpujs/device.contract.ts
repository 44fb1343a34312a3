// What GPU.js gets wrong unless it is used with care: each of its traps, set for the backend. Every mode
// must pass.

import { describe, expect, test } from 'vitest';
import { type Backend, upload } from '../../../src/backend/backend.js';
import { convert } from '../../../src/core/matrix.js';
import { build, gaussian, type Matrix, norm, product, uniform } from '../../support/matrices.js';
import { expectClose } from '../operation.js';

const single = (A: Matrix) => convert(A, 'float32');

/** Declares the tests of one device. */
export function deviceLaws(name: string, make: () => Backend<'float32'>): void {
  describe(`${name} steps into no trap of GPU.js`, () => {
    test('a sum of more than 1000 terms is summed whole', async () => {
      const backend = make();
      const n = 2500;
      const ones = upload(backend, single(build(1, n, () => 1)));
      const [C, s] = [backend.allocate(1, 1), backend.allocate(1, 1)];
      backend.gemm(1, ones, 'N', ones, 'T', 0, C);
      backend.dot(1, ones, ones, 0, s);
      for (const sum of [C, s]) expect((await backend.read(sum)).at(0, 0)).toBe(n);
      const column = upload(backend, single(build(n, 1, () => 1)));
      backend.dot(1, column, column, 0, s);
      expect((await backend.read(s)).at(0, 0)).toBe(n);
    });

    test('the outcome of a kernel stays when the kernel runs again', async () => {
      const backend = make();
      const slots = [1, 2, 3].map((factor) => {
        const A = upload(backend, single(build(3, 3, (i, j) => factor * (i + j))));
        const C = backend.allocate(3, 3);
        backend.axpby(10, A, 0, C);
        return C;
      });
      for (const [k, C] of slots.entries()) {
        expect((await backend.read(C)).at(1, 2)).toBe(30 * (k + 1));
      }
    });

    test('an operand may be the outcome of the same kernel, again and again', async () => {
      const backend = make();
      const A = upload(backend, single(build(2, 2, () => 1)));
      const C = backend.allocate(2, 2);
      for (let k = 0; k < 10; k++) backend.axpby(1, A, 2, C);
      expect((await backend.read(C)).at(1, 1)).toBe(2 ** 10 - 1);
      const D = backend.allocate(2, 2);
      for (let k = 0; k < 5; k++) backend.axpby(1, C, 1, D);
      expect((await backend.read(D)).at(0, 1)).toBe(5 * (2 ** 10 - 1));
      expect((await backend.read(A)).at(0, 0)).toBe(1);
    });

    test('an operation takes operands of other sizes from one call to the next', async () => {
      const backend = make();
      for (const [m, k, n] of [
        [2, 3, 4],
        [9, 5, 1],
        [1, 1, 1],
        [2, 3, 4],
        [4, 3, 2],
      ]) {
        const [A, B] = [gaussian(uniform(m), m, k), gaussian(uniform(n), k, n)];
        const C = backend.allocate(m, n);
        backend.gemm(1, upload(backend, single(A)), 'N', upload(backend, single(B)), 'N', 0, C);
        const value = product(A, 'N', B, 'N');
        await expectClose(backend, C, { value, magnitude: norm(A) * norm(B) }, k + 2);
      }
    });

    test('a matrix may have more rows or columns than a texture', async () => {
      const backend = make();
      const n = 9000;
      const row = upload(backend, single(build(1, n, (_, j) => j)));
      const column = upload(backend, single(build(n, 1, (i) => i)));
      const C = backend.allocate(1, n);
      backend.axpby(2, row, 0, C);
      expect((await backend.read(C)).at(0, n - 1)).toBe(2 * (n - 1));
      // Both across the end of a tile.
      const [part, joined] = [backend.allocate(1, 10), backend.allocate(1, n + 10)];
      backend.sliceColumns(C, 4090, part);
      backend.joinColumns(part, C, joined);
      const first = Array.from({ length: 10 }, (_, j) => 2 * (4090 + j));
      expect(Array.from((await backend.read(part)).data)).toEqual(first);
      const all = Array.from({ length: n }, (_, j) => 2 * j);
      expect(Array.from((await backend.read(joined)).data)).toEqual([...first, ...all]);
      const s = backend.allocate(1, 1);
      backend.gemm(1, row, 'N', column, 'N', 0, s);
      const value = build(1, 1, () => ((n - 1) * n * (2 * n - 1)) / 6);
      await expectClose(backend, s, { value, magnitude: value.at(0, 0) }, 4096);
    });
  });
}
