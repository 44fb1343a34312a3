import { describe, expect, test } from 'vitest';
import {
  checkChoice,
  checkDecay,
  checkDType,
  checkFraction,
  checkInteger,
  checkInvertible,
  checkNonNegative,
  checkOptions,
  checkPositive,
  checkScalar,
  checkShape,
  checkSquare,
  checkType,
  describe as show,
} from '../../src/core/check.js';
import { LARGEST } from '../../src/core/dtype.js';
import { checkFinite, zeros } from '../../src/core/matrix.js';

const { NaN: NAN, POSITIVE_INFINITY: INFINITY, MAX_SAFE_INTEGER } = Number;

describe('guards of numbers', () => {
  /** Each guard with what it accepts, what it refuses, and the words for what it expects. */
  const guards = [
    {
      name: 'checkInteger',
      check: (value: number) => checkInteger('f', 'n', value),
      good: [0, 1, MAX_SAFE_INTEGER],
      bad: [-1, 0.5, MAX_SAFE_INTEGER + 1, INFINITY, NAN],
      expected: 'an integer >= 0',
    },
    {
      name: 'checkInteger with bounds',
      check: (value: number) => checkInteger('f', 'n', value, 2, 4),
      good: [2, 3, 4],
      bad: [1, 5, 2.5, NAN],
      expected: 'an integer >= 2 and <= 4',
    },
    {
      name: 'checkPositive',
      check: (value: number) => checkPositive('f', 'n', value),
      good: [5e-324, 1, Number.MAX_VALUE],
      bad: [0, -1, INFINITY, NAN],
      expected: 'a finite number > 0',
    },
    {
      name: 'checkNonNegative',
      check: (value: number) => checkNonNegative('f', 'n', value),
      good: [0, 5e-324, Number.MAX_VALUE],
      bad: [-5e-324, INFINITY, NAN],
      expected: 'a finite number >= 0',
    },
    {
      name: 'checkScalar in float64',
      check: (value: number) => checkScalar('f', 'n', value, 'float64'),
      good: [0, -0, -5e-324, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE],
      bad: [INFINITY, -INFINITY, NAN],
      expected: 'a finite number',
    },
    {
      // Half of the smallest float32 rounds to 0, and anything above it does not.
      name: 'checkScalar in float32',
      check: (value: number) => checkScalar('f', 'n', value, 'float32'),
      good: [0, -0, 2 ** -150 * (1 + 2 ** -52), -(2 ** -149), LARGEST.float32, -LARGEST.float32],
      bad: [2 ** -150, -1e-50, 2 ** 128 - 2 ** 103, -1e40, INFINITY, -INFINITY, NAN],
      expected: 'a finite number that float32 holds: 0, or 1.4e-45 to 3.4e+38 in magnitude',
    },
    {
      name: 'checkPositive in float32',
      check: (value: number) => checkPositive('f', 'n', value, 'float32'),
      good: [2 ** -149, LARGEST.float32],
      bad: [0, -1, 2 ** -150, 1e39, INFINITY, NAN],
      expected: 'a finite number > 0 that float32 holds: 0, or 1.4e-45 to 3.4e+38 in magnitude',
    },
    {
      name: 'checkNonNegative in float32',
      check: (value: number) => checkNonNegative('f', 'n', value, 'float32'),
      good: [0, 2 ** -149, LARGEST.float32],
      bad: [-1, 2 ** -150, 1e39, INFINITY, NAN],
      expected: 'a finite number >= 0 that float32 holds: 0, or 1.4e-45 to 3.4e+38 in magnitude',
    },
    {
      name: 'checkInvertible',
      check: (value: number) => checkInvertible('f', 'n', value, 'float32'),
      good: [2 ** -127, 1, LARGEST.float32],
      bad: [0, -1, 2 ** -129, 1e39, INFINITY, NAN],
      expected: 'a number > 0 that is finite in float32, as its inverse is',
    },
    {
      name: 'checkFraction',
      check: (value: number) => checkFraction('f', 'n', value),
      good: [0, 0.5, 1 - 2 ** -53],
      bad: [-5e-324, 1, INFINITY, NAN],
      expected: 'a number in [0, 1)',
    },
    {
      name: 'checkDecay',
      check: (value: number) => checkDecay('f', 'n', value),
      good: [0, 0.5, 1],
      bad: [-5e-324, 1 + 2 ** -52, INFINITY, NAN],
      expected: 'a number in [0, 1]',
    },
  ];
  const each = (key: 'good' | 'bad') =>
    guards.flatMap((guard) => guard[key].map((value) => ({ ...guard, value })));

  test.each(each('good'))('$name accepts $value', ({ check, value }) => {
    expect(() => check(value)).not.toThrow();
  });

  test.each(each('bad'))('$name refuses $value', ({ check, value, expected }) => {
    expect(() => check(value)).toThrow(new RangeError(`f: n is ${value}, expected ${expected}`));
  });

  test.each(guards)('$name refuses what is no number, as untyped callers may pass', (guard) => {
    for (const { value, shown } of [
      { value: '1', shown: "'1'" },
      { value: undefined, shown: 'undefined' },
      { value: null, shown: 'null' },
      { value: true, shown: 'true' },
      { value: [1], shown: '[object Array]' },
    ]) {
      expect(() => Reflect.apply(guard.check, undefined, [value])).toThrow(
        `f: n is ${shown}, expected ${guard.expected}`,
      );
    }
  });
});

describe('guards of types', () => {
  test('checkType', () => {
    expect(() => checkType('f', 'x', 1, true, 'a number')).not.toThrow();
    expect(() => checkType('f', 'x', '1', false, 'a number')).toThrow(
      new TypeError("f: x is '1', expected a number"),
    );
  });

  test('checkOptions', () => {
    expect(() => checkOptions('f', {})).not.toThrow();
    for (const value of [undefined, null, 3, 'fast']) {
      expect(() => checkOptions('f', value)).toThrow(
        new TypeError(`f: options is ${show(value)}, expected an object`),
      );
    }
  });

  test('every value can be shown', async () => {
    const module: unknown = await import('../../src/core/errors.js');
    expect([module, Object.create(null), new Float32Array(1), Symbol('s'), 2n].map(show)).toEqual([
      '[object Module]',
      '[object Object]',
      '[object Float32Array]',
      'Symbol(s)',
      '2n',
    ]);
  });
});

describe('guards of choices, shapes and dtypes', () => {
  test('checkChoice', () => {
    expect(() => checkChoice('f', 'kind', 'a', ['a', 'b'])).not.toThrow();
    expect(() => checkChoice('f', 'kind', 'c', ['a', 'b'])).toThrow(
      new RangeError("f: kind is 'c', expected 'a' or 'b'"),
    );
  });

  test('checkShape', () => {
    const A = zeros('float32', 2, 3);
    expect(() => checkShape('f', 'A', A, 2, 3)).not.toThrow();
    expect(() => checkShape('f', 'A', A, 3, 3)).toThrow(
      new RangeError('f: A is 2×3, expected 3×3'),
    );
    expect(() => checkShape('f', 'A', A, 2, 2)).toThrow(
      new RangeError('f: A is 2×3, expected 2×2'),
    );
    expect(() => checkShape('f', 'A', A, NAN, 3)).toThrow(
      new RangeError('f: A is 2×3, expected NaN×3'),
    );
  });

  test('checkSquare', () => {
    expect(() => checkSquare('f', 'A', zeros('float64', 3, 3))).not.toThrow();
    expect(() => checkSquare('f', 'A', zeros('float64', 2, 3))).toThrow(
      new RangeError('f: A is 2×3, expected a square matrix'),
    );
  });

  test('checkDType', () => {
    const A = zeros('float32', 1, 1);
    expect(() => checkDType('f', 'A', A, 'float32')).not.toThrow();
    expect(() => checkDType('f', 'A', A, 'float64')).toThrow(
      new TypeError('f: A holds float32, expected float64'),
    );
  });
});

describe.each(['float32', 'float64'] as const)('checkFinite, %s', (dtype) => {
  test('accepts finite numbers up to the largest, whose sum is not finite', () => {
    const A = zeros(dtype, 1, 4);
    A.data.fill(dtype === 'float32' ? 3.4028234663852886e38 : Number.MAX_VALUE);
    expect(() => checkFinite('f', 'A', A)).not.toThrow();
    expect(checkFinite('f', 'A', zeros(dtype, 0, 3))).toBe(0);
  });

  test('returns the largest absolute element', () => {
    const A = zeros(dtype, 2, 2);
    A.data.set([1, -5, 4, 2]);
    expect(checkFinite('f', 'A', A)).toBe(5);
  });

  test.each([NAN, INFINITY, -INFINITY])('finds %s wherever it is', (value) => {
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 2; j++) {
        const A = zeros(dtype, 3, 2);
        A.set(i, j, value);
        expect(() => checkFinite('f', 'A', A)).toThrow(
          new RangeError(`f: A holds ${value} at row ${i}, column ${j}, expected finite numbers`),
        );
      }
    }
  });

  test('infinities of both signs in a row do not cancel', () => {
    const A = zeros(dtype, 1, 2);
    A.data.set([INFINITY, -INFINITY]);
    expect(() => checkFinite('f', 'A', A)).toThrow('f: A holds Infinity at row 0, column 0');
  });

  test('looks at the view alone, and counts rows and columns from its corner', () => {
    const A = zeros(dtype, 4, 4);
    A.data.fill(NAN);
    const V = A.view(1, 1, 2, 2);
    for (let i = 0; i < 2; i++) for (let j = 0; j < 2; j++) V.set(i, j, 1);
    expect(() => checkFinite('f', 'V', V)).not.toThrow();
    V.set(1, 0, NAN);
    expect(() => checkFinite('f', 'V', V)).toThrow('f: V holds NaN at row 1, column 0');
  });
});
