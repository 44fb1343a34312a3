import { fc, test } from '@fast-check/vitest';
import { Matrix as MlMatrix } from 'ml-matrix';
import { describe, expect } from 'vitest';
import { type DType, EPSILON, LARGEST } from '../../src/core/dtype.js';
import { convert, DenseMatrix } from '../../src/core/matrix.js';
import {
  type Activations,
  activations,
  flattenSequences,
  outputGradients,
} from '../../src/covariance/activations.js';
import {
  build,
  combine,
  distance,
  gaussian,
  type Matrix,
  map,
  norm,
  product,
  rounded,
  uniform,
} from '../support/matrices.js';
import { integerMatrix } from './images.js';

const dtypes = fc.constantFrom('float32' as const, 'float64' as const);
/** Roundings in one element of √w·x and in one product of two, generously. */
const ROUNDINGS = 4;

/** A batch, and a weight for each of its rows, at least one of them positive. */
const batches = fc
  .record({
    dtype: dtypes,
    cols: fc.integer({ min: 1, max: 6 }),
    seed: fc.nat(),
    bias: fc.boolean(),
    weights: fc
      .array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 8 })
      .filter((weights) => weights.some((weight) => weight > 0)),
  })
  .map(({ dtype, cols, seed, ...rest }) => {
    const A = rounded(gaussian(uniform(seed), rest.weights.length, cols), dtype);
    return { dtype, A, ...rest };
  });

/** XᵀX/rows in float64. */
function secondMoment({ X, rows }: Activations<DType>): Matrix {
  const M = convert(X, 'float64');
  return map(product(M, 'T', M, 'N'), (x) => x / rows);
}

/** rootWeightsᵀX/rows in float64. */
function meanRow({ X, rootWeights, rows }: Activations<DType>): Matrix {
  const sum = product(convert(rootWeights, 'float64'), 'T', convert(X, 'float64'), 'N');
  return map(sum, (x) => x / rows);
}

/** The rows of A in the order of `indices`. */
function pick(A: Matrix, indices: readonly number[]): Matrix {
  return build(indices.length, A.cols, (i, j) => A.at(indices[i], j));
}

describe('activations', () => {
  test.prop([batches], { numRuns: 100 })(
    'an integer weight is a repetition: same XᵀX/rows, same mean row, same rows',
    ({ dtype, A, weights, bias }) => {
      const weighted = activations(A, { dtype, bias, weights });
      const repeated = activations(
        pick(
          A,
          weights.flatMap((weight, i) => Array.from({ length: weight }, () => i)),
        ),
        { dtype, bias },
      );
      expect(weighted.rows).toBe(repeated.rows);
      const size = norm(convert(repeated.X, 'float64')) ** 2 / repeated.rows;
      const tolerance = ROUNDINGS * A.rows * EPSILON[dtype] * size;
      expect(distance(secondMoment(weighted), secondMoment(repeated))).toBeLessThanOrEqual(
        tolerance,
      );
      expect(distance(meanRow(weighted), meanRow(repeated))).toBeLessThanOrEqual(
        ROUNDINGS * A.rows * EPSILON[dtype] * Math.sqrt(size),
      );
    },
  );

  test.prop([batches], { numRuns: 100 })(
    'a mask drops rows, whatever they hold',
    ({ dtype, A, weights, bias }) => {
      const mask = Uint8Array.from(weights, (weight) => (weight > 0 ? 1 : 0));
      const poisoned = build(A.rows, A.cols, (i, j) =>
        mask[i] === 1 ? A.at(i, j) : [Number.NaN, Number.POSITIVE_INFINITY, 1e300][j % 3],
      );
      const masked = activations(poisoned, { dtype, bias, weights: mask });
      const kept = [...mask.keys()].filter((i) => mask[i] === 1);
      const dropped = activations(pick(A, kept), { dtype, bias });
      expect(masked.rows).toBe(dropped.rows);
      expect(distance(secondMoment(masked), secondMoment(dropped))).toBe(0);
      expect(distance(meanRow(masked), meanRow(dropped))).toBe(0);
      for (let i = 0; i < A.rows; i++) {
        if (mask[i] === 1) continue;
        expect(masked.X.toArrays()[i]).toEqual(Array.from({ length: masked.X.cols }, () => 0));
      }
    },
  );

  test.prop([batches], { numRuns: 100 })(
    'the bias is an input that is always 1: last column √w, moment [A x̄; x̄ᵀ 1]',
    ({ dtype, A, weights }) => {
      const plain = activations(A, { dtype, weights });
      const biased = activations(A, { dtype, weights, bias: true });
      const p = A.cols;
      expect(biased.X.cols).toBe(p + 1);
      expect(distance(biased.X.view(0, 0, A.rows, p), plain.X)).toBe(0);
      expect(distance(biased.X.view(0, p, A.rows, 1), biased.rootWeights)).toBe(0);
      const M = secondMoment(biased);
      expect(distance(M.view(p, 0, 1, p), meanRow(plain))).toBeLessThanOrEqual(
        ROUNDINGS * EPSILON.float64 * norm(M),
      );
      expect(Math.abs(M.at(p, p) - 1)).toBeLessThanOrEqual(ROUNDINGS * EPSILON[dtype]);
    },
  );

  test.prop([batches, fc.nat()], { numRuns: 100 })(
    'the moment of a union of batches is the mean of theirs, weighted by rows',
    ({ dtype, A, weights, bias }, cut) => {
      const middle = cut % (A.rows + 1);
      const part = (from: number, to: number) => ({
        A: A.view(from, 0, to - from, A.cols),
        weights: weights.slice(from, to),
      });
      const whole = activations(A, { dtype, bias, weights });
      const parts = [part(0, middle), part(middle, A.rows)]
        .filter((half) => half.weights.some((weight) => weight > 0))
        .map((half) => activations(half.A, { dtype, bias, weights: half.weights }));
      const mean = parts.reduce(
        (sum, half) => combine(1, sum, half.rows / whole.rows, secondMoment(half)),
        build(whole.X.cols, whole.X.cols, () => 0),
      );
      expect(distance(mean, secondMoment(whole))).toBeLessThanOrEqual(
        ROUNDINGS * A.rows * EPSILON.float64 * norm(secondMoment(whole)),
      );
    },
  );

  test.prop([batches, fc.nat(), fc.constantFrom(Number.NaN, Infinity, -Infinity)], {
    numRuns: 50,
  })(
    'NaN or Infinity in a row that counts is refused by row and column',
    ({ dtype, A, weights, bias }, where, bad) => {
      const counted = [...weights.keys()].filter((i) => weights[i] > 0);
      const i = counted[where % counted.length];
      const j = where % A.cols;
      const broken = convert(A, dtype);
      broken.set(i, j, bad);
      expect(() => activations(broken, { dtype, weights, bias, where: 'observe' })).toThrow(
        `observe: X holds ${bad} at row ${i}, column ${j}, expected finite numbers`,
      );
    },
  );

  test.prop([dtypes], { numRuns: 2 })(
    'nothing to change means nothing copied; otherwise the input stays as it was',
    (dtype) => {
      const A = convert(integerMatrix(4, 3, 1), dtype);
      const view = A.view(1, 1, 2, 2);
      expect(activations(A, { dtype }).X).toBe(A);
      expect(activations(view, { dtype }).X).toBe(view);
      expect(activations(A.data, { dtype, inputs: 3 }).X.data).toBe(A.data);
      expect(activations(A, { dtype }).rootWeights.toArrays()).toEqual([[1], [1], [1], [1]]);
      const before = A.clone();
      const { X } = activations(A, { dtype, bias: true, weights: [1, 4, 0, 9] });
      expect(X.data).not.toBe(A.data);
      expect(A).toEqual(before);
    },
  );

  test.prop([dtypes], { numRuns: 2 })('takes a matrix in every form', (dtype) => {
    const rows = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    const options = { dtype, inputs: 3, bias: true, weights: [4, 1] };
    const expected = [
      [2, 4, 6, 2],
      [4, 5, 6, 1],
    ];
    const forms = [
      rows,
      new MlMatrix(rows),
      Float32Array.from(rows.flat()),
      Float64Array.from(rows.flat()),
      build(2, 3, (i, j) => rows[i][j]),
    ];
    for (const form of forms) {
      const { X, rootWeights, rows: count } = activations(form, options);
      expect(X.dtype).toBe(dtype);
      expect(X.toArrays()).toEqual(expected);
      expect(rootWeights.toArrays()).toEqual([[2], [1]]);
      expect(count).toBe(5);
    }
  });

  test.prop([dtypes, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })], {
    numRuns: 50,
  })('refuses ‖X‖²F > largest/p and takes everything below it', (dtype, m, p) => {
    const root = Math.sqrt(LARGEST[dtype] / p / (m * p));
    const slack = (m * p + ROUNDINGS) * EPSILON[dtype];
    const filled = (value: number) => () =>
      activations(
        build(m, p, () => value),
        { dtype },
      );
    expect(filled(root * (1 + slack))).toThrow(`activations: activations too large for ${dtype}`);
    // What the limit protects: the sum XᵀX itself, in the dtype.
    const { X } = filled(root * (1 - slack))();
    const moment = product(convert(X, 'float64'), 'T', convert(X, 'float64'), 'N');
    expect(convert(moment, dtype).toArrays().flat().every(Number.isFinite)).toBe(true);
  });

  test('the limit holds for XᵀX/Σw as well, where small weights make that the larger', () => {
    const A = build(1, 1, () => 1e15);
    const tiny = { dtype: 'float32', weights: [1e-20] } as const;
    expect(activations(A, tiny).rows).toBe(1e-20);
    expect(() =>
      activations(
        map(A, (x) => x * 1e5),
        tiny,
      ),
    ).toThrow('too large for float32');
    expect(() =>
      activations(
        build(1, 1, () => 1e200),
        { dtype: 'float64' },
      ),
    ).toThrow('too large for float64: the squared norm of X is Infinity');
  });

  const two = build(2, 3, (i, j) => i + j);

  test.each<[string, () => unknown]>([
    [
      'the number of rows of X is 0, expected an integer >= 1',
      () => activations(new Float32Array(0), { dtype: 'float32', inputs: 3 }),
    ],
    [
      'the number of columns of X is 0, expected an integer >= 1',
      () =>
        activations(new DenseMatrix('float32', 2, 0, new Float32Array(0)), { dtype: 'float32' }),
    ],
    ['X has 3 columns, expected 4', () => activations(two, { dtype: 'float64', inputs: 4 })],
    [
      'weights has 3 elements, expected one for each of 2 rows',
      () => activations(two, { dtype: 'float64', weights: [1, 1, 1] }),
    ],
    [
      'weights[1] is -1, expected a finite number >= 0',
      () => activations(two, { dtype: 'float64', weights: [1, -1] }),
    ],
    [
      'weights[0] is NaN, expected a finite number >= 0',
      () => activations(two, { dtype: 'float64', weights: [Number.NaN, 1] }),
    ],
    [
      'weights[1] is Infinity, expected a finite number >= 0',
      () => activations(two, { dtype: 'float64', weights: [1, Infinity] }),
    ],
    [
      'the weights sum to 0, expected a sum > 0 within the range of float32',
      () => activations(two, { dtype: 'float32', weights: [0, 0] }),
    ],
    [
      'the weights sum to 1e-50, expected a sum > 0 within the range of float32',
      () => activations(two, { dtype: 'float32', weights: [1e-50, 0] }),
    ],
    [
      'the weights sum to 1e+39, expected a sum > 0 within the range of float32',
      () => activations(two, { dtype: 'float32', weights: [1e39, 0] }),
    ],
  ])('refuses: %s', (message, call) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(`activations: ${message}`);
  });
});

describe.each([
  ['activations', activations],
  ['outputGradients', outputGradients],
])('%s refuses what the types forbid:', (where, read) => {
  const rows = [[1], [2]];

  test.each([
    { weights: ['1', '1'], error: RangeError, message: "weights[0] is '1', expected a finite" },
    { weights: [1, null], error: RangeError, message: 'weights[1] is null, expected a finite' },
    { weights: [true, 1], error: RangeError, message: 'weights[0] is true, expected a finite' },
    { weights: '11', error: TypeError, message: "weights is '11', expected an array of numbers" },
    { weights: null, error: TypeError, message: 'weights is null, expected an array of numbers' },
    { weights: {}, error: TypeError, message: 'weights is [object Object], expected an array' },
  ])('$message', ({ weights, error, message }) => {
    const call = () => Reflect.apply(read, undefined, [rows, { dtype: 'float64', weights }]);
    expect(call).toThrow(error);
    expect(call).toThrow(`${where}: ${message}`);
  });

  test.each(['f32', undefined])('the dtype %o', (dtype) => {
    expect(() => Reflect.apply(read, undefined, [rows, { dtype }])).toThrow(
      new RegExp(`^${where}: dtype is .*, expected 'float32' or 'float64'$`),
    );
  });
});

describe('outputGradients', () => {
  test.prop([batches], { numRuns: 50 })(
    'weighs rows as activations does, so that DᵀX = Σ w d xᵀ',
    ({ dtype, A, weights }) => {
      const { X, ...same } = activations(A, { dtype, weights });
      const { D, examples, ...rest } = outputGradients(A, { dtype, weights });
      expect(D).toEqual(X);
      expect(rest).toEqual(same);
      expect(examples).toBe(same.rows);
      expect(outputGradients(A, { dtype, weights, examples: 7 }).examples).toBe(7);
    },
  );

  test('refuses what activations refuses, under its own name', () => {
    const D = build(2, 3, () => Number.NaN);
    expect(() => outputGradients(D, { dtype: 'float32' })).toThrow(
      'outputGradients: D holds NaN at row 0, column 0',
    );
    expect(() => outputGradients(D, { dtype: 'float32', outputs: 2 })).toThrow(
      'outputGradients: D has 3 columns, expected 2',
    );
    expect(() => outputGradients(D, { dtype: 'float32', weights: [1] })).toThrow(
      'outputGradients: weights has 1 elements, expected one for each of 2 rows',
    );
    expect(() => outputGradients(D, { dtype: 'float32', examples: 0 })).toThrow(
      'outputGradients: examples is 0, expected an integer >= 1',
    );
  });

  test('counts the batch size into the limit on their size', () => {
    const D = build(4, 1, () => 1e18);
    expect(outputGradients(D, { dtype: 'float32', examples: 1 }).rows).toBe(4);
    expect(() => outputGradients(D, { dtype: 'float32', examples: 100 })).toThrow(
      'outputGradients: gradients too large for float32',
    );
  });
});

describe('flattenSequences', () => {
  test('makes every token a row, without a copy, and the mask [batch, time] its weights', () => {
    const [batch, time, features] = [2, 3, 2];
    const input = Float32Array.from({ length: batch * time * features }, (_, i) => i);
    const tokens = flattenSequences(input, { batch, time, features });
    expect(tokens.data).toBe(input);
    expect(tokens.toArrays()).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
      [6, 7],
      [8, 9],
      [10, 11],
    ]);
    const matrix = new DenseMatrix('float32', batch, time * features, input);
    expect(flattenSequences(matrix, { batch, time, features })).toEqual(tokens);
    // The second sequence has one token only.
    input.fill(Number.NaN, 8);
    const { X, rows } = activations(tokens, { dtype: 'float32', weights: [1, 1, 1, 1, 0, 0] });
    expect(rows).toBe(4);
    expect(X.toArrays()[3]).toEqual([6, 7]);
    expect(X.toArrays()[4]).toEqual([0, 0]);
  });

  test.each([
    [
      { batch: 2, time: 3, features: 3 },
      'flattenSequences: input has 12 elements, expected 6·3 = 18',
    ],
    [{ batch: 0, time: 3, features: 2 }, 'flattenSequences: batch is 0, expected an integer >= 1'],
    [
      { batch: 2, time: 1.5, features: 4 },
      'flattenSequences: time is 1.5, expected an integer >= 1',
    ],
    [
      { batch: 6, time: 2, features: -1 },
      'flattenSequences: features is -1, expected an integer >= 1',
    ],
  ])('refuses the shape %o', (shape, message) => {
    expect(() => flattenSequences(new Float64Array(12), shape)).toThrow(message);
  });
});
