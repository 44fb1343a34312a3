import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import {
  checkMatrix,
  convert,
  copyInto,
  DenseMatrix,
  identity,
  isDenseMatrix,
  zeros,
} from '../../src/core/matrix.js';
import { resizableArray, resize, transferred } from '../support/buffers.js';

/** The rows × cols matrix with element 10·i + j. */
function counted(rows: number, cols: number): DenseMatrix<'float64'> {
  const A = zeros('float64', rows, cols);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) A.set(i, j, 10 * i + j);
  return A;
}

const sizes = fc.integer({ min: 0, max: 6 });
/** A shape and a block that lies inside it. */
const blocks = fc.tuple(sizes, sizes).chain(([rows, cols]) =>
  fc.record({
    rows: fc.constant(rows),
    cols: fc.constant(cols),
    row: fc.integer({ min: 0, max: rows }),
    col: fc.integer({ min: 0, max: cols }),
    height: sizes,
    width: sizes,
  }),
);

describe('DenseMatrix', () => {
  test('reads offset + i·stride + j', () => {
    const A = new DenseMatrix('float64', 2, 2, Float64Array.from([0, 1, 2, 3, 4, 5, 6]), 1, 3);
    expect(A.toArrays()).toEqual([
      [1, 2],
      [4, 5],
    ]);
    A.set(1, 0, 9);
    expect(A.data[4]).toBe(9);
    expect(A.at(1, 0)).toBe(9);
  });

  test('needs no more data than its last element, and none where it has no elements', () => {
    expect(new DenseMatrix('float32', 2, 2, new Float32Array(6), 1, 3).at(1, 1)).toBe(0);
    expect(new DenseMatrix('float32', 0, 5, new Float32Array(0)).toArrays()).toEqual([]);
    expect(new DenseMatrix('float32', 2, 0, new Float32Array(0)).toArrays()).toEqual([[], []]);
  });

  test('refuses data that is too short', () => {
    expect(() => new DenseMatrix('float32', 2, 2, new Float32Array(5), 1, 3)).toThrow(
      new RangeError('DenseMatrix: data has 5 elements, 2×2 needs 6'),
    );
  });

  test.each([
    { dtype: 'float32', data: new Float64Array(4), shown: '[object Float64Array]' },
    { dtype: 'float64', data: new Float32Array(4), shown: '[object Float32Array]' },
    { dtype: 'float64', data: [1, 2, 3, 4], shown: '[object Array]' },
    { dtype: 'float32', data: undefined, shown: 'undefined' },
  ])('refuses $shown as data of $dtype', ({ dtype, data, shown }) => {
    expect(() => Reflect.construct(DenseMatrix, [dtype, 2, 2, data])).toThrow(
      new TypeError(`DenseMatrix: data is ${shown}, expected a typed array of ${dtype}`),
    );
  });

  test.each(['f32', undefined])('refuses the dtype %o, and so does zeros', (dtype) => {
    const message = /^(DenseMatrix|zeros): dtype is .*, expected 'float32' or 'float64'$/;
    expect(() => Reflect.construct(DenseMatrix, [dtype, 1, 1, new Float32Array(1)])).toThrow(
      message,
    );
    expect(() => Reflect.apply(zeros, undefined, [dtype, 1, 1])).toThrow(message);
  });

  test.each([
    { rows: -1, cols: 1, offset: 0, stride: 1, message: 'rows is -1, expected an integer >= 0' },
    { rows: 1, cols: 0.5, offset: 0, stride: 1, message: 'cols is 0.5, expected an integer >= 0' },
    { rows: 1, cols: 1, offset: -1, stride: 1, message: 'offset is -1, expected an integer >= 0' },
    { rows: 1, cols: 2, offset: 0, stride: 1, message: 'stride is 1, expected an integer >= 2' },
    { rows: Number.NaN, cols: 1, offset: 0, stride: 1, message: 'rows is NaN' },
  ])('refuses: $message', ({ rows, cols, offset, stride, message }) => {
    const data = new Float64Array(9);
    expect(() => new DenseMatrix('float64', rows, cols, data, offset, stride)).toThrow(
      `DenseMatrix: ${message}`,
    );
  });
});

describe('views', () => {
  test.prop([blocks], { numRuns: 300 })(
    'a block inside the matrix shares its memory, one that sticks out is refused',
    ({ rows, cols, row, col, height, width }) => {
      const A = counted(rows, cols);
      if (row + height > rows || col + width > cols) {
        expect(() => A.view(row, col, height, width)).toThrow(/^DenseMatrix\.view: (rows|cols) is/);
        return;
      }
      const V = A.view(row, col, height, width);
      expect(V.data).toBe(A.data);
      expect(V.toArrays()).toEqual(
        A.toArrays()
          .slice(row, row + height)
          .map((line) => line.slice(col, col + width)),
      );
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < width; j++) {
          V.set(i, j, -1);
          expect(A.at(row + i, col + j)).toBe(-1);
        }
      }
    },
  );

  test('a view of a view is the view of the sum', () => {
    const A = counted(5, 6);
    expect(A.view(1, 2, 4, 3).view(2, 1, 2, 2)).toEqual(A.view(3, 3, 2, 2));
  });

  test.each([
    { block: [4, 0, 0, 0] as const, message: 'row is 4, expected an integer >= 0 and <= 3' },
    { block: [0, -1, 1, 1] as const, message: 'col is -1, expected an integer >= 0 and <= 2' },
    { block: [1, 0, 3, 1] as const, message: 'rows is 3, expected an integer >= 0 and <= 2' },
    { block: [0, 1, 1, 2] as const, message: 'cols is 2, expected an integer >= 0 and <= 1' },
  ])('refuses: $message', ({ block, message }) => {
    const [row, col, rows, cols] = block;
    expect(() => counted(3, 2).view(row, col, rows, cols)).toThrow(
      new RangeError(`DenseMatrix.view: ${message}`),
    );
  });

  test('a view cannot reach beyond itself, though its memory goes on', () => {
    expect(() => counted(4, 4).view(1, 1, 2, 2).view(0, 0, 3, 1)).toThrow('rows is 3');
  });
});

describe('copies', () => {
  test('clone is compact and independent', () => {
    const A = counted(4, 4);
    const B = A.view(1, 1, 2, 2).clone();
    expect(B).toMatchObject({ rows: 2, cols: 2, offset: 0, stride: 2, dtype: 'float64' });
    expect(B.toArrays()).toEqual([
      [11, 12],
      [21, 22],
    ]);
    B.set(0, 0, 99);
    expect(A.at(1, 1)).toBe(11);
  });

  test('convert rounds float64 to the nearest float32, and goes back exactly', () => {
    const A = zeros('float64', 1, 3);
    A.data.set([1 / 3, 1 + 2 ** -30, -1e-50]);
    const B = convert(A, 'float32');
    expect(B.data).toEqual(Float32Array.of(1 / 3, 1, -0));
    expect(convert(B, 'float64').data).toEqual(Float64Array.from(B.data));
  });

  test('copyInto writes the view alone', () => {
    const B = zeros('float32', 3, 3);
    copyInto(counted(2, 2), B.view(1, 1, 2, 2));
    expect(B.toArrays()).toEqual([
      [0, 0, 0],
      [0, 0, 1],
      [0, 10, 11],
    ]);
  });

  test('copyInto refuses another shape and writes nothing', () => {
    const B = zeros('float64', 3, 3);
    expect(() => copyInto(counted(2, 3), B.view(0, 0, 2, 2))).toThrow(
      new RangeError('copyInto: B is 2×2, expected 2×3'),
    );
    expect(B).toEqual(zeros('float64', 3, 3));
  });

  test('zeros and identity', () => {
    expect(zeros('float32', 2, 1).data).toEqual(new Float32Array(2));
    expect(identity('float64', 2).toArrays()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(() => zeros('float32', -1, 2)).toThrow('zeros: rows is -1, expected an integer >= 0');
    expect(() => zeros('float32', 1, 1.5)).toThrow('zeros: cols is 1.5, expected an integer >= 0');
  });
});

describe('checkMatrix', () => {
  test('accepts matrices and views, of any size', () => {
    for (const A of [zeros('float32', 0, 3), counted(2, 3), counted(4, 5).view(1, 2, 3, 3)]) {
      expect(() => checkMatrix('f', 'A', A)).not.toThrow();
    }
  });

  test('refuses what is no DenseMatrix, though it looks like one', () => {
    const { dtype, rows, cols, data, offset, stride } = counted(1, 1);
    for (const { value, shown } of [
      { value: undefined, shown: 'undefined' },
      { value: 3, shown: '3' },
      { value: [[1]], shown: '[object Array]' },
      { value: { dtype, rows, cols, data, offset, stride }, shown: '[object Object]' },
      { value: structuredClone(counted(1, 1)), shown: '[object Object]' },
    ]) {
      expect(() => checkMatrix('f', 'A', value)).toThrow(
        new TypeError(`f: A is ${shown}, expected a DenseMatrix`),
      );
    }
  });

  test('refuses a matrix whose buffer was transferred', () => {
    expect(() => checkMatrix('f', 'A', transferred(counted(2, 3)))).toThrow(
      new TypeError(
        'f: A has a buffer of 0 elements (transferred or shrunk?), expected at least 6',
      ),
    );
  });

  test('refuses a matrix whose buffer has shrunk, until it has grown again', () => {
    const array = resizableArray(6);
    const A = new DenseMatrix('float64', 2, 3, array);
    expect(() => checkMatrix('f', 'A', A)).not.toThrow();
    resize(array, 5);
    expect(() => checkMatrix('f', 'A', A)).toThrow('a buffer of 5 elements');
    expect(() => checkMatrix('f', 'A', A.view(0, 0, 2, 2))).not.toThrow();
    resize(array, 6);
    expect(() => checkMatrix('f', 'A', A)).not.toThrow();
  });

  test('refuses data that was exchanged for another array', () => {
    for (const data of [new Float32Array(6), [1, 2, 3, 4, 5, 6], undefined]) {
      const A = Object.assign(counted(2, 3), { data });
      expect(() => checkMatrix('f', 'A', A)).toThrow(
        /^f: A has .* as data, expected a typed array/,
      );
    }
  });

  test('knows the matrices of another copy of the library', async () => {
    const copy = '../../src/core/matrix.js?copy';
    const other: typeof import('../../src/core/matrix.js') = await import(copy);
    expect(other.DenseMatrix).not.toBe(DenseMatrix);
    expect(isDenseMatrix(other.zeros('float32', 1, 2))).toBe(true);
    expect(() => checkMatrix('f', 'A', other.zeros('float32', 1, 2))).not.toThrow();
  });
});
