import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { asMatrix } from '../../src/core/convert.js';
import { DenseMatrix, zeros } from '../../src/core/matrix.js';

const ROWS = [
  [1, 2, 3],
  [4, 5, 0.1],
];
const FLAT = ROWS.flat();

describe.each(['float32', 'float64'] as const)('asMatrix to %s', (dtype) => {
  const options = { dtype, where: 'observe', name: 'X', cols: 3 };
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
    expect(asMatrix(ROWS, { dtype, where: 'f', name: 'X' })).toMatchObject({ rows: 2, cols: 3 });
  });

  test('no rows are 0×cols', () => {
    expect(asMatrix([], options)).toMatchObject({ dtype, rows: 0, cols: 3 });
    expect(asMatrix([], { dtype, where: 'f', name: 'X' })).toMatchObject({ rows: 0, cols: 0 });
    expect(asMatrix(new Float32Array(0), options)).toMatchObject({ rows: 0, cols: 3 });
  });
});

describe('asMatrix refuses', () => {
  const options = { dtype: 'float32', where: 'observe', name: 'X' } as const;

  test('ragged rows', () => {
    expect(() => asMatrix([[1, 2], [3]], options)).toThrow(
      new RangeError('observe: row 1 of X has 1 elements, row 0 has 2'),
    );
    expect(() => asMatrix([[1], [3, 4]], options)).toThrow('row 1 of X has 2 elements');
  });

  test.each([
    { form: 'rows', input: [[1, 2]] },
    { form: 'a DenseMatrix', input: zeros('float32', 1, 2) },
    { form: 'an ml-matrix Matrix', input: Matrix.ones(1, 2) },
  ])('$form with the wrong number of columns', ({ input }) => {
    expect(() => asMatrix(input, { ...options, cols: 3 })).toThrow(
      new RangeError('observe: X has 2 columns, expected 3'),
    );
  });

  test.each([new Float32Array(4), new Float64Array(4)])(
    'a flat array that is no whole number of rows, or of unknown width',
    (input) => {
      expect(() => asMatrix(input, { ...options, cols: 3 })).toThrow(
        new RangeError(
          'observe: X is a flat array of 4 elements, expected a multiple of 3 columns',
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
    { input: 'matrix', kind: 'string' },
    { input: 7, kind: 'number' },
    { input: { rows: 1, columns: 1, get: 1 }, kind: 'object' },
    { input: Int32Array.of(1, 2), kind: 'object' },
  ])('$kind', ({ input, kind }) => {
    expect(() => Reflect.apply(asMatrix, undefined, [input, options])).toThrow(
      new TypeError(
        `observe: X is ${kind}, expected a DenseMatrix, rows of numbers, a typed array or an ml-matrix Matrix`,
      ),
    );
  });

  test.each([
    { input: [1, 2, 3], row: 0, kind: 'number' },
    { input: [[1, 2], '34'], row: 1, kind: 'string' },
    { input: [[1], null], row: 1, kind: 'null' },
    { input: [undefined], row: 0, kind: 'undefined' },
  ])('a row that is $kind', ({ input, row, kind }) => {
    expect(() => Reflect.apply(asMatrix, undefined, [input, options])).toThrow(
      new TypeError(`observe: row ${row} of X is ${kind}, expected an array of numbers`),
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
      new TypeError(`observe: X holds ${shown} at row 1, column 1, expected numbers`),
    );
  });

  test('no NaN: that is for checkFinite', () => {
    expect(asMatrix([[Number.NaN, Number.POSITIVE_INFINITY]], options).toArrays()).toEqual([
      [Number.NaN, Number.POSITIVE_INFINITY],
    ]);
  });

  test.each(['f32', 'float16', undefined])('the dtype %o', (dtype) => {
    expect(() => Reflect.apply(asMatrix, undefined, [[[1]], { ...options, dtype }])).toThrow(
      /^observe: dtype is .*, expected 'float32' or 'float64'$/,
    );
  });
});
