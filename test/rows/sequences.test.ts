// Sequences as rows: a view, one row a token.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { DenseMatrix } from '../../src/core/matrix.js';
import { denseRows } from '../../src/rows/dense.js';
import { flattenSequences } from '../../src/rows/sequences.js';

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
    const backend = cpuBackend('float32');
    const rows = denseRows(backend, tokens, { weights: [1, 1, 1, 1, 0, 0] });
    expect(rows.count).toBe(4);
    const a = backend.allocate(1, 2);
    rows.sum(1, 0, a);
    expect(backend.readSync(a).toArrays()).toEqual([[0 + 2 + 4 + 6, 1 + 3 + 5 + 7]]);
  });

  test.each([
    { batch: 1, time: 6, features: 1 },
    { batch: 6, time: 1, features: 1 },
    { batch: 1, time: 1, features: 6 },
  ])('of one: $batch×$time×$features', (shape) => {
    const { rows, cols } = flattenSequences(new Float64Array(6), shape);
    expect([rows, cols]).toEqual([shape.batch * shape.time, shape.features]);
  });

  test.each<[string, unknown]>([
    ['input has 12 elements, expected 6·3 = 18', { batch: 2, time: 3, features: 3 }],
    ['batch is 0, expected an integer >= 1', { batch: 0, time: 3, features: 2 }],
    ['time is 1.5, expected an integer >= 1', { batch: 2, time: 1.5, features: 4 }],
    ['features is -1, expected an integer >= 1', { batch: 6, time: 2, features: -1 }],
    ['features is undefined, expected an integer >= 1', { batch: 6, time: 2 }],
    [
      "unknown option 'feature', expected one of batch, time, features; did you mean 'features'?",
      { batch: 6, time: 2, feature: 1 },
    ],
  ])('refuses: %s', (message, shape) => {
    const call = () => Reflect.apply(flattenSequences, undefined, [new Float64Array(12), shape]);
    expect(call).toThrow(new RangeError(`flattenSequences: ${message}`));
  });

  test.each<[string, unknown[]]>([
    ['shape is undefined, expected an object', [new Float64Array(12)]],
    ['shape is null, expected an object', [new Float64Array(12), null]],
    [
      "time is '3', expected an integer >= 1",
      [new Float64Array(12), { batch: 2, time: '3', features: 2 }],
    ],
    ['input is undefined, expected a DenseMatrix', [undefined, { batch: 2, time: 3, features: 2 }]],
  ])('refuses by type: %s', (message, values) => {
    const call = () => Reflect.apply(flattenSequences, undefined, values);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(`flattenSequences: ${message}`);
  });
});
