// What an accumulator and its factor refuse, naming it, and that nothing has changed then.

import { describe, expect, test } from 'vitest';
import { DTYPES, type DType } from '../../src/core/dtype.js';
import { zeros } from '../../src/core/matrix.js';
import {
  type ActivationSketchOptions,
  activationSketch,
} from '../../src/nystrom/activation-sketch.js';
import type { PreconditionOptions } from '../../src/nystrom/nystrom-factor.js';
import { gaussian, uniform } from '../support/matrices.js';

const INPUTS = 5;
const X = gaussian(uniform(1), 12, INPUTS);

function make({ dtype = 'float64', ...options }: Partial<ActivationSketchOptions<DType>> = {}) {
  return activationSketch<DType>({ inputs: INPUTS, rank: 3, ...options, dtype });
}

/** X with one bad element. */
const spoilt = (value: number) => {
  const Y = X.clone();
  Y.set(3, 2, value);
  return Y;
};

describe('options', () => {
  test.each<[Partial<ActivationSketchOptions<DType>>, string]>([
    [{ inputs: 0 }, 'activationSketch: inputs is 0, expected an integer >= 1'],
    [{ inputs: 2.5 }, 'activationSketch: inputs is 2.5, expected an integer >= 1'],
    [{ inputs: 1, bias: true }, 'activationSketch: inputs is 1, expected an integer >= 2'],
    [{ rank: 0 }, 'activationSketch: rank is 0, expected an integer >= 1'],
    [{ rank: Number.NaN }, 'activationSketch: rank is NaN, expected an integer >= 1'],
    [{ oversample: -1 }, 'activationSketch: oversample is -1, expected an integer >= 0'],
    [{ decay: 1.5 }, 'activationSketch: decay is 1.5, expected a number in [0, 1]'],
    [{ decay: Number.NaN }, 'activationSketch: decay is NaN, expected a number in [0, 1]'],
    [{ seed: -1 }, 'activationSketch: seed is -1, expected an integer >= 0'],
  ])('%o', (options, message) => {
    expect(() => make(options)).toThrow(new RangeError(message));
  });

  test('a decay that the dtype would make 0', () => {
    expect(() => activationSketch({ inputs: 3, rank: 1, decay: 1e-50, dtype: 'float32' })).toThrow(
      new RangeError(
        'activationSketch: decay is 1e-50, expected a number in [0, 1] that does not round to 0 in float32',
      ),
    );
  });

  test('an unknown kind', () => {
    const options = { inputs: 3, rank: 1, kind: 'sparse' };
    expect(() => Reflect.apply(activationSketch, undefined, [options])).toThrow(
      new RangeError(
        "activationSketch: kind is 'sparse', expected 'gaussian' or 'subcolumn' or 'power'",
      ),
    );
  });

  test('none at all', () => {
    for (const options of [undefined, null]) {
      expect(() => Reflect.apply(activationSketch, undefined, [options])).toThrow(
        new TypeError(`activationSketch: options is ${options}, expected an object`),
      );
    }
  });

  test('an unknown dtype', () => {
    const options = { inputs: 3, rank: 1, dtype: 'f32' };
    expect(() => Reflect.apply(activationSketch, undefined, [options])).toThrow(
      new RangeError("activationSketch: dtype is 'f32', expected 'float32' or 'float64'"),
    );
  });

  test('float64, Gaussian and seed 0 are the defaults; the rank is at most the inputs', () => {
    const sketch = activationSketch({ inputs: INPUTS, rank: 9 });
    expect(sketch).toMatchObject({ inputs: INPUTS, rank: INPUTS, dtype: 'float64' });
    const spelled = make({ rank: INPUTS, kind: 'gaussian', seed: 0, decay: 1, oversample: 0 });
    expect(sketch.observe(X).factor()).toEqual(spelled.observe(X).factor());
  });
});

describe.each(DTYPES)('observe, %s', (dtype) => {
  const tooLarge = spoilt(dtype === 'float32' ? 1e25 : 1e200);
  const cases = [
    {
      name: 'NaN',
      input: spoilt(Number.NaN),
      error: new RangeError('observe: X holds NaN at row 3, column 2, expected finite numbers'),
    },
    {
      name: 'Infinity',
      input: spoilt(Number.POSITIVE_INFINITY),
      error: new RangeError(
        'observe: X holds Infinity at row 3, column 2, expected finite numbers',
      ),
    },
    { name: 'overflow', input: tooLarge, error: `observe: rows too large for ${dtype}` },
    {
      name: 'other columns',
      input: zeros('float64', 4, INPUTS + 1),
      error: new RangeError('observe: X has 6 columns, expected 5'),
    },
    {
      name: 'no rows',
      input: zeros('float64', 0, INPUTS),
      error: new RangeError('observe: the number of rows of X is 0, expected an integer >= 1'),
    },
    {
      name: 'ragged rows',
      input: [[1, 2, 3, 4, 5], [1]],
      error: new RangeError('observe: row 1 of X has 1 elements, row 0 has 5'),
    },
    {
      name: 'a flat array of a part of a row',
      input: new Float64Array(7),
      error: 'observe: X is a flat array of 7 elements, expected a multiple of 5 columns',
    },
  ];

  test.each(cases)('refuses $name, and nothing changes', ({ input, error }) => {
    for (const decay of [1, 0.9]) {
      const sketch = make({ dtype, decay }).observe(X);
      const before = sketch.factor();
      expect(() => sketch.observe(input)).toThrow(error);
      expect(sketch.factor()).toEqual(before);
      expect(sketch.observe(X).factor()).toEqual(
        make({ dtype, decay }).observe(X).observe(X).factor(),
      );
    }
  });

  test.each([
    { weights: [1, 1], message: 'weights has 2 elements, expected one for each of 12 rows' },
    { weights: Array.from({ length: 12 }, () => 0), message: 'the weights sum to 0' },
    {
      weights: Array.from({ length: 12 }, (_, i) => (i === 4 ? -1 : 1)),
      message: 'weights[4] is -1, expected a finite number >= 0',
    },
  ])('refuses weights: $message', ({ weights, message }) => {
    const sketch = make({ dtype }).observe(X);
    const before = sketch.factor();
    expect(() => sketch.observe(X, { weights })).toThrow(`observe: ${message}`);
    expect(sketch.factor()).toEqual(before);
  });
});

test('observe refuses weights of another type, and nothing changes', () => {
  const sketch = make().observe(X);
  const before = sketch.factor();
  for (const [text, shown] of [
    ['null', 'null'],
    ['"111111111111"', "'111111111111'"],
  ]) {
    const weights: number[] = JSON.parse(text);
    expect(() => sketch.observe(X, { weights })).toThrow(
      new TypeError(`observe: weights is ${shown}, expected an array of numbers`),
    );
  }
  expect(sketch.factor()).toEqual(before);
});

test('factor refuses to start from nothing', () => {
  expect(() => make().factor()).toThrow(new RangeError('factor: nothing was observed yet'));
});

describe('precondition', () => {
  const factor = make().observe(X).factor();
  const damping = 1;

  test.each([
    { cols: 4, hint: ' (did you append the bias column?)' },
    { cols: 6, hint: '' },
    { cols: 3, hint: '' },
  ])('refuses a gradient of $cols columns', ({ cols, hint }) => {
    const message = `precondition: G has ${cols} columns, the factor has 5 inputs${hint}`;
    expect(() => factor.precondition(zeros('float64', 2, cols), { damping })).toThrow(
      new RangeError(message),
    );
    expect(() => factor.precondition(zeros('float32', 2, cols).toArrays(), { damping })).toThrow(
      new RangeError(message),
    );
  });

  test('refuses a flat array that is no number of rows', () => {
    expect(() => factor.precondition(new Float64Array(9), { damping })).toThrow(
      'precondition: G is a flat array of 9 elements, expected a multiple of 5 columns',
    );
  });

  test('refuses NaN and Infinity', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const G = zeros('float64', 2, INPUTS);
      G.set(1, 3, value);
      expect(() => factor.precondition(G, { damping })).toThrow(
        new RangeError(
          `precondition: G holds ${value} at row 1, column 3, expected finite numbers`,
        ),
      );
    }
  });

  test('refuses a gradient that overflows float32', () => {
    const single = make({ dtype: 'float32' }).observe(X).factor();
    const G = zeros('float64', 1, INPUTS);
    G.set(0, 0, 1e39);
    expect(() => single.precondition(G, { damping })).toThrow('G holds Infinity at row 0');
  });

  test.each([0, -1, Number.NaN])('refuses damping %d, with and without the tail', (bad) => {
    const G = zeros('float64', 2, INPUTS);
    for (const tail of [false, true]) {
      expect(() => factor.precondition(G, { damping: bad, tail })).toThrow(
        new RangeError(`precondition: damping is ${bad}, expected a finite number > 0`),
      );
    }
    expect(() => factor.effectiveDimension(bad)).toThrow(RangeError);
  });

  test('refuses to go without options', () => {
    const G = zeros('float64', 2, INPUTS);
    const options: PreconditionOptions = JSON.parse('null');
    expect(() => factor.precondition(G, options)).toThrow(
      new TypeError('precondition: options is null, expected an object'),
    );
  });

  test('leaves the gradient as it is', () => {
    const G = gaussian(uniform(2), 2, INPUTS);
    const before = G.clone();
    factor.precondition(G, { damping });
    expect(G).toEqual(before);
  });
});
