// Rows that are a matrix: the laws of weights, masks and the bias, forms of input, and what is refused.

import { fc, test } from '@fast-check/vitest';
import { Matrix as MlMatrix } from 'ml-matrix';
import { describe, expect } from 'vitest';
import { type Backend, type Slot, upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { type DType, EPSILON, LARGEST } from '../../src/core/dtype.js';
import { convert, DenseMatrix, zeros } from '../../src/core/matrix.js';
import { type DenseRowsOptions, denseRows, slotRows } from '../../src/rows/dense.js';
import { checkSameRows, type Rows } from '../../src/rows/rows.js';
import {
  build,
  combine,
  distance,
  gaussian,
  type Matrix,
  map,
  norm,
  pickRows,
  rounded,
  uniform,
} from '../support/matrices.js';

const dtypes = fc.constantFrom('float32' as const, 'float64' as const);
const backends = { float32: cpuBackend('float32'), float64: cpuBackend('float64') };
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

function rowsOf(dtype: DType, A: Matrix, options: DenseRowsOptions): Rows {
  return denseRows<DType>(backends[dtype], A, options);
}

/** What a moment is, in float64. */
function moment(
  { backend }: Rows,
  height: number,
  width: number,
  take: (slot: Slot) => void,
): Matrix {
  const slot = backend.allocate(height, width);
  take(slot);
  const value = backend.readSync?.(slot);
  backend.free(slot);
  return convert(value ?? zeros('float64', 0, 0), 'float64');
}

/** XᵀX/Σw. */
function secondMoment(rows: Rows): Matrix {
  return moment(rows, rows.cols, rows.cols, (A) => rows.secondMoment(1 / rows.count, 0, A));
}

/** Σwx/Σw. */
function meanRow(rows: Rows): Matrix {
  return moment(rows, 1, rows.cols, (a) => rows.sum(1 / rows.count, 0, a));
}

/** denseRows without its types. */
function readDense(...values: readonly unknown[]): unknown {
  return Reflect.apply(denseRows, undefined, [...values]);
}

describe('denseRows', () => {
  test.prop([batches], { numRuns: 100 })(
    'an integer weight is a repetition: same count, same XᵀX/Σw, same mean row',
    ({ dtype, A, weights, bias }) => {
      const weighted = rowsOf(dtype, A, { bias, weights });
      const indices = weights.flatMap((weight, i) => Array.from({ length: weight }, () => i));
      const repeated = rowsOf(dtype, pickRows(A, indices), { bias });
      expect(weighted.count).toBe(repeated.rows);
      const size = (repeated.bound() ?? Number.NaN) / repeated.rows;
      const tolerance = ROUNDINGS * indices.length * EPSILON[dtype] * size;
      expect(distance(secondMoment(weighted), secondMoment(repeated))).toBeLessThanOrEqual(
        tolerance,
      );
      expect(distance(meanRow(weighted), meanRow(repeated))).toBeLessThanOrEqual(
        ROUNDINGS * indices.length * EPSILON[dtype] * Math.sqrt(size),
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
      const masked = rowsOf(dtype, poisoned, { bias, weights: mask });
      const kept = [...mask.keys()].filter((i) => mask[i] === 1);
      const dropped = rowsOf(dtype, pickRows(A, kept), { bias });
      expect(masked.count).toBe(dropped.rows);
      const limit = ROUNDINGS * A.rows * EPSILON[dtype] * (dropped.bound() ?? Number.NaN);
      expect(distance(secondMoment(masked), secondMoment(dropped))).toBeLessThanOrEqual(limit);
      expect(masked.bound()).toBeLessThan(Number.POSITIVE_INFINITY);
    },
  );

  test.prop([batches], { numRuns: 100 })(
    'the bias is an input that is always 1: moment [A x̄; x̄ᵀ 1]',
    ({ dtype, A, weights }) => {
      const plain = rowsOf(dtype, A, { weights });
      const biased = rowsOf(dtype, A, { weights, bias: true });
      const p = A.cols;
      expect(biased.cols).toBe(p + 1);
      const M = secondMoment(biased);
      const limit = ROUNDINGS * A.rows * EPSILON[dtype] * norm(M);
      expect(distance(M.view(0, 0, p, p), secondMoment(plain))).toBeLessThanOrEqual(limit);
      expect(distance(M.view(p, 0, 1, p), meanRow(plain))).toBeLessThanOrEqual(limit);
      expect(Math.abs(M.at(p, p) - 1)).toBeLessThanOrEqual(ROUNDINGS * A.rows * EPSILON[dtype]);
    },
  );

  test.prop([batches, fc.nat()], { numRuns: 100 })(
    'the moment of a union of batches is the mean of theirs, weighted by what they count for',
    ({ dtype, A, weights, bias }, cut) => {
      const middle = cut % (A.rows + 1);
      const part = (from: number, to: number) => ({
        A: A.view(from, 0, to - from, A.cols),
        weights: weights.slice(from, to),
      });
      const whole = rowsOf(dtype, A, { bias, weights });
      const parts = [part(0, middle), part(middle, A.rows)]
        .filter((half) => half.weights.some((weight) => weight > 0))
        .map((half) => rowsOf(dtype, half.A, { bias, weights: half.weights }));
      const mean = parts.reduce(
        (sum, half) => combine(1, sum, half.count / whole.count, secondMoment(half)),
        zeros('float64', whole.cols, whole.cols),
      );
      const size = (whole.bound() ?? Number.NaN) / whole.count;
      expect(distance(mean, secondMoment(whole))).toBeLessThanOrEqual(
        ROUNDINGS * A.rows * EPSILON[dtype] * size,
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
      const broken = A.clone();
      broken.set(i, j, bad);
      expect(() => rowsOf(dtype, broken, { weights, bias })).toThrow(
        new RangeError(
          `denseRows: X holds ${bad} at row ${i}, column ${j}, expected finite numbers`,
        ),
      );
    },
  );

  test.prop([dtypes, fc.boolean()], { numRuns: 4 })(
    'nothing to change means nothing copied; otherwise the input stays as it was',
    (dtype, flat) => {
      const A = convert(
        build(4, 3, (i, j) => i + j),
        dtype,
      );
      const read = denseRows<DType>(backends[dtype], flat ? A.data : A, { cols: 3 });
      const before = secondMoment(read);
      A.set(0, 0, 9);
      // 9² + 1 + 2² + 3² in the place of 0 + 1 + 2² + 3².
      expect(secondMoment(read).at(0, 0) * 4).toBe(before.at(0, 0) * 4 + 81);
      const kept = A.clone();
      rowsOf(dtype, convert(A, 'float64'), { bias: true, weights: [1, 4, 0, 9] });
      denseRows<DType>(backends[dtype], A, { bias: true, weights: [1, 4, 0, 9] });
      expect(A).toEqual(kept);
    },
  );

  test.prop([batches], { numRuns: 20 })('weights are a copy', ({ dtype, A, weights, bias }) => {
    const rows = rowsOf(dtype, A, { bias, weights });
    const before = [secondMoment(rows), meanRow(rows)];
    const kept = [...weights];
    weights.fill(7);
    expect([secondMoment(rows), meanRow(rows)]).toEqual(before);
    expect(Array.from(rows.weights ?? [])).toEqual(kept);
  });

  test.prop([dtypes], { numRuns: 2 })('takes a matrix in every form', (dtype) => {
    const values = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    const forms = [
      values,
      new MlMatrix(values),
      Float32Array.from(values.flat()),
      Float64Array.from(values.flat()),
      build(2, 3, (i, j) => values[i][j]),
    ];
    // Rows (2 4 6 2) and (4 5 6 1).
    const gram = [
      [20, 28, 36, 8],
      [28, 41, 54, 13],
      [36, 54, 72, 18],
      [8, 13, 18, 5],
    ];
    for (const form of forms) {
      const rows = denseRows<DType>(backends[dtype], form, {
        cols: 3,
        bias: true,
        weights: [4, 1],
      });
      expect(rows.count).toBe(5);
      expect(moment(rows, 4, 4, (A) => rows.secondMoment(1, 0, A)).toArrays()).toEqual(gram);
    }
  });

  test('‖X‖²F is computed once, when the rows are made', () => {
    const host = cpuBackend('float64');
    const asked: string[] = [];
    const backend: Backend<'float64'> = new Proxy(host, {
      get(target, name) {
        if (name === 'dot' || name === 'bound') asked.push(name);
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const A = build(3, 2, (i, j) => 1 + i + j);
    const rows = denseRows(backend, A);
    // Another pass over X would find another sum.
    A.data.fill(100);
    const s = host.allocate(1, 1);
    for (let k = 0; k < 3; k++) {
      rows.squaredNorm(1, 0, s);
      expect(host.readSync(s).at(0, 0)).toBe(1 + 4 + 4 + 9 + 9 + 16);
      expect(rows.bound()).toBe(1 + 4 + 4 + 9 + 9 + 16);
    }
    expect(asked).toEqual([]);
  });

  test.prop([dtypes, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })], {
    numRuns: 50,
  })('refuses ‖X‖²F > largest/p and takes everything below it', (dtype, m, p) => {
    const root = Math.sqrt(LARGEST[dtype] / p / (m * p));
    const slack = (m * p + ROUNDINGS) * EPSILON[dtype];
    const filledWith = (value: number) => () =>
      rowsOf(
        dtype,
        build(m, p, () => value),
        {},
      );
    expect(filledWith(root * (1 + slack))).toThrow(`denseRows: rows too large for ${dtype}`);
    // What the limit protects: the sum XᵀX itself, in the dtype.
    const rows = filledWith(root * (1 - slack))();
    const gram = moment(rows, p, p, (A) => rows.secondMoment(1, 0, A));
    expect(gram.toArrays().flat().every(Number.isFinite)).toBe(true);
  });

  test('the limit holds for XᵀX/Σw as well, where small weights make that the larger', () => {
    const A = build(1, 1, () => 1e15);
    expect(rowsOf('float32', A, { weights: [1e-20] }).count).toBe(1e-20);
    expect(() =>
      rowsOf(
        'float32',
        map(A, (x) => x * 1e5),
        { weights: [1e-20] },
      ),
    ).toThrow('too large for float32');
    expect(() =>
      rowsOf(
        'float64',
        map(A, () => 1e200),
        {},
      ),
    ).toThrow('too large for float64: the squared norm of X is Infinity');
  });
});

describe('denseRows refuses:', () => {
  const two = build(2, 3, (i, j) => i + j);
  const onFloat32 = backends.float32;
  const onFloat64 = backends.float64;

  test.each<[string, () => unknown]>([
    [
      'the number of rows of X is 0, expected an integer >= 1',
      () => readDense(onFloat32, new Float32Array(0), { cols: 3 }),
    ],
    [
      'the number of columns of X is 0, expected an integer >= 1',
      () => readDense(onFloat32, new DenseMatrix('float32', 2, 0, new Float32Array(0))),
    ],
    ['X has 3 columns, expected 4', () => readDense(onFloat64, two, { cols: 4 })],
    ['cols is 1.5, expected an integer >= 1', () => readDense(onFloat64, two, { cols: 1.5 })],
    [
      'weights has 3 elements, expected one for each of 2 rows',
      () => readDense(onFloat64, two, { weights: [1, 1, 1] }),
    ],
    [
      'weights[1] is -1, expected a finite number >= 0',
      () => readDense(onFloat64, two, { weights: [1, -1] }),
    ],
    [
      'weights[0] is NaN, expected a finite number >= 0',
      () => readDense(onFloat64, two, { weights: [Number.NaN, 1] }),
    ],
    [
      'weights[1] is Infinity, expected a finite number >= 0',
      () => readDense(onFloat64, two, { weights: [1, Infinity] }),
    ],
    [
      "weights[0] is '1', expected a finite",
      () => readDense(onFloat64, two, { weights: ['1', '1'] }),
    ],
    [
      'weights[1] is null, expected a finite',
      () => readDense(onFloat64, two, { weights: [1, null] }),
    ],
    [
      'weights[0] is true, expected a finite',
      () => readDense(onFloat64, two, { weights: [true, 1] }),
    ],
    [
      'weights[0] is 1n, expected a finite',
      () => readDense(onFloat64, two, { weights: BigInt64Array.of(1n, 1n) }),
    ],
    [
      'the weights sum to 0, expected a sum > 0 within the range of float32',
      () => readDense(onFloat32, two, { weights: [0, 0] }),
    ],
    [
      'the weights sum to 1e-50, expected a sum > 0 within the range of float32',
      () => readDense(onFloat32, two, { weights: [1e-50, 0] }),
    ],
    [
      'the weights sum to 1e+39, expected a sum > 0 within the range of float32',
      () => readDense(onFloat32, two, { weights: [1e39, 0] }),
    ],
    [
      "unknown option 'weight', expected one of cols, bias, weights, exampleOf; did you mean 'weights'?",
      () => readDense(onFloat64, two, { weight: [1, 1] }),
    ],
  ])('%s', (message, refused) => {
    expect(refused).toThrow(RangeError);
    expect(refused).toThrow(`denseRows: ${message}`);
  });

  test.each([
    ['float32', 127],
    ['float64', 1023],
  ] as const)('weights whose sum, or one over it, is beyond the range of %s', (dtype, exponent) => {
    const weigh =
      (sum: number, element = 0) =>
      () =>
        readDense(
          cpuBackend(dtype),
          build(2, 3, () => element),
          { weights: [sum, 0] },
        );
    for (const sum of [2 ** -exponent, 2 ** exponent, LARGEST[dtype]]) weigh(sum)();
    expect(weigh(2 ** -(exponent + 1))).toThrow(`expected a sum > 0 within the range of ${dtype}`);
    if (dtype === 'float32') {
      expect(weigh(2 ** (exponent + 1))).toThrow(RangeError);
      weigh(1 / LARGEST.float32)();
    }
    // So small a sum divides what the squares may be.
    const limit = (LARGEST[dtype] / 3) * 2 ** -exponent;
    expect(weigh(2 ** -exponent, 2 ** ((exponent - 1) / 2))).toThrow(`, expected <= ${limit} so`);
  });

  test.each<[string, () => unknown]>([
    [
      "weights is '11', expected an array of numbers",
      () => readDense(onFloat64, two, { weights: '11' }),
    ],
    [
      'weights is null, expected an array of numbers',
      () => readDense(onFloat64, two, { weights: null }),
    ],
    [
      'weights is [object Object], expected an array',
      () => readDense(onFloat64, two, { weights: {} }),
    ],
    ['bias is 1, expected true or false', () => readDense(onFloat64, two, { bias: 1 })],
    ['options is null, expected an object', () => readDense(onFloat64, two, null)],
    ['backend is undefined, expected a backend', () => readDense(undefined, two)],
    ['backend is [object Object], expected a backend', () => readDense(two, onFloat64)],
    ['X is undefined, expected a DenseMatrix', () => readDense(onFloat64)],
  ])('%s', (message, refused) => {
    expect(refused).toThrow(TypeError);
    expect(refused).toThrow(`denseRows: ${message}`);
  });
});

describe('slotRows', () => {
  test('owns its slot: dispose frees it, with the bias column and without', () => {
    for (const bias of [false, true]) {
      const backend = cpuBackend('float64');
      const X = upload(
        backend,
        build(2, 3, (i, j) => i + j),
      );
      slotRows(backend, X, { bias }).dispose();
      expect(() => backend.free(X)).toThrow('free: A was freed, expected a slot in use');
    }
  });

  test('refuses what is no slot in use of the backend, which keeps what it has', () => {
    const backend = cpuBackend('float64');
    const foreign = cpuBackend('float64').allocate(2, 3);
    const freed = backend.allocate(2, 3);
    backend.free(freed);
    const refusal = /^slotRows: X (belongs to another backend|was freed), expected a slot/;
    for (const bias of [false, true]) {
      for (const X of [
        foreign,
        freed,
        { dtype: 'float64', rows: 2, cols: 3 },
        undefined,
        null,
        5,
      ]) {
        const make = () => Reflect.apply(slotRows, undefined, [backend, X, { bias }]);
        expect(make).toThrow(TypeError);
        expect(make).toThrow(refusal);
      }
    }
  });

  test('refuses an empty slot, an unknown option and what is no backend', () => {
    const backend = cpuBackend('float64');
    expect(() => slotRows(backend, backend.allocate(0, 3))).toThrow(
      new RangeError('slotRows: the number of rows of X is 0, expected an integer >= 1'),
    );
    expect(() => slotRows(backend, backend.allocate(3, 0))).toThrow(
      new RangeError('slotRows: the number of columns of X is 0, expected an integer >= 1'),
    );
    const X = backend.allocate(2, 3);
    expect(() => Reflect.apply(slotRows, undefined, [backend, X, { biased: true }])).toThrow(
      new RangeError(
        "slotRows: unknown option 'biased', expected one of bias, exampleOf; did you mean 'bias'?",
      ),
    );
    expect(() => Reflect.apply(slotRows, undefined, [X, backend])).toThrow(
      'slotRows: backend is [object Object], expected a backend',
    );
  });
});

describe('checkSameRows', () => {
  const A = build(3, 2, (i, j) => i - j);
  const on = backends.float64;

  test('takes rows of one number and alike weights, listed or not', () => {
    for (const [x, d] of [
      [undefined, [1, 1, 1]],
      [
        [2, 0, 1],
        [2, 0, 1],
      ],
    ]) {
      const [X, D] = [denseRows(on, A, { weights: x }), denseRows(on, A, { weights: d })];
      expect(() => checkSameRows('observe', X, D)).not.toThrow();
    }
  });

  test('refuses other weights by their row, and another number of rows', () => {
    const X = denseRows(on, A, { weights: [2, 0, 1] });
    expect(() => checkSameRows('observe', X, denseRows(on, A))).toThrow(
      new RangeError('observe: row 0 weighs 2 in X and 1 in D, expected the same weights'),
    );
    expect(() => checkSameRows('observe', X, denseRows(on, A.view(0, 0, 2, 2)))).toThrow(
      new RangeError('observe: D is 2×2, expected 3×2'),
    );
  });
});
