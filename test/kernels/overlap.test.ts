// Sharing of memory is decided exactly.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import type { DType } from '../../src/core/dtype.js';
import { DenseMatrix, zeros } from '../../src/core/matrix.js';
import { checkDisjoint, isSameView, overlaps } from '../../src/kernels/overlap.js';

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
  test.prop([view, view], { numRuns: 3000 })(
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
