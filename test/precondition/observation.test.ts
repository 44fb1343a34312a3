// What a step is told of one layer: its defaults, and what must fit.

import { describe, expect, test } from 'vitest';
import { type Backend, upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import { batchOf, checkObservation, type Observation } from '../../src/precondition/observation.js';
import { denseRows, slotRows } from '../../src/rows/dense.js';
import { asyncBackend } from '../support/backends.js';
import { filled } from '../support/matrices.js';
import { randomBatch } from './runs.js';

const LAYER = { name: 'dense', inputs: 3, outputs: 2 };
const ROWS = 4;
const { X, D } = randomBatch(1, ROWS, LAYER);
const backend = cpuBackend('float64');
const both = { inputs: true, outputGradients: true };

const seen = (weights?: readonly number[]): Observation<'float64'> => ({
  X: denseRows(backend, X, { weights }),
  D: denseRows(backend, D, { weights }),
});
const check = (observation: object) =>
  Reflect.apply(checkObservation, undefined, [backend, LAYER, both, observation]);

test('a mean loss averages what the rows count for, unless it is said', () => {
  expect(batchOf(seen()).examples).toBe(ROWS);
  expect(batchOf(seen([1, 0, 4, 0.25])).examples).toBe(5.25);
  expect(batchOf({ ...seen(), examples: 2 }).examples).toBe(2);
});

test('what fits passes, and rows of weight 0 may hold anything', () => {
  const padded = X.clone();
  padded.set(1, 2, Number.NaN);
  const weights = [1, 0, 4, 0.25];
  check(seen(weights));
  check({ ...seen(weights), X: denseRows(backend, padded, { weights }), examples: 2 });
});

test.each([
  [undefined, 'undefined'],
  [null, 'null'],
  [5, '5'],
  [true, 'true'],
  ['X', "'X'"],
])('%o is no observation', (observation, shown) => {
  expect(() => Reflect.apply(check, undefined, [observation])).toThrow(
    new TypeError(
      `observe: layer 'dense': the observation is ${shown}, expected an object with rows X`,
    ),
  );
});

test.each(['X', 'D'])('%s must be rows, of the same backend', (part) => {
  const where = `observe: layer 'dense': ${part}`;
  for (const value of [null, {}, X, backend.allocate(ROWS, 3), [[1, 2, 3]]]) {
    expect(() => check({ ...seen(), [part]: value })).toThrow(TypeError);
    expect(() => check({ ...seen(), [part]: value })).toThrow(
      `${where} is ${value === null ? 'null' : Object.prototype.toString.call(value)}, expected rows, as denseRows makes them`,
    );
  }
  const foreign = denseRows(cpuBackend('float64'), part === 'X' ? X : D);
  expect(() => check({ ...seen(), [part]: foreign })).toThrow(
    new TypeError(`${where} belongs to another backend, expected the optimiser's`),
  );
});

test.each([
  [[4, 0, 1, 0.25], undefined, 'row 0 weighs 4 in X and 1 in D'],
  [[4, 0, 0, 0.25], [4, 0, 1, 0.25], 'row 2 weighs 0 in X and 1 in D'],
])('activations and gradients weighted %j and %j are refused', (ofX, ofD, difference) => {
  expect(() => check({ X: seen(ofX).X, D: seen(ofD).D })).toThrow(
    new RangeError(`observe: layer 'dense': ${difference}, expected the same weights`),
  );
});

test('gradients with another number of rows are refused', () => {
  const three = denseRows(backend, filled(3, 2, 1));
  expect(() => check({ ...seen(), D: three })).toThrow(
    new RangeError("observe: layer 'dense': D is 3×2, expected 4×2"),
  );
});

const rowsOf = (on: Backend<'float32'>, A: DenseMatrix) =>
  slotRows(on, upload(on, convert(A, 'float32')));

describe('no moment may overflow', () => {
  const single = cpuBackend('float32');
  const layer = { name: 'dense', inputs: 1, outputs: 1 };
  const observe = (on: Backend<'float32'>, x: number, d: number, examples: number) => () =>
    checkObservation(on, layer, both, {
      X: rowsOf(on, filled(2, 1, x)),
      D: rowsOf(on, filled(2, 1, d)),
      examples,
    });

  test('of X, or of the gradients of the examples', () => {
    observe(single, 1e19 / 2, 1e18, 1)();
    expect(observe(single, 2e19, 1, 1)).toThrow(
      /^observe: layer 'dense': X is too large for float32: its squared norm is bounded by /,
    );
    expect(observe(single, 1, 1e18, 1e3)).toThrow(/: D is too large for float32: /);
  });

  test('nor may the square of the examples over the rows', () => {
    observe(single, 1, 1e-18, 1e19)();
    expect(observe(single, 1, 0, 1e20)).toThrow(
      /^observe: layer 'dense': examples²\/rows is 5\S*e\+39, expected /,
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('%d is told from what is too large', (bad) => {
    expect(observe(single, bad, 1, 1)).toThrow(/: X holds NaN or Infinity: /);
    expect(observe(single, 1, bad, 1)).toThrow(/: D holds NaN or Infinity: /);
  });

  test('where to look would mean to wait, nobody looks', () => {
    const device = asyncBackend('float32');
    Reflect.deleteProperty(device, 'bound');
    observe(device, Number.NaN, Number.NaN, 1)();
  });
});
