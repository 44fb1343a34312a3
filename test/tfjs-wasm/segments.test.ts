// Sums by segments, and the gradient of an embedding, by our kernel.

import { fc, test } from '@fast-check/vitest';
import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect } from 'vitest';
import { computeOn, expectAgreement, tf, withKernels } from './backend.js';
import { withGuards } from './guarded.js';
import { fractions, roundingOf, wholes } from './values.js';

const checkGuards = withGuards();
withKernels();

const cases = fc.record({
  /** Some of no segment that there is. */
  ids: fc.array(fc.integer({ min: -3, max: 8 }), { minLength: 1, maxLength: 30 }),
  segments: fc.integer({ min: 1, max: 6 }),
  row: fc.constantFrom([], [1], [3], [4], [7], [2, 3], [8]),
  seed: fc.nat(),
});

/** A sum that TensorFlow.js has no kernel for on wasm. */
function sumOfWholes(): unknown {
  return tf.tidy(() => {
    const x = tf.tensor1d([1, 2], 'int32');
    return tf.unsortedSegmentSum(x, tf.tensor1d([0, 1], 'int32'), 2);
  });
}

describe('tf.unsortedSegmentSum', () => {
  test.prop([cases])('of integers is exact', ({ ids, segments, row, seed }) => {
    const sum = (x: Tensor) => tf.unsortedSegmentSum(x, tf.tensor1d(ids, 'int32'), segments);
    expectAgreement([wholes([ids.length, ...row], seed)], sum, 0);
    checkGuards();
  });

  test.prop([cases])('of any numbers is exact but for rounding', ({ ids, segments, row, seed }) => {
    const sum = (x: Tensor) => tf.unsortedSegmentSum(x, tf.tensor1d(ids, 'int32'), segments);
    expectAgreement([fractions([ids.length, ...row], seed)], sum, roundingOf(ids.length));
  });

  test('of no rows is 0', () => {
    const [sums] = computeOn('wasm', [], () =>
      tf.unsortedSegmentSum(tf.zeros([0, 2]), tf.tensor1d([], 'int32'), 3),
    );
    expect(sums).toEqual({ shape: [3, 2], data: new Float32Array(6) });
  });

  test('takes a NaN to its segment alone', () => {
    const [sums] = computeOn('wasm', [], () => {
      const x = tf.tensor1d([1, Number.NaN, 2, Number.NaN]);
      return tf.unsortedSegmentSum(x, tf.tensor1d([0, 1, 0, -1], 'int32'), 3);
    });
    expect(Array.from(sums.data)).toEqual([3, Number.NaN, 0]);
  });

  test('refuses whole numbers by its name: TensorFlow.js has no such kernel on wasm', () => {
    expect(sumOfWholes).toThrow(/^UnsortedSegmentSum: these arguments are not known/);
  });
});

describe('the gradient of an embedding', () => {
  test.prop([cases])('is exact', ({ ids, segments, seed }) => {
    const words = ids.map((id) => Math.abs(id) % segments);
    const lookUp = (table: Tensor) => tf.gather(table, tf.tensor2d([words], undefined, 'int32'));
    expectAgreement(
      [wholes([segments, 5], seed), wholes([1, words.length, 5], seed + 1)],
      (table, dy) => tf.grad(lookUp)(table, dy),
      0,
    );
  });
});
