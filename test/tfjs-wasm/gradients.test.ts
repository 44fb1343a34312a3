// Gradients of our own: those of TensorFlow.js by other formulas, on the wasm backend alone.

import { fc, test as property } from '@fast-check/vitest';
import { describe, test } from 'vitest';
import { expectAgreement, tf, withKernels } from './backend.js';
import { withGuards } from './guarded.js';
import { fractions, roundingOf, wholes } from './values.js';

const checkGuards = withGuards();
withKernels();

const shapes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 });

describe('the gradient of', () => {
  property.prop([
    shapes,
    fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 4, maxLength: 4 }),
    fc.nat(),
  ])('tf.tile is the sum of the tiles', (shape, all, seed) => {
    const repetitions = all.slice(0, shape.length);
    const weights = wholes(
      shape.map((length, i) => length * repetitions[i]),
      seed,
    );
    expectAgreement(
      [wholes(shape, seed), weights],
      (x, w) => tf.grad((t) => tf.tile(t, repetitions).mul(w).sum())(x),
      0,
    );
    checkGuards();
  });

  property.prop([
    shapes,
    fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    fc.boolean(),
    fc.boolean(),
    fc.nat(),
  ])('tf.sum and tf.mean is where it came from', (shape, summed, keepDims, isMean, seed) => {
    const axes = Array.from(shape.keys()).filter((axis) => summed[axis]);
    const weights = fractions(
      shape.map((length, i) => (summed[i] ? 1 : length)),
      seed,
    );
    // Of one multiplication and one division.
    expectAgreement(
      [fractions(shape, seed + 1), weights],
      (x, w) =>
        tf.grad((t) => {
          const y = isMean ? tf.mean(t, axes, keepDims) : tf.sum(t, axes, keepDims);
          return y.mul(w.reshape(y.shape)).sum();
        })(x),
      4 * 2 ** -24,
    );
    checkGuards();
  });

  property.prop([shapes, fc.integer({ min: 1, max: 70 }), fc.nat()])(
    'tf.softmax agrees with the cpu backend',
    (leading, columns, seed) => {
      const values = [seed, seed + 1].map((s) => fractions([...leading, columns], s));
      // Exponentials are good to a few roundoffs, and their sum is of so many.
      expectAgreement(
        values,
        (x, w) => tf.grad((t) => tf.softmax(t).mul(w).sum())(x),
        2 * roundingOf(1) * (columns + 8),
      );
      checkGuards();
    },
  );
});

test('gradients of gradients are those of TensorFlow.js', () => {
  const values = [fractions([3, 5], 1), fractions([3, 5], 2)];
  expectAgreement(
    values,
    (x, w) => {
      const once = tf.grad((t) =>
        tf
          .softmax(tf.tile(t, [2, 1]))
          .slice([0, 0], [3, 5])
          .mul(w)
          .sum(),
      );
      return tf.grad((t) => once(t).square().sum())(x);
    },
    64 * roundingOf(5),
  );
});
