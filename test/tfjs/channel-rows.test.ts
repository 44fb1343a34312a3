// Rows of a depthwise convolution's gradients, by the contract of rows, against the matrix that they stand for.

import { fc } from '@fast-check/vitest';
import { beforeAll, describe, expect, test } from 'vitest';
import { tfjsBackend } from '../../src/tfjs/index.js';
import { tensorChannelRows } from '../../src/tfjs/rows/channels.js';
import { integers } from '../rows/images.js';
import { type Draft, describeRowsAt } from '../rows/rows.contract.js';
import { build } from '../support/matrices.js';
import { tf } from './backends.js';

type F32 = 'float32';

/** Gradients of a few examples, positions and channels, of one output a channel or more. */
function drafts(backend: ReturnType<typeof tfjsBackend>): fc.Arbitrary<Draft<F32>> {
  const few = fc.integer({ min: 1, max: 3 });
  return fc
    .record({
      batch: few,
      height: few,
      width: few,
      channels: few,
      multiplier: few,
      seed: fc.nat(),
    })
    .map(({ batch, height, width, channels, multiplier, seed }) => {
      const positions = height * width;
      const outputs = channels * multiplier;
      const data = integers('float32', batch * positions * outputs, seed);
      return {
        make() {
          const gradients = tf.tensor4d(data, [batch, height, width, outputs]);
          const rows = tensorChannelRows({ tf, backend }, gradients, channels);
          // The rows have a handle of their own.
          gradients.dispose();
          return rows;
        },
        X: build(batch * channels * positions, outputs, (i, j) => {
          const example = Math.floor(i / (channels * positions));
          const channel = Math.floor(i / positions) % channels;
          if (Math.floor(j / multiplier) !== channel) return 0;
          return data[(example * positions + (i % positions)) * outputs + j];
        }),
        weights: undefined,
      };
    });
}

for (const name of ['cpu', 'wasm'] as const) {
  await tf.setBackend(name);
  const backend = tfjsBackend(tf);
  describe(`rows of channels on the ${name} backend of TensorFlow.js`, () => {
    beforeAll(() => tf.setBackend(name));

    test('the matrix is never made: a sum over 256 channels takes no more than the tensor again', () => {
      const gradients = tf.ones([2, 8, 8, 256]);
      const { numBytes } = tf.memory();
      const rows = tensorChannelRows({ tf, backend }, gradients, 256);
      expect(tf.memory().numBytes - numBytes).toBeLessThanOrEqual(4 * gradients.size);
      const a = backend.allocate(1, 256);
      rows.diagonal(1, 0, a);
      expect(backend.readSync?.(a).toArrays()).toEqual([Array.from({ length: 256 }, () => 128)]);
      rows.dispose();
      backend.free(a);
      expect(tf.memory().numBytes).toBe(numBytes);
      gradients.dispose();
    });

    describeRowsAt(
      { dtype: 'float32', backend, live: () => tf.memory().numTensors },
      drafts(backend),
    );
  });
}
