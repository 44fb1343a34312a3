import { fc, test } from '@fast-check/vitest';
import { Matrix } from 'ml-matrix';
import { describe, expect } from 'vitest';
import { convert, DenseMatrix, zeros } from '../../src/core/matrix.js';
import { fromMlMatrix, isMlMatrix, toMlMatrix } from '../../src/core/mlmatrix.js';

const matrices = fc
  .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5 }))
  .chain(([rows, cols]) =>
    fc
      .array(fc.double(), { minLength: rows * cols, maxLength: rows * cols })
      .map((data) => new DenseMatrix('float64', rows, cols, Float64Array.from(data))),
  );

describe('ml-matrix', () => {
  test.prop([matrices])('there and back is the same matrix', (A) => {
    const M = toMlMatrix(A);
    expect(M).toBeInstanceOf(Matrix);
    expect([M.rows, M.columns]).toEqual([A.rows, A.cols]);
    expect(fromMlMatrix(M)).toEqual(A);
    expect(fromMlMatrix(M, 'float32')).toEqual(convert(A, 'float32'));
  });

  test('element (i, j) stays element (i, j), also through a view', () => {
    const A = zeros('float32', 3, 4);
    for (let i = 0; i < 3; i++) for (let j = 0; j < 4; j++) A.set(i, j, 10 * i + j);
    expect(toMlMatrix(A.view(1, 1, 2, 3)).to2DArray()).toEqual([
      [11, 12, 13],
      [21, 22, 23],
    ]);
  });

  test('both ways copy', () => {
    const M = Matrix.ones(1, 2);
    const A = fromMlMatrix(M);
    M.set(0, 0, 5);
    expect(A.at(0, 0)).toBe(1);
    const back = toMlMatrix(A);
    A.set(0, 1, 7);
    expect(back.get(0, 1)).toBe(1);
  });

  test('is told by its shape and its get, so that any copy of the package will do', () => {
    expect(isMlMatrix(Matrix.eye(2))).toBe(true);
    expect(isMlMatrix({ rows: 1, columns: 1, get: () => 0 })).toBe(true);
    for (const value of [
      null,
      undefined,
      'Matrix',
      [[1]],
      zeros('float64', 1, 1),
      { rows: 1, columns: 1 },
      { rows: 1, columns: 1, get: 0 },
    ]) {
      expect(isMlMatrix(value)).toBe(false);
    }
  });
});
