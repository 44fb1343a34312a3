// Rows of an embedding on tensors, by the contract of rows, against the words that were looked up.

import { fc } from '@fast-check/vitest';
import type { Tensor } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { tfjsBackend } from '../../src/tfjs/index.js';
import { tensorOneHotRows } from '../../src/tfjs/rows/one-hot.js';
import { type Draft, describeRowsAt } from '../rows/rows.contract.js';
import { build } from '../support/matrices.js';
import { tf } from './backends.js';

type F32 = 'float32';

/** Words of a few, as a list or in two rows, of whole numbers or of such in float32. */
function drafts(backend: ReturnType<typeof tfjsBackend>): fc.Arbitrary<Draft<F32>> {
  return fc
    .record({
      cols: fc.integer({ min: 1, max: 6 }),
      drawn: fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
      twice: fc.boolean(),
      dtype: fc.constantFrom('int32' as const, 'float32' as const),
    })
    .map(({ cols, drawn, twice, dtype }) => {
      const once = drawn.map((word) => word % cols);
      const words = twice ? [...once, ...once] : once;
      return {
        make() {
          const indices = tf.tensor(words, twice ? [2, once.length] : [words.length], dtype);
          const rows = tensorOneHotRows({ tf, backend }, indices, cols);
          // The rows have a handle of their own.
          indices.dispose();
          return rows;
        },
        X: build(words.length, cols, (i, j) => (words[i] === j ? 1 : 0)),
        weights: undefined,
      };
    });
}

for (const name of ['cpu', 'wasm'] as const) {
  await tf.setBackend(name);
  const backend = tfjsBackend(tf);
  describe(`one-hot rows on the ${name} backend of TensorFlow.js`, () => {
    beforeAll(() => tf.setBackend(name));

    /** All moments that words are counted in, p = 3. */
    const momentsOf = (indices: Tensor) => {
      const rows = tensorOneHotRows({ tf, backend }, indices, 3);
      const moments = [
        [1, 3],
        [3, 3],
        [1, 1],
      ].map(([height, width], i) => {
        const slot = backend.allocate(height, width);
        if (i === 0) rows.diagonal(1, 0, slot);
        else if (i === 1) rows.secondMoment(1, 0, slot);
        else rows.squaredNorm(1, 0, slot);
        const value = backend.readSync?.(slot).toArrays();
        backend.free(slot);
        return value;
      });
      rows.dispose();
      indices.dispose();
      return moments;
    };

    test('an index that is no word makes a row of zeros, and touches nothing else', () => {
      const most = 2 ** 31 - 1;
      expect(momentsOf(tf.tensor1d([3, 1, -1, most, 1, -most, 2], 'int32'))).toEqual([
        [[0, 2, 1]],
        [
          [0, 0, 0],
          [0, 2, 0],
          [0, 0, 1],
        ],
        [[3]],
      ]);
    });

    test('numbers between words are rounded as the layer does, towards 0', () => {
      expect(momentsOf(tf.tensor1d([1.75, -0.5, 2, 0.5]))[0]).toEqual([[2, 1, 1]]);
    });

    test('100,000 words are counted without a matrix of them', () => {
      const words = 100_000;
      const indices = tf.tensor2d(
        [
          [5, 99_999],
          [5, 0],
        ],
        [2, 2],
        'int32',
      );
      const before = tf.memory().numBytes;
      const rows = tensorOneHotRows({ tf, backend }, indices, words);
      const a = backend.allocate(1, words);
      rows.diagonal(1, 0, a);
      expect(tf.memory().numBytes - before).toBeLessThanOrEqual(4 * (words + indices.size));
      const counts = backend.readSync?.(a);
      expect([0, 1, 5, 99_999].map((word) => counts?.at(0, word))).toEqual([1, 0, 2, 1]);
      rows.dispose();
      backend.free(a);
      expect(tf.memory().numBytes).toBe(before);
      indices.dispose();
    });

    describeRowsAt(
      { dtype: 'float32', backend, live: () => tf.memory().numTensors },
      drafts(backend),
    );
  });
}
