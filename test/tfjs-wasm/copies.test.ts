// Clones and slices on the wasm backend, by our kernels, against the cpu backend.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { computeOn, expectAgreement, tf, type Values, withKernels } from './backend.js';

withKernels();

/** Numbers that differ from each other, so that none can stand in another's place. */
function counted(shape: readonly number[]): Values {
  const size = shape.reduce((product, length) => product * length, 1);
  return { shape, data: Float32Array.from({ length: size }, (_, i) => i + 1) };
}

/** A shape, and a part of it: where it begins and how long it is. */
const parts = fc
  .array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 })
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      cut: fc.tuple(
        ...shape.map((length) =>
          fc
            .integer({ min: 0, max: length - 1 })
            .chain((begin) =>
              fc.tuple(fc.constant(begin), fc.integer({ min: 1, max: length - begin })),
            ),
        ),
      ),
    }),
  );

describe('tf.slice', () => {
  test.prop([parts])('takes the elements that it names, whatever the axes', ({ shape, cut }) => {
    const begin = cut.map(([from]) => from);
    const size = cut.map(([, length]) => length);
    expectAgreement([counted(shape)], (x) => tf.slice(x, begin, size), 0);
  });

  test.prop([parts])(
    'goes to the end of an axis if the size is −1 or missing',
    ({ shape, cut }) => {
      const begin = cut.map(([from]) => from);
      const open = begin.map(() => -1);
      expectAgreement(
        [counted(shape)],
        (x) => [tf.slice(x, begin, open), tf.slice(x, begin), tf.slice(x, begin[0])],
        0,
      );
    },
  );

  test.each([
    ['nothing', () => tf.slice(tf.ones([3, 2]), [1, 0], [0, 2])],
    ['integers', () => tf.slice(tf.tensor1d([1, 2, 3], 'int32'), 1)],
  ])('of %s computes as before', (_, compute) => {
    expectAgreement([], compute, 0);
  });

  test('of strings computes as before', () => {
    tf.tidy(() => {
      expect(tf.slice(tf.tensor1d(['a', 'b', 'c']), 1).dataSync()).toEqual(['b', 'c']);
    });
  });

  test('leaves the tensor as it is', () => {
    const [part, whole] = computeOn('wasm', [counted([3, 4])], (x) => [tf.slice(x, 1, 1), x]);
    expect(part.data).toEqual(Float32Array.of(5, 6, 7, 8));
    expect(whole.data).toEqual(counted([3, 4]).data);
  });
});

describe('tf.clone', () => {
  test('shares its data, which stay as long as one of the two', () => {
    const before = tf.memory();
    const x = tf.tensor1d([1, 2, 3]);
    const copy = tf.clone(x);
    expect(copy.dataId).toBe(x.dataId);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers + 1);
    x.dispose();
    expect(copy.dataSync()).toEqual(Float32Array.of(1, 2, 3));
    copy.dispose();
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
  });

  test('of a variable keeps what the variable held', () => {
    tf.tidy(() => {
      const variable = tf.variable(tf.tensor1d([1, 2]));
      const copy = tf.clone(variable);
      variable.assign(tf.tensor1d([3, 4]));
      expect(copy.dataSync()).toEqual(Float32Array.of(1, 2));
      expect(variable.dataSync()).toEqual(Float32Array.of(3, 4));
      variable.dispose();
    });
  });

  test('passes gradients on', () => {
    expectAgreement([counted([2, 3])], (x) => tf.grad((t) => tf.sum(tf.square(tf.clone(t))))(x), 0);
  });

  test('of integers computes as before', () => {
    expectAgreement([], () => tf.clone(tf.tensor1d([1, 2, 3], 'int32')), 0);
  });
});
