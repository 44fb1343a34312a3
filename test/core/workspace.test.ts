// A workspace lends the same memory again, never twice at a time, and never keeps more than its limit.

import { describe, expect, test } from 'vitest';
import type { DType } from '../../src/core/dtype.js';
import type { DenseMatrix } from '../../src/core/matrix.js';
import { Workspace } from '../../src/core/workspace.js';
import { overlaps } from '../../src/kernels/overlap.js';

const SHAPES = [
  ['float32', 3, 4],
  ['float64', 3, 4],
  ['float64', 5, 1],
  ['float64', 0, 7],
] as const;

const takeAll = (workspace: Workspace): DenseMatrix[] =>
  SHAPES.map(([dtype, rows, cols]) => workspace.take(dtype, rows, cols));

const buffers = (matrices: DenseMatrix[]) => new Set(matrices.map(({ data }) => data.buffer));

describe('a workspace', () => {
  test('gives matrices of the shape and dtype asked for, apart from each other', () => {
    const workspace = new Workspace();
    for (let round = 0; round < 3; round++) {
      workspace.scope(() => {
        const taken = takeAll(workspace);
        expect(taken.map(({ dtype, rows, cols }) => [dtype, rows, cols])).toEqual(SHAPES);
        for (const [k, A] of taken.entries()) {
          expect(taken.slice(0, k).some((B) => overlaps(A, B))).toBe(false);
        }
      });
    }
  });

  test('lends the same memory from the second scope on, whatever the shapes', () => {
    const workspace = new Workspace();
    const lent = () => workspace.scope(() => buffers(takeAll(workspace)));
    lent();
    const second = lent();
    expect(second.size).toBe(2);
    expect(lent()).toEqual(second);
    const other = workspace.scope(() => workspace.take('float64', 2, 8));
    expect(second).toContain(other.data.buffer);
  });

  test('takes back what an inner scope took, and no more', () => {
    const workspace = new Workspace();
    for (let round = 0; round < 2; round++) {
      workspace.scope(() => {
        const kept = workspace.take('float64', 2, 3);
        const first = workspace.scope(() => workspace.take('float64', 4, 4));
        const second = workspace.scope(() => workspace.take('float64', 4, 4));
        expect(overlaps(kept, first)).toBe(false);
        expect(overlaps(kept, second)).toBe(false);
        if (round > 0) expect(overlaps(first, second)).toBe(true);
      });
    }
  });

  test('takes it back also where a body throws', () => {
    const workspace = new Workspace();
    const start = () => workspace.scope(() => workspace.take('float64', 2, 2).offset);
    start();
    expect(() =>
      workspace.scope(() => {
        workspace.take('float64', 1, 1);
        throw new Error('broken');
      }),
    ).toThrow('broken');
    expect(start()).toBe(0);
    expect(() => workspace.take('float64', 1, 1)).toThrow('Workspace.take: no scope is open');
  });

  test.each<[DType, number]>([
    ['float32', 2 ** 25],
    ['float64', 2 ** 24],
  ])('keeps 128 MiB of %s at most', (dtype, largest) => {
    const workspace = new Workspace();
    const once = (length: number) =>
      workspace.scope(() => workspace.take(dtype, 1, length).data.buffer);
    const isLentAgain = (length: number) => {
      once(length);
      const second = once(length);
      return once(length) === second;
    };
    expect(isLentAgain(largest)).toBe(true);
    expect(isLentAgain(largest + 1)).toBe(false);
  });
});
