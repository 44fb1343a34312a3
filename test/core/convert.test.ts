import { runInNewContext } from 'node:vm';
import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { asMatrix, readMatrix } from '../../src/core/convert.js';
import type { DType } from '../../src/core/dtype.js';
import { DenseMatrix, zeros } from '../../src/core/matrix.js';
import { resizableView, resize, transferred } from '../support/buffers.js';

const ROWS = [
  [1, 2, 3],
  [4, 5, 0.1],
];
const FLAT = ROWS.flat();

describe.each(['float32', 'float64'] as const)('asMatrix to %s', (dtype) => {
  const options = { dtype, cols: 3 };
  const round = (x: number): number => (dtype === 'float32' ? Math.fround(x) : x);

  test.each([
    { form: 'rows of numbers', input: ROWS },
    { form: 'rows of Float64Array', input: ROWS.map((row) => Float64Array.from(row)) },
    { form: 'a flat Float64Array', input: Float64Array.from(FLAT) },
    {
      form: 'a float64 DenseMatrix',
      input: new DenseMatrix('float64', 2, 3, Float64Array.from(FLAT)),
    },
    { form: 'an ml-matrix Matrix', input: new Matrix(ROWS) },
  ])('reads $form', ({ input }) => {
    const A = asMatrix(input, options);
    expect(A).toBeInstanceOf(DenseMatrix);
    expect(A).toMatchObject({ dtype, rows: 2, cols: 3 });
    expect(A.toArrays()).toEqual(ROWS.map((row) => row.map(round)));
  });

  test.each([
    { form: 'rows of Float32Array', input: ROWS.map((row) => Float32Array.from(row)) },
    { form: 'a flat Float32Array', input: Float32Array.from(FLAT) },
    {
      form: 'a float32 DenseMatrix',
      input: new DenseMatrix('float32', 2, 3, Float32Array.from(FLAT)),
    },
  ])('reads $form', ({ input }) => {
    const A = asMatrix(input, options);
    expect(A).toMatchObject({ dtype, rows: 2, cols: 3 });
    expect(A.toArrays()).toEqual(ROWS.map((row) => row.map(Math.fround)));
  });

  test('wraps what has the dtype already, and copies the rest', () => {
    const single = Float32Array.from(FLAT);
    const double = Float64Array.from(FLAT);
    expect(asMatrix(single, options).data === single).toBe(dtype === 'float32');
    expect(asMatrix(double, options).data === double).toBe(dtype === 'float64');
    const A = zeros(dtype, 4, 4).view(1, 1, 2, 3);
    expect(asMatrix(A, options)).toBe(A);
    const other = zeros(dtype === 'float32' ? 'float64' : 'float32', 4, 4).view(1, 1, 2, 3);
    expect(asMatrix(other, options)).toMatchObject({ dtype, offset: 0, stride: 3 });
  });

  test('takes the columns as they are where none are asked for', () => {
    expect(asMatrix(ROWS, { dtype })).toMatchObject({ rows: 2, cols: 3 });
  });

  test('reads arrays of another realm as its own, flat ones without a copy', () => {
    const Foreign = runInNewContext(dtype === 'float32' ? 'Float32Array' : 'Float64Array');
    const flat = Foreign.from(FLAT);
    expect(flat).not.toBeInstanceOf(Foreign === Float32Array ? Float32Array : Float64Array);
    const A = asMatrix(flat, options);
    expect(A.toArrays()).toEqual(ROWS.map((row) => row.map(round)));
    flat[0] = 7;
    expect(A.at(0, 0)).toBe(7);
    const rows = ROWS.map((row) => Foreign.from(row));
    expect(asMatrix(rows, options).toArrays()).toEqual(ROWS.map((row) => row.map(round)));
  });

  test('no rows are 0×cols', () => {
    expect(asMatrix([], options)).toMatchObject({ dtype, rows: 0, cols: 3 });
    expect(asMatrix([], { dtype })).toMatchObject({ rows: 0, cols: 0 });
    expect(asMatrix(new Float32Array(0), options)).toMatchObject({ rows: 0, cols: 3 });
  });
});

describe('asMatrix refuses', () => {
  const options = { dtype: 'float32' } as const;

  test('ragged rows', () => {
    expect(() => asMatrix([[1, 2], [3]], options)).toThrow(
      new RangeError('asMatrix: row 1 of input has 1 elements, row 0 has 2'),
    );
    expect(() => asMatrix([[1], [3, 4]], options)).toThrow('row 1 of input has 2 elements');
  });

  test.each([
    { form: 'rows', input: [[1, 2]] },
    { form: 'a DenseMatrix', input: zeros('float32', 1, 2) },
    { form: 'an ml-matrix Matrix', input: Matrix.ones(1, 2) },
  ])('$form with the wrong number of columns', ({ input }) => {
    expect(() => asMatrix(input, { ...options, cols: 3 })).toThrow(
      new RangeError('asMatrix: input has 2 columns, expected 3'),
    );
  });

  test.each([new Float32Array(4), new Float64Array(4)])(
    'a flat array that is no whole number of rows, or of unknown width',
    (input) => {
      expect(() => asMatrix(input, { ...options, cols: 3 })).toThrow(
        new RangeError(
          'asMatrix: input is a flat array of 4 elements, expected a multiple of 3 columns',
        ),
      );
      expect(() => asMatrix(input, { ...options, cols: 0 })).toThrow('a multiple of 0 columns');
      expect(() => asMatrix(input, options)).toThrow('a multiple of a known number of columns');
    },
  );

  // What the types forbid and untyped callers may still pass.
  test.each([
    { input: null, kind: 'null' },
    { input: undefined, kind: 'undefined' },
    { input: 'matrix', kind: "'matrix'" },
    { input: 7, kind: '7' },
    { input: { rows: 1, columns: 1, get: 1 }, kind: '[object Object]' },
    { input: Int32Array.of(1, 2), kind: 'a flat Int32Array of 2 elements' },
    { input: new Uint8Array(12), kind: 'a flat Uint8Array of 12 elements' },
    { input: new DataView(new ArrayBuffer(8)), kind: '[object DataView]' },
    { input: structuredClone(zeros('float32', 1, 1)), kind: '[object Object]' },
  ])('$kind', ({ input, kind }) => {
    expect(() => Reflect.apply(asMatrix, undefined, [input, options])).toThrow(
      new TypeError(
        `asMatrix: input is ${kind}, expected a DenseMatrix, rows of numbers, a Float32Array, a Float64Array or an ml-matrix Matrix`,
      ),
    );
  });

  test.each([
    { input: [1, 2, 3], row: 0, kind: '1' },
    { input: [[1, 2], '34'], row: 1, kind: "'34'" },
    { input: [{}, {}], row: 0, kind: '[object Object]' },
    { input: [[1], null], row: 1, kind: 'null' },
    { input: [undefined], row: 0, kind: 'undefined' },
  ])('a row that is $kind', ({ input, row, kind }) => {
    expect(() => Reflect.apply(asMatrix, undefined, [input, options])).toThrow(
      new TypeError(`asMatrix: row ${row} of input is ${kind}, expected an array of numbers`),
    );
  });

  test.each([
    { value: null, shown: 'null' },
    { value: '1', shown: "'1'" },
    { value: true, shown: 'true' },
    { value: undefined, shown: 'undefined' },
    { value: [1], shown: '[object Array]' },
  ])('an element that is $shown', ({ value, shown }) => {
    const input = [
      [1, 2],
      [3, value],
    ];
    expect(() => Reflect.apply(asMatrix, undefined, [input, options])).toThrow(
      new TypeError(`asMatrix: input holds ${shown} at row 1, column 1, expected numbers`),
    );
  });

  test('no NaN: that is for checkFinite', () => {
    expect(asMatrix([[Number.NaN, Number.POSITIVE_INFINITY]], options).toArrays()).toEqual([
      [Number.NaN, Number.POSITIVE_INFINITY],
    ]);
  });

  test.each([
    ['rows', [[1], [1e40]]],
    ['a DenseMatrix', new DenseMatrix('float64', 2, 1, Float64Array.of(1, 1e40))],
    ['a flat array', Float64Array.of(1, 1e40)],
    ['an ml-matrix Matrix', { rows: 2, columns: 1, get: (i: number) => [1, 1e40][i] }],
  ])('a finite element of %s that the dtype cannot hold', (_, input) => {
    const read = (dtype: DType) => asMatrix(input, { dtype, cols: 1 });
    expect(() => read('float32')).toThrow(
      new RangeError(
        'asMatrix: input holds 1e+40 at row 1, column 0, expected numbers within float32',
      ),
    );
    expect(read('float64').at(1, 0)).toBe(1e40);
  });

  test.each(['f32', 'float16', undefined])('the dtype %o', (dtype) => {
    expect(() => Reflect.apply(asMatrix, undefined, [[[1]], { ...options, dtype }])).toThrow(
      /^asMatrix: dtype is .*, expected 'float32' or 'float64'$/,
    );
  });
});

describe('asMatrix refuses what an ml-matrix Matrix may hold', () => {
  test.each([
    { value: null, shown: 'null' },
    { value: '7', shown: "'7'" },
    { value: true, shown: 'true' },
  ])('an element that is $shown', ({ value, shown }) => {
    const input = { rows: 2, columns: 2, get: (i: number, j: number) => (i * j === 1 ? value : 1) };
    expect(() => Reflect.apply(asMatrix, undefined, [input, { dtype: 'float64' }])).toThrow(
      new TypeError(`asMatrix: input holds ${shown} at row 1, column 1, expected numbers`),
    );
  });

  test('a shape that is none', () => {
    const input = { rows: 2, columns: -1, get: () => 0 };
    expect(() => asMatrix(input, { dtype: 'float64' })).toThrow(
      new RangeError('asMatrix: input.columns is -1, expected an integer >= 0'),
    );
  });
});

test('a matrix whose elements are gone is refused', () => {
  expect(() => asMatrix(transferred(zeros('float32', 1, 2)), { dtype: 'float32' })).toThrow(
    'asMatrix: input has a buffer of 0 bytes',
  );
});

test('a flat array that its buffer no longer reaches is refused, an empty one is not', () => {
  const shrunk = resizableView(4);
  resize(shrunk, 1);
  expect(() => asMatrix(shrunk, { dtype: 'float64', cols: 2 })).toThrow(
    new TypeError(
      'asMatrix: input lost its memory (transferred or shrunk?), expected an array that has it',
    ),
  );
  expect(asMatrix(new Float64Array(0), { dtype: 'float64', cols: 2 }).rows).toBe(0);
});

test('options are no option', () => {
  expect(() => Reflect.apply(asMatrix, undefined, [[[1]]])).toThrow(
    new TypeError('asMatrix: options is undefined, expected an object'),
  );
});

test('readMatrix speaks for the routine that calls it', () => {
  expect(() => readMatrix('observe', 'X', [[1, 2], [3]], { dtype: 'float32' })).toThrow(
    new RangeError('observe: row 1 of X has 1 elements, row 0 has 2'),
  );
});
