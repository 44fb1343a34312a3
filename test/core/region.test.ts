// A region lends the same memory again, in zeros, and never more of it than its limit.

import { describe, expect, test } from 'vitest';
import type { DType } from '../../src/core/dtype.js';
import { zeros } from '../../src/core/matrix.js';
import { outsideRegion, Region } from '../../src/core/region.js';

/** Makes three matrices, of zeros, and spoils them. */
function body() {
  const made = (['float32', 'float64', 'float64'] as const).map((dtype) => zeros(dtype, 3, 4));
  for (const A of made) {
    expect(A.data.every((x) => x === 0)).toBe(true);
    A.data.fill(7);
  }
  return made.map(({ data }) => data);
}

describe('a region', () => {
  test('gives a body the memory of the one before, in zeros', () => {
    const region = new Region();
    const first = region.run(body);
    expect(new Set(first).size).toBe(3);
    expect(new Set(region.run(body))).toEqual(new Set(first));
    expect(region.run(body).every((data, k) => data === first[k])).toBe(true);
  });

  test('takes no array of another length or dtype', () => {
    const region = new Region();
    const one = (dtype: DType, n: number) => region.run(() => zeros(dtype, 1, n).data);
    const first = one('float32', 4);
    expect(one('float64', 4)).not.toBe(first);
    expect(one('float32', 5)).not.toBe(first);
    expect(one('float32', 4)).toBe(first);
  });

  test('ends with its body, also where that throws', () => {
    const region = new Region();
    const inside: unknown[] = [];
    expect(() =>
      region.run(() => {
        inside.push(zeros('float64', 2, 2).data);
        throw new Error('broken');
      }),
    ).toThrow('broken');
    expect(inside).not.toContain(zeros('float64', 2, 2).data);
    expect(inside).toContain(region.run(() => zeros('float64', 2, 2).data));
  });

  test('runs alone', () => {
    const region = new Region();
    expect(() => region.run(() => new Region().run(() => 1))).toThrow('a region is running');
    expect(region.run(() => 2)).toBe(2);
  });

  test('lends nothing to what runs outside of it', () => {
    const region = new Region();
    const kept: unknown[] = [];
    const lent = region.run(() => {
      kept.push(outsideRegion(() => zeros('float64', 2, 2).data));
      return zeros('float64', 2, 2).data;
    });
    expect(kept).not.toContain(lent);
    expect(
      region.run(() => [zeros('float64', 2, 2).data, zeros('float64', 2, 2).data]),
    ).not.toContain(kept[0]);
  });

  test('keeps 128 MiB at most', () => {
    const region = new Region();
    const large = () => region.run(() => zeros('float64', 1, 2 ** 24 + 1).data);
    const first = large();
    expect(large() === first).toBe(false);
  });
});
