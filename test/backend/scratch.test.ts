// Scratch: a loop over the same shapes allocates nothing, and what lies idle is bounded.

import { describe, expect, test } from 'vitest';
import type { Slot } from '../../src/backend/backend.js';
import { Scratch } from '../../src/backend/scratch.js';

const MIB = 2 ** 20;

type Shape = readonly [rows: number, cols: number];

/** Scratch on slots without memory, and the bytes that they would have. */
function fixture() {
  const live = new Set<Slot>();
  const count = { allocated: 0, freed: 0 };
  const scratch = new Scratch<'float64'>({
    allocate(rows, cols) {
      const T = { dtype: 'float64', rows, cols } as const;
      live.add(T);
      count.allocated++;
      return T;
    },
    free(T) {
      expect(live.delete(T)).toBe(true);
      count.freed++;
    },
  });
  const borrow = (...shapes: readonly Shape[]) =>
    scratch.borrow((take) => {
      for (const [rows, cols] of shapes) take(rows, cols);
    });
  const bytes = () => [...live].reduce((sum, { rows, cols }) => sum + 8 * rows * cols, 0);
  return { scratch, live, count, borrow, bytes };
}

/** A slot of so many MiB; `k` < 100 makes the shape another one. */
const shapeOf = (mib: number, k = 0): Shape => [2 ** 10 + k, mib * 2 ** 7];

describe('a loop over the same shapes allocates in its first round only', () => {
  const loops: readonly { name: string; rounds: readonly (readonly Shape[])[] }[] = [
    { name: 'one borrowing of many slots', rounds: [Array.from({ length: 40 }, () => [1, 1])] },
    { name: 'one borrowing beyond the floor', rounds: [[shapeOf(90), shapeOf(90), shapeOf(7)]] },
    {
      name: 'eighty layers, each of its own small shapes',
      rounds: Array.from({ length: 80 }, (_, k) => [
        [1, k + 2],
        [k + 2, 1],
        [1, 1],
      ]),
    },
    {
      name: 'four layers, each of its own large shape',
      rounds: [0, 1, 2, 3].map((k) => [shapeOf(100 - k, k)]),
    },
    {
      name: 'a large layer among many small ones',
      rounds: [[shapeOf(200)], ...Array.from({ length: 99 }, (_, k): Shape[] => [shapeOf(1, k)])],
    },
  ];
  test.each(loops)('$name', ({ rounds }) => {
    const { borrow, count } = fixture();
    for (const shapes of rounds) borrow(...shapes);
    const { allocated } = count;
    for (let k = 0; k < 5; k++) for (const shapes of rounds) borrow(...shapes);
    expect(count).toEqual({ allocated, freed: 0 });
  });
});

describe('what lies idle is bounded', () => {
  test('by four times the largest borrowing, where no two calls have the same shape', () => {
    const { borrow, bytes, count } = fixture();
    for (let m = 20_000; m < 20_300; m++) {
      borrow([m, 50]);
      expect(bytes()).toBeLessThanOrEqual(4 * 8 * m * 50);
    }
    expect(count.allocated).toBe(300);
  });

  test('by 16 MiB once a large borrowing is 256 borrowings ago', () => {
    const { borrow, bytes } = fixture();
    borrow(shapeOf(400));
    for (let k = 0; k < 255; k++) borrow([1, 1]);
    expect(bytes()).toBeGreaterThan(400 * MIB);
    borrow([1, 1]);
    expect(bytes()).toBeLessThanOrEqual(16 * MIB);
  });

  test('by 256 slots, however small', () => {
    const { borrow, live } = fixture();
    for (let k = 0; k < 1000; k++) {
      borrow([1, k], [k, 1]);
      expect(live.size).toBeLessThanOrEqual(256);
    }
  });

  test('and the least recently used slots go first', () => {
    const { borrow, count } = fixture();
    for (const k of [0, 1, 2, 3]) borrow(shapeOf(99, k));
    borrow(shapeOf(99, 0));
    borrow(shapeOf(99, 4));
    const { allocated } = count;
    borrow(shapeOf(99, 0));
    expect(count.allocated).toBe(allocated);
    borrow(shapeOf(99, 1));
    expect(count.allocated).toBe(allocated + 1);
  });
});

test('a slot is lent once at a time, and comes back from a body that throws', () => {
  const { scratch, borrow, count } = fixture();
  expect(() =>
    scratch.borrow((take) => {
      expect(take(2, 3)).not.toBe(take(2, 3));
      throw new Error('the device is lost');
    }),
  ).toThrow('the device is lost');
  borrow([2, 3], [2, 3]);
  expect(count).toEqual({ allocated: 2, freed: 0 });
});
