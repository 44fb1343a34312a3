// Arguments that do not fit: what TensorFlow.js refuses is refused, and nobody writes where nothing is his.

import { fc, test as property } from '@fast-check/vitest';
import * as core from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { registerKernels } from '../../src/tfjs-wasm/index.js';
import { computeOn, tf, type Values, withKernels } from './backend.js';
import { withGuards } from './guarded.js';
import { wholes } from './values.js';

type Compute = Parameters<typeof computeOn>[2];

const checkGuards = withGuards();
withKernels();

/** What a backend answers, or that it refuses. */
function outcome(backend: 'wasm' | 'cpu', values: readonly Values[], compute: Compute) {
  try {
    return computeOn(backend, values, compute);
  } catch (error) {
    void tf.setBackend('wasm');
    return error instanceof Error ? 'refused' : error;
  }
}

function expectSame(values: readonly Values[], compute: Compute): void {
  const [ours, theirs] = (['wasm', 'cpu'] as const).map((backend) =>
    outcome(backend, values, compute),
  );
  checkGuards();
  expect(ours).toEqual(theirs);
}

const lengths = fc.integer({ min: 1, max: 4 });
const shapes = fc.array(lengths, { minLength: 1, maxLength: 3 });
const axes = fc.integer({ min: -4, max: 3 });

describe('as TensorFlow.js answers, whatever the shapes and axes', () => {
  property.prop([shapes, shapes, axes])('tf.concat', (one, other, axis) => {
    expectSame([wholes(one, 1), wholes(other, 2)], (x, y) => tf.concat([x, y], axis));
  });

  property.prop([shapes, shapes, axes])('tf.stack', (one, other, axis) => {
    expectSame([wholes(one, 1), wholes(other, 2)], (x, y) => tf.stack([x, y], axis));
  });

  property.prop([shapes, axes])('tf.unstack', (shape, axis) => {
    expectSame([wholes(shape, 1)], (x) => tf.unstack(x, axis));
  });

  property.prop([
    shapes,
    fc.array(fc.integer({ min: -2, max: 5 }), { minLength: 1, maxLength: 3 }),
    axes,
  ])('tf.split', (shape, sizes, axis) => {
    // The cpu backend takes sizes below −1, and axes that there are not, for what they are not.
    const rest = sizes.some((size) => size < -1) || axis < -shape.length || axis >= shape.length;
    if (!rest) expectSame([wholes(shape, 1)], (x) => tf.split(x, sizes, axis));
    else {
      outcome('wasm', [wholes(shape, 1)], (x) => tf.split(x, sizes, axis));
      checkGuards();
    }
  });
});

test.each<[string, readonly Values[], Compute]>([
  ['a slice from between two elements', [wholes([5], 1)], (x) => tf.slice(x, [1.5], [2])],
  ['a sum over an axis named twice', [wholes([2, 3], 1)], (x) => tf.sum(x, [1, 1])],
])('%s is that of TensorFlow.js', (_, values, compute) => {
  expectSame(values, compute);
});

describe('convolutions of very long inputs', () => {
  test('need no more memory than TensorFlow.js has for them', () => {
    const before = tf.memory().numTensors;
    const y = tf.tidy(() => {
      const filter = tf.ones([10, 1, 16]).as3D(10, 1, 16);
      return tf.conv1d(tf.ones([1, 480_000, 1]).as3D(1, 480_000, 1), filter, 5, 'valid').max();
    });
    expect(y.dataSync()[0]).toBe(10);
    y.dispose();
    expect(tf.memory().numTensors).toBe(before);
    checkGuards();
  });

  test('have their workspace counted beyond 32 bits', () => {
    // A frame of 2.4 GB: the strides alone reach so far.
    const x = wholes([1, 5, 5, 1], 1);
    expectSame([x, wholes([2, 2, 1, 1], 2)], (image, filter) =>
      tf.conv2d(image.as4D(1, 5, 5, 1), filter.as4D(2, 2, 1, 1), 30_000, 'same'),
    );
  });
});

test('every module of one TensorFlow.js has the same registration', async () => {
  const own = await registerKernels(tf);
  expect(await registerKernels(core)).toBe(own);
});

test.each([
  ['NaN first', [Number.NaN, 1, 2, 3], [0, 0, 0, 1]],
  ['NaN last', [3, 1, 2, Number.NaN], [1, 0, 0, 0]],
  ['nothing above −∞', [-Infinity, -Infinity, -Infinity, -Infinity], [0, 0, 0, 0]],
])('the gradient of max pooling over %s is that of the cpu backend', (_, pixels, expected) => {
  const x = { shape: [1, 2, 2, 1], data: Float32Array.from(pixels) };
  const [dx] = computeOn('wasm', [x], (images) =>
    tf.grad((t) => tf.maxPool(t.as4D(1, 2, 2, 1), 2, 2, 'valid').sum())(images),
  );
  expect(Array.from(dx.data)).toEqual(expected);
});
