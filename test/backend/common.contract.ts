// What backends and engines offer under the same names, and the laws of it.

import { describe, expect, test } from 'vitest';
import type { BackendOperations } from '../../src/backend/backend.js';
import { type DType, EPSILON, LARGEST } from '../../src/core/dtype.js';
import { build, combine, type Matrix, map, norm, zip } from '../support/matrices.js';
import {
  type Device,
  expectClose,
  type Operation,
  operationLaws,
  place,
  type Sizes,
} from './operation.js';
import { slotLaws } from './slots.contract.js';

type Common = 'info' | 'checkFinite' | 'axpby' | 'multiply' | 'divideByRoot' | 'clip';

/** A backend or an engine. */
export interface CommonDevice extends Device, Pick<BackendOperations<DType>, Common> {
  readonly reading: 'sync' | 'async';
}

/** Factors of new and old content; with 0 the old content is NaN. */
export const FACTORS: readonly (readonly [number, number])[] = [
  [0.5, 0],
  [1, 1],
  [0.125, 0.875],
];

/** What the old content adds to the magnitude of a result. */
export function old(beta: number, C: Matrix): number {
  return beta === 0 ? 0 : beta * norm(C);
}

/** A 1×1 matrix. */
export function scalar(value: number): Matrix {
  return build(1, 1, () => value);
}

const elementwise: readonly Operation<CommonDevice>[] = FACTORS.flatMap(([alpha, beta]) => {
  const suffix = `(α ${alpha}, β ${beta})`;
  const accumulates = beta !== 0;
  return [
    {
      name: `axpby ${suffix}`,
      inputs: { A: 'qp' },
      outputs: { C: 'qp' },
      accumulates,
      inPlace: [['A', 'C']],
      run: (device, { A, C }) => device.axpby(alpha, A, beta, C),
      expected: ({ A, C }) => ({
        C: { value: combine(alpha, A, beta, C), magnitude: alpha * norm(A) + old(beta, C) },
      }),
    },
    {
      name: `multiply ${suffix}`,
      inputs: { A: 'qp', B: 'qp' },
      outputs: { C: 'qp' },
      accumulates,
      run: (device, { A, B, C }) => device.multiply(alpha, A, B, beta, C),
      expected: ({ A, B, C }) => ({
        C: {
          value: combine(
            alpha,
            zip(A, B, (x, y) => x * y),
            beta,
            C,
          ),
          magnitude: alpha * norm(A) * norm(B) + old(beta, C),
        },
      }),
    },
  ];
});

const others: readonly Operation<CommonDevice>[] = [
  {
    name: 'divideByRoot',
    inputs: { A: 'qp', B: 'qp' },
    outputs: { C: 'qp' },
    accumulates: false,
    kinds: { B: 'non-negative' },
    run: (device, { A, B, C }) => device.divideByRoot(1.5, A, 2, B, 0.125, C),
    expected: ({ A, B }) => ({
      C: {
        value: zip(A, B, (a, b) => (1.5 * a) / (Math.sqrt(2 * b) + 0.125)),
        magnitude: (1.5 * norm(A)) / 0.125,
      },
    }),
  },
  {
    name: 'clip',
    inputs: { s: '11' },
    outputs: { C: 'qp' },
    accumulates: true,
    free: 'qp',
    kinds: { s: 'non-negative' },
    run: (device, { s, C }) => device.clip(s, 0.01, C),
    expected: ({ s, C }) => ({
      C: {
        value: map(C, (x) => x * Math.min(1, Math.sqrt(0.01 / s.at(0, 0)))),
        magnitude: norm(C),
      },
    }),
  },
];

export const commonOperations: readonly Operation<CommonDevice>[] = [...elementwise, ...others];

/** Declares the laws of slots, of each operation, and of what every device shares. */
export function commonContract<E extends CommonDevice>(
  make: () => E,
  operations: readonly Operation<E>[],
  sizes: readonly Sizes[],
): void {
  slotLaws(make);
  for (const operation of operations) operationLaws(make, operation, sizes);

  test('says what it is', () => {
    const { info, reading } = make();
    expect(info.name).not.toBe('');
    expect(info.variant).not.toBe('');
    expect(info.threads).toBeGreaterThanOrEqual(1);
    expect(['sync', 'async']).toContain(reading);
  });

  test('checkFinite takes finite numbers, the largest too', () => {
    const device = make();
    const largest = LARGEST[device.dtype];
    const A = place(
      device,
      build(2, 3, (i, j) => (i === j ? largest : -largest)),
    );
    expect(() => device.checkFinite('test', 'A', A)).not.toThrow();
  });

  test('checkFinite returns a bound of the elements, where it can look', () => {
    const device = make();
    const A = place(
      device,
      build(2, 3, (i, j) => (i === j ? -7 : i + j)),
    );
    const bound = device.checkFinite('test', 'A', A) ?? 7;
    expect(bound).toBeGreaterThanOrEqual(7);
    // ‖A‖F² = 2·7² + 1 + 2² + 1 + 3².
    expect(bound).toBeLessThanOrEqual(Math.sqrt(113) * (1 + 8 * EPSILON[device.dtype]));
    expect([0, undefined]).toContain(device.checkFinite('test', 'A', device.allocate(0, 3)));
  });

  describe('clip', () => {
    test.each([0, -3, 0.01, 0.25])('leaves C as it is for s = %d ≤ limit', async (value) => {
      const device = make();
      const s = place(device, scalar(value));
      const C = place(
        device,
        build(2, 3, (i, j) => i - j),
      );
      device.clip(s, 0.25, C);
      expect((await device.read(C)).toArrays()).toEqual([
        [0, -1, -2],
        [1, 0, -1],
      ]);
    });

    test('makes C zero for a limit of zero', async () => {
      const device = make();
      const C = place(
        device,
        build(2, 3, () => 1),
      );
      device.clip(place(device, scalar(4)), 0, C);
      await expectClose(device, C, { value: build(2, 3, () => 0), magnitude: 0 }, 1);
    });
  });

  test('axpby with α = 0 in place scales', async () => {
    const device = make();
    const C = place(
      device,
      build(2, 3, (i, j) => 1 + i + j),
    );
    device.axpby(0, C, 0.5, C);
    const value = build(2, 3, (i, j) => (1 + i + j) / 2);
    await expectClose(device, C, { value, magnitude: 0 }, 1);
  });
}
