import { fc, test } from '@fast-check/vitest';
import { Matrix } from 'ml-matrix';
import { describe, expect } from 'vitest';
import { convert, DenseMatrix, zeros } from '../src/core/matrix.js';
import { isMlMatrix } from '../src/core/mlmatrix.js';
import { fromMlMatrix, toMlMatrix } from '../src/ml-matrix.js';
import { transferred } from './support/buffers.js';

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
    const rounded = convert(A, 'float32');
    const lost = (x: number, k: number) => Number.isFinite(x) && !Number.isFinite(rounded.data[k]);
    if (A.data.some(lost)) {
      expect(() => fromMlMatrix(M, 'float32')).toThrow(/expected numbers within float32$/);
    } else expect(fromMlMatrix(M, 'float32')).toEqual(rounded);
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

  test.each([null, 7, [[1]], zeros('float64', 1, 1)])('fromMlMatrix refuses %o', (M) => {
    expect(() => Reflect.apply(fromMlMatrix, undefined, [M])).toThrow(
      /^fromMlMatrix: M is .*, expected an ml-matrix Matrix$/,
    );
  });

  test('fromMlMatrix takes numbers alone, as rows are taken', () => {
    for (const { values, message } of [
      { values: [[1, null]], message: 'M holds null at row 0, column 1, expected numbers' },
      { values: [[1], [true]], message: 'M holds true at row 1, column 0, expected numbers' },
      { values: [['7']], message: "M holds '7' at row 0, column 0, expected numbers" },
    ]) {
      const [rows, columns] = [values.length, values[0].length];
      const M = { rows, columns, get: (i: number, j: number) => values[i][j] };
      expect(() => Reflect.apply(fromMlMatrix, undefined, [M])).toThrow(
        new TypeError(`fromMlMatrix: ${message}`),
      );
    }
  });

  test('toMlMatrix refuses what is no matrix, or is one no more', () => {
    expect(() => Reflect.apply(toMlMatrix, undefined, [[[1]]])).toThrow(
      new TypeError('toMlMatrix: A is [object Array], expected a DenseMatrix'),
    );
    expect(() => toMlMatrix(transferred(zeros('float64', 1, 1)))).toThrow(
      'toMlMatrix: A has a buffer of 0 bytes',
    );
  });
});
