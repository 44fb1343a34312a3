// The laws of slots: allocate, write, read, bound, free and borrow.

import { describe, expect, test } from 'vitest';
import type { Backend, Slot } from '../../src/backend/backend.js';
import { EPSILON, LARGEST } from '../../src/core/dtype.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import { placeRounded } from '../support/backends.js';
import { transferred } from '../support/buffers.js';
import { build, filled, type Matrix, map } from '../support/matrices.js';

/** Every use of a slot that is no operation: its name, the argument's, and the call. */
const USES: readonly (readonly [
  routine: string,
  name: string,
  use: (backend: Backend, A: Slot, value: DenseMatrix) => unknown,
])[] = [
  ['write', 'A', (backend, A, value) => backend.write(A, value)],
  // Its refusal is an error of the call, not of the Promise.
  ['read', 'A', (backend, A) => backend.read(A)],
  ['readSync', 'A', (backend, A) => backend.readSync?.(A)],
  ['bound', 'A', (backend, A) => backend.bound?.(A)],
  ['firstOverlap', 'slots[0]', (backend, A) => backend.firstOverlap?.([A])],
  ['free', 'A', (backend, A) => backend.free(A)],
];

/** The uses that a backend offers. */
function usesOf(backend: Backend) {
  return USES.filter(([routine]) => Reflect.get(backend, routine) !== undefined);
}

/** A value that the backend takes. */
function fitting(backend: Backend, A: Matrix): DenseMatrix {
  return convert(A, backend.dtype);
}

/** What the backend says of the elements of `A`. */
function boundOf(backend: Backend, A: Matrix): number | undefined {
  return backend.bound?.(placeRounded(backend, A));
}

/** Declares the tests of slots themselves. */
export function slotLaws(make: () => Backend): void {
  const value = build(3, 2, (i, j) => 1 + i - 4 * j);

  describe('a slot', () => {
    test('starts as zeros and knows its shape and dtype', async () => {
      const backend = make();
      const A = backend.allocate(3, 2);
      expect([A.rows, A.cols, A.dtype]).toEqual([3, 2, backend.dtype]);
      const content = await backend.read(A);
      expect(content.dtype).toBe(backend.dtype);
      expect(content.toArrays()).toEqual(filled(3, 2, 0).toArrays());
    });

    test('has a shape of non-negative integers', () => {
      const backend = make();
      expect(() => backend.allocate(-1, 2)).toThrow(/^allocate: rows is -1, /);
      expect(() => backend.allocate(2, 1.5)).toThrow(/^allocate: cols is 1.5, /);
      expect(() => backend.allocate(Number.NaN, 2)).toThrow(RangeError);
    });

    test('holds a copy of what is written, views included', async () => {
      const backend = make();
      const wide = fitting(
        backend,
        build(4, 5, (i, j) => i + 10 * j),
      );
      const view = wide.view(1, 2, 3, 2);
      const before = view.toArrays();
      const A = backend.allocate(3, 2);
      backend.write(A, view);
      wide.data.fill(0);
      expect((await backend.read(A)).toArrays()).toEqual(before);
    });

    test('is read as it is at the moment of the call', async () => {
      const backend = make();
      const A = placeRounded(backend, value);
      const first = backend.read(A);
      backend.write(A, fitting(backend, filled(3, 2, 9)));
      const second = backend.read(A);
      backend.axpby(1, A, 1, A);
      (await second).data.fill(0);
      const third = backend.read(A);
      backend.free(A);
      expect((await first).toArrays()).toEqual(value.toArrays());
      expect((await third).toArrays()).toEqual(filled(3, 2, 18).toArrays());
    });

    test('is read at once where it can be: a copy, after all that was enqueued', () => {
      const backend = make();
      if (backend.readSync === undefined) return;
      const A = placeRounded(backend, value);
      backend.axpby(1, A, 1, A);
      backend.readSync(A).data.fill(0);
      expect(backend.readSync(A).toArrays()).toEqual(map(value, (x) => 2 * x).toArrays());
    });

    test('refuses what is no value of its shape and dtype and keeps what it holds', async () => {
      const backend = make();
      const A = placeRounded(backend, value);
      const other = backend.dtype === 'float32' ? 'float64' : 'float32';
      const write = (wrong: DenseMatrix) => () => backend.write(A, wrong);
      const nothing: DenseMatrix = JSON.parse('null');
      expect(write(fitting(backend, filled(2, 3, 1)))).toThrow(
        new RangeError('write: value is 2×3, expected 3×2'),
      );
      expect(write(convert(filled(3, 2, 1), other))).toThrow(
        new TypeError(`write: value holds ${other}, expected ${backend.dtype}`),
      );
      expect(write(transferred(fitting(backend, filled(3, 2, 1))))).toThrow(TypeError);
      expect(write(nothing)).toThrow(TypeError);
      expect((await backend.read(A)).toArrays()).toEqual(value.toArrays());
    });

    test('of another backend is refused by whatever it is for', () => {
      const backend = make();
      const A = placeRounded(make(), value);
      for (const [routine, name, use] of usesOf(backend)) {
        const call = () => use(backend, A, fitting(backend, value));
        expect(call, routine).toThrow(TypeError);
        expect(call, routine).toThrow(`${routine}: ${name} belongs to another backend`);
      }
    });

    test('is of no use once freed', () => {
      const backend = make();
      const A = placeRounded(backend, value);
      backend.free(A);
      for (const [routine, name, use] of usesOf(backend)) {
        const call = () => use(backend, A, fitting(backend, value));
        expect(call, routine).toThrow(TypeError);
        expect(call, routine).toThrow(`${routine}: ${name} was freed`);
      }
    });

    test('shares memory with itself and no other', () => {
      const backend = make();
      if (backend.firstOverlap === undefined) return;
      const [A, B, C] = [1, 2, 3].map(() => placeRounded(backend, value));
      expect(backend.firstOverlap([A, B, C])).toBe(undefined);
      expect(backend.firstOverlap([])).toBe(undefined);
      expect(backend.firstOverlap([A, B, C, B])?.toSorted()).toEqual([1, 3]);
    });
  });

  describe('bound, where there is one', () => {
    test('is the largest magnitude, or more, but no more than the norm', () => {
      const backend = make();
      if (backend.bound === undefined) return;
      const bound = boundOf(
        backend,
        build(2, 3, (i, j) => (i === j ? -7 : i + j)),
      );
      expect(bound).toBeGreaterThanOrEqual(7);
      // ‖A‖F² = 2·7² + 1 + 2² + 1 + 3².
      expect(bound).toBeLessThanOrEqual(Math.sqrt(113) * (1 + 8 * EPSILON[backend.dtype]));
      expect(backend.bound(backend.allocate(0, 3))).toBe(0);
    });

    test('is finite where all elements are, the largest too', () => {
      const backend = make();
      if (backend.bound === undefined) return;
      const largest = LARGEST[backend.dtype];
      const bound = boundOf(
        backend,
        build(2, 3, (i, j) => (i === j ? largest : -largest)),
      );
      expect(bound).toBeGreaterThanOrEqual(largest);
      expect(bound).toBeLessThan(Number.POSITIVE_INFINITY);
    });

    test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
      'tells of one element of %d, wherever it is',
      (wrong) => {
        const backend = make();
        if (backend.bound === undefined) return;
        for (let k = 0; k < 6; k++) {
          const A = build(2, 3, (i, j) => (3 * i + j === k ? wrong : 1));
          expect(Number.isFinite(boundOf(backend, A))).toBe(false);
        }
      },
    );
  });

  describe('borrow', () => {
    test('lends slots of the shapes that are asked for, each once', () => {
      const backend = make();
      backend.borrow((take) => {
        const slots = [take(2, 3), take(2, 3), take(3, 2)];
        backend.borrow((takeMore) => slots.push(takeMore(2, 3), takeMore(2, 3)));
        expect(new Set(slots).size).toBe(5);
        const shapes = slots.map(({ rows, cols }) => [rows, cols]);
        expect(shapes).toEqual([
          [2, 3],
          [2, 3],
          [3, 2],
          [2, 3],
          [2, 3],
        ]);
      });
    });

    test('lends the same slots again, also after a body that threw', () => {
      const backend = make();
      const lent: Slot[] = [];
      const borrow = () =>
        backend.borrow((take) => {
          lent.push(take(2, 3), take(4, 1));
          throw new Error('in the middle');
        });
      for (let k = 0; k < 3; k++) expect(borrow).toThrow('in the middle');
      expect(lent.length).toBe(6);
      expect(new Set(lent).size).toBe(2);
    });

    test('an intermediate result counts, although its slot is lent again before it is read', async () => {
      const backend = make();
      const A = placeRounded(backend, value);
      const results = [1, 2, 3].map((factor) => {
        const C = backend.allocate(3, 2);
        backend.borrow((take) => {
          const T = take(3, 2);
          backend.axpby(factor, A, 0, T);
          backend.axpby(1, T, 0, C);
        });
        return { factor, C };
      });
      for (const { factor, C } of results) {
        const expected = map(value, (x) => factor * x);
        expect((await backend.read(C)).toArrays()).toEqual(expected.toArrays());
      }
    });
  });
}
