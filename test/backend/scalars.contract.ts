// The law of scalars: what the dtype of the backend cannot hold is refused.

import { describe, expect, test } from 'vitest';
import type { Backend, Slot } from '../../src/backend/backend.js';
import type { DType } from '../../src/core/dtype.js';
import { placeRounded } from '../support/backends.js';
import { filled, scalar } from '../support/matrices.js';
import { expectUnchanged } from './operation.js';

type Slots = Readonly<Record<'A' | 'B' | 'C' | 's', Slot>>;

/** Every scalar: its routine, its name, and a call that passes `x` as it. */
const SCALARS: readonly (readonly [
  routine: string,
  name: string,
  call: (backend: Backend, slots: Slots, x: number) => void,
])[] = [
  ['gemm', 'alpha', (backend, { A, B, C }, x) => backend.gemm(x, A, 'N', B, 'T', 1, C)],
  ['gemm', 'beta', (backend, { A, B, C }, x) => backend.gemm(1, A, 'N', B, 'T', x, C)],
  ['syrk', 'alpha', (backend, { A, C }, x) => backend.syrk(x, A, 1, C)],
  ['syrk', 'beta', (backend, { A, C }, x) => backend.syrk(1, A, x, C)],
  [
    'sketchMoment',
    'weight',
    (backend, { A, B, C }, x) => backend.sketchMoment(A, { kind: 'dense', S: B }, x, 1, C),
  ],
  [
    'sketchMoment',
    'decay',
    (backend, { A, C }, x) =>
      backend.sketchMoment(A, { kind: 'columns', indices: Int32Array.of(0, 1) }, 1, x, C),
  ],
  ['axpby', 'alpha', (backend, { A, C }, x) => backend.axpby(x, A, 1, C)],
  ['axpby', 'beta', (backend, { A, C }, x) => backend.axpby(1, A, x, C)],
  ['multiply', 'alpha', (backend, { A, B, C }, x) => backend.multiply(x, A, B, 1, C)],
  ['multiply', 'beta', (backend, { A, B, C }, x) => backend.multiply(1, A, B, x, C)],
  ['divide', 'shift', (backend, { A, B, C }, x) => backend.divide(A, B, x, C)],
  ['divideByRoot', 'alpha', (backend, { A, B, C }, x) => backend.divideByRoot(x, A, 1, B, 1, C)],
  ['divideByRoot', 'beta', (backend, { A, B, C }, x) => backend.divideByRoot(1, A, x, B, 1, C)],
  ['divideByRoot', 'shift', (backend, { A, B, C }, x) => backend.divideByRoot(1, A, 1, B, x, C)],
  ['dot', 'alpha', (backend, { A, B, s }, x) => backend.dot(x, A, B, 1, s)],
  ['dot', 'beta', (backend, { A, B, s }, x) => backend.dot(1, A, B, x, s)],
  ['clip', 'limit', (backend, { s, C }, x) => backend.clip(s, x, C)],
];

const INFINITE = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** Not finite in the dtype, or 0 there and not 0 before. */
const REFUSED: Readonly<Record<DType, readonly number[]>> = {
  float32: [...INFINITE, 1e40, -1e40, 1e-50, -1e-50],
  float64: INFINITE,
};

/** 0, and the smallest and the largest numbers of the dtype. */
const TAKEN: Readonly<Record<DType, readonly number[]>> = {
  float32: [0, 2 ** -149, 2 ** 127],
  float64: [0, 2 ** -1074, 2 ** 1023],
};

/** Declares the law for one backend. */
export function scalarLaws(make: () => Backend): void {
  describe('a scalar', () => {
    const values = { A: filled(2, 2, 1), B: filled(2, 2, 2), C: filled(2, 2, 3), s: scalar(4) };
    const setUp = () => {
      const backend = make();
      const [A, B, C, s] = [values.A, values.B, values.C, values.s].map((value) =>
        placeRounded(backend, value),
      );
      return { backend, slots: { A, B, C, s } };
    };

    test.each(SCALARS)(
      'that the dtype does not hold is refused: %s, %s',
      async (routine, name, call) => {
        const { backend, slots } = setUp();
        const negative = routine === 'clip' ? [-1] : [];
        for (const x of [...REFUSED[backend.dtype], ...negative]) {
          const run = () => call(backend, slots, x);
          expect(run).toThrow(RangeError);
          expect(run).toThrow(`${routine}: ${name} is ${x}, expected a finite number`);
        }
        await expectUnchanged(backend, slots, values);
      },
    );

    test.each(SCALARS)(
      'that it does hold is taken, however large or small: %s, %s',
      (_, __, call) => {
        const { backend, slots } = setUp();
        for (const x of TAKEN[backend.dtype]) call(backend, slots, x);
      },
    );
  });
}
