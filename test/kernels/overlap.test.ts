// Sharing of memory is decided exactly.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import type { DType } from '../../src/core/dtype.js';
import { DenseMatrix, zeros } from '../../src/core/matrix.js';
import { checkDisjoint, firstOverlap, isSameView, overlaps } from '../../src/kernels/overlap.js';

const LENGTH = 24;

/** A view of one of two float32 arrays, or a float64 array, over the same bytes. */
const view = fc
  .record({
    dtype: fc.constantFrom<DType>('float32', 'float64'),
    shift: fc.integer({ min: 0, max: 2 }),
    offset: fc.integer({ min: 0, max: 16 }),
    rows: fc.integer({ min: 0, max: 5 }),
    cols: fc.integer({ min: 0, max: 5 }),
    gap: fc.integer({ min: 0, max: 4 }),
  })
  .filter(({ shift, offset, rows, cols, gap }) => {
    const needed = rows === 0 || cols === 0 ? 0 : offset + (rows - 1) * (cols + gap) + cols;
    return needed <= LENGTH - shift;
  });

type ViewRecipe = typeof view extends fc.Arbitrary<infer T> ? T : never;

function build(
  buffer: ArrayBuffer,
  { dtype, shift, offset, rows, cols, gap }: ViewRecipe,
): DenseMatrix {
  return dtype === 'float32'
    ? new DenseMatrix(
        dtype,
        rows,
        cols,
        new Float32Array(buffer, 4 * shift, LENGTH - shift),
        offset,
        cols + gap,
      )
    : new DenseMatrix(
        dtype,
        rows,
        cols,
        new Float64Array(buffer, 8 * shift, LENGTH - shift),
        offset,
        cols + gap,
      );
}

function bytes(A: DenseMatrix): Set<number> {
  const size = A.data.BYTES_PER_ELEMENT;
  const all = new Set<number>();
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.cols; j++) {
      const first = A.data.byteOffset + (A.offset + i * A.stride + j) * size;
      for (let b = first; b < first + size; b++) all.add(b);
    }
  }
  return all;
}

describe('overlaps', () => {
  test.prop([view, view], { seed: 1, numRuns: 3000 })(
    'is the intersection of the sets of bytes',
    (first, second) => {
      const buffer = new ArrayBuffer(8 * LENGTH);
      const A = build(buffer, first);
      const C = build(buffer, second);
      const bytesOfA = bytes(A);
      const shared = [...bytes(C)].some((b) => bytesOfA.has(b));
      expect(overlaps(A, C)).toBe(shared);
      expect(overlaps(C, A)).toBe(shared);
    },
  );

  test('separate buffers never overlap', () => {
    const A = zeros('float64', 3, 3);
    expect(overlaps(A, A.clone())).toBe(false);
  });

  test('side-by-side columns of the same rows do not overlap', () => {
    const A = zeros('float32', 5, 8);
    expect(overlaps(A.view(0, 0, 5, 3), A.view(0, 3, 5, 5))).toBe(false);
    expect(overlaps(A.view(0, 0, 5, 4), A.view(0, 3, 5, 5))).toBe(true);
  });
});

describe('firstOverlap', () => {
  test.prop([fc.array(fc.record({ recipe: view, buffer: fc.nat(1) }), { maxLength: 8 })], {
    seed: 2,
    numRuns: 2000,
  })('names two views that overlap, where any do', (recipes) => {
    const buffers = [0, 1].map(() => new ArrayBuffer(8 * LENGTH));
    const views = recipes.map(({ recipe, buffer }) => build(buffers[buffer], recipe));
    const pairs = views.flatMap((A, i) => views.slice(i + 1).map((C) => overlaps(A, C)));
    const found = firstOverlap(views);
    expect(found !== undefined).toBe(pairs.includes(true));
    if (found === undefined) return;
    expect(found[0]).not.toBe(found[1]);
    expect(overlaps(views[found[0]], views[found[1]])).toBe(true);
  });

  test('looks at matrices that lie one behind the other a few times each, whatever their order', () => {
    const n = 4096;
    let looks = 0;
    const whole = zeros('float32', n, 3);
    const rows = Array.from({ length: n }, (_, k) => {
      // An odd factor takes every index once, out of order.
      return new Proxy(whole.view((k * 1001) % n, 0, 1, 3), {
        get(A, property) {
          looks++;
          return Reflect.get(A, property);
        },
      });
    });
    expect(firstOverlap(rows)).toBe(undefined);
    expect(looks).toBeGreaterThanOrEqual(n);
    expect(looks).toBeLessThanOrEqual(32 * n);
    expect(firstOverlap([...rows, whole.view(7, 1, 1, 1)])).toContain(n);
  });
});

test('isSameView: the same elements in the same places', () => {
  const A = zeros('float64', 4, 4);
  expect(isSameView(A, A.view(0, 0, 4, 4))).toBe(true);
  expect(isSameView(A, A.view(0, 0, 4, 3))).toBe(false);
  expect(isSameView(A.view(0, 0, 3, 4), A.view(1, 0, 3, 4))).toBe(false);
  expect(isSameView(A, A.clone())).toBe(false);
  const everySecond = new DenseMatrix('float64', 4, 1, A.data, 0, 2);
  expect(isSameView(A.view(0, 0, 4, 1), everySecond)).toBe(false);
  expect(isSameView(A, new DenseMatrix('float64', 4, 4, new Float64Array(A.data.buffer)))).toBe(
    true,
  );
});

test('checkDisjoint names the routine and both arguments', () => {
  const A = zeros('float64', 4, 4);
  expect(() => checkDisjoint('gemm', 'A', A, 'C', A.view(1, 1, 2, 2))).toThrow(
    new RangeError('gemm: C shares memory with A, expected an output that overlaps no input'),
  );
  expect(() => checkDisjoint('gemm', 'A', A, 'C', A.clone())).not.toThrow();
});
