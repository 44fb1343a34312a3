// Gradients of poolings by our kernels: against the cpu backend where it is right, and against differences.

import { fc, test } from '@fast-check/vitest';
import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect } from 'vitest';
import { computeOn, expectAgreement, tf, type Values, withKernels } from './backend.js';
import { withGuards } from './guarded.js';
import { differences, inner, shuffled, wholes } from './values.js';

type Pair = [number, number];
type Padding = Parameters<typeof tf.maxPool>[3];

interface Pooling {
  readonly batch: number;
  readonly image: Pair;
  readonly channels: number;
  readonly window: Pair;
  readonly strides: Pair;
  readonly pad: Padding;
  readonly seed: number;
}

function pairs(max: number): fc.Arbitrary<Pair> {
  return fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));
}

const common = {
  batch: fc.integer({ min: 1, max: 3 }),
  image: pairs(8),
  seed: fc.nat(),
};

const poolings: fc.Arbitrary<Pooling> = fc
  .record({
    ...common,
    channels: fc.constantFrom(1, 2, 3, 4, 5, 8, 9),
    window: pairs(4),
    strides: pairs(5),
    pad: fc.oneof(fc.constantFrom('same' as const, 'valid' as const), fc.nat(3)),
  })
  .filter((pooling) => outputOf(pooling).every((length) => length > 0));

/** Such as TensorFlow.js's own forward kernels know: at least two pixels, of which some are in the image. */
const known: fc.Arbitrary<Pooling> = fc
  .record({
    ...common,
    channels: fc.constantFrom(1, 2, 5),
    image: pairs(5),
    batch: fc.constant(1),
    side: fc.constantFrom(2, 3),
    stride: fc.integer({ min: 1, max: 3 }),
    pad: fc.constantFrom('same' as const, 'valid' as const, 1),
  })
  .map(({ side, stride, ...rest }): Pooling => {
    return { ...rest, window: [side, side], strides: [stride, stride] };
  })
  .filter((pooling) => outputOf(pooling).every((length) => length > 0));

function inputOf({ batch, image, channels }: Pooling): [number, number, number, number] {
  return [batch, ...image, channels];
}

function outputOf(pooling: Pooling): number[] {
  const { window, strides, pad, batch, channels } = pooling;
  const info = tf.backend_util.computePool2DInfo(inputOf(pooling), window, strides, 1, pad);
  return [batch, info.outHeight, info.outWidth, channels];
}

/** The gradient kernel itself, as the gradient of the operation calls it. */
function gradient(name: 'MaxPoolGrad' | 'AvgPoolGrad', { window, strides, pad }: Pooling) {
  return (input: Tensor, dy: Tensor): Tensor | Tensor[] =>
    tf.engine().runKernel(name, { dy, input, output: dy }, { filterSize: window, strides, pad });
}

/** The operation, and its gradient for dy. */
function pooled(name: 'maxPool' | 'avgPool', pooling: Pooling) {
  const { window, strides, pad } = pooling;
  const pool = (x: Tensor) => tf[name](x.as4D(...inputOf(pooling)), window, strides, pad);
  return (x: Tensor, dy: Tensor) => [pool(x), tf.grad(pool)(x, dy)];
}

const NEGATIVE: Pooling = {
  batch: 1,
  image: [2, 2],
  channels: 1,
  window: [2, 2],
  strides: [2, 2],
  pad: 'valid',
  seed: 0,
};
const BORDERS: Pooling = { ...NEGATIVE, strides: [1, 1], pad: 'same' };

const negative: Values = { shape: [1, 2, 2, 1], data: Float32Array.of(-4, -2, -3, -5) };
const ones: Values = { shape: [1, 2, 2, 1], data: Float32Array.of(1, 1, 1, 1) };
const one: Values = { shape: [1, 1, 1, 1], data: Float32Array.of(1) };

/** Where TensorFlow.js 4.22 is wrong, the right gradients. */
const LARGEST = [0, 1, 0, 0];
const SHARES = [1 / 4, 1 / 4 + 1 / 2, 1 / 4 + 1 / 2, 1 / 4 + 1 / 2 + 1 / 2 + 1];

describe('our kernels', () => {
  const checkGuards = withGuards();
  withKernels();

  test('are right where others are wrong', () => {
    const [, largest] = computeOn('wasm', [negative, one], pooled('maxPool', NEGATIVE));
    expect(Array.from(largest.data)).toEqual(LARGEST);
    const [, shares] = computeOn('wasm', [negative, ones], pooled('avgPool', BORDERS));
    expect(Array.from(shares.data)).toEqual(SHARES);
  });

  test.prop([poolings, fc.boolean()])(
    'give the gradient of max pooling to the pixels that the cpu backend gives it to, ties included',
    (pooling, ties) => {
      const x = (ties ? wholes : shuffled)(inputOf(pooling), pooling.seed);
      const dy = wholes(outputOf(pooling), pooling.seed + 1);
      expectAgreement([x, dy], gradient('MaxPoolGrad', pooling), 0);
      checkGuards();
    },
  );

  test.prop([known], { numRuns: 30 })('of max pooling equals differences', (pooling) => {
    const x = shuffled(inputOf(pooling), pooling.seed);
    const dy = wholes(outputOf(pooling), pooling.seed + 1);
    const [, dx] = computeOn('wasm', [x, dy], pooled('maxPool', pooling));
    // Pixels are 1 apart: no other becomes the largest, and all sums are exact.
    const expected = differences(x, 0.25, (moved) => {
      const [y] = computeOn('wasm', [moved, dy], pooled('maxPool', pooling));
      return inner(y, dy);
    });
    expect(Array.from(dx.data)).toEqual(expected);
  });

  test.prop([known], { numRuns: 30 })('of average pooling equals differences', (pooling) => {
    const x = wholes(inputOf(pooling), pooling.seed);
    const dy = wholes(outputOf(pooling), pooling.seed + 1);
    const [, dx] = computeOn('wasm', [x, dy], pooled('avgPool', pooling));
    const expected = differences(x, 1, (moved) => {
      const [y] = computeOn('wasm', [moved, dy], pooled('avgPool', pooling));
      return inner(y, dy);
    });
    // An average of up to nine numbers up to 5 rounds ten times at most, and is weighted by up to 4; what
    // is compared with it rounds as often, on numbers up to 4.
    const tolerance = 2 * dy.data.length * 10 * 2 ** -24 * 5 * 4;
    dx.data.forEach((value, i) => {
      expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(tolerance);
    });
  });

  test.prop([poolings])('of average pooling writes all of its result, and no more', (pooling) => {
    const [x, dy] = [wholes(inputOf(pooling), 1), wholes(outputOf(pooling), 2)];
    const [dx] = computeOn('wasm', [x, dy], gradient('AvgPoolGrad', pooling));
    expect(dx.data.every(Number.isFinite)).toBe(true);
    checkGuards();
  });

  test('take an output that was rounded up, which its gradient alone shows', () => {
    const pooling: Pooling = { ...NEGATIVE, image: [3, 3], pad: 0 };
    const x = { shape: [1, 3, 3, 1], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9) };
    const pool = (t: Tensor) => tf.maxPool(t.as4D(1, 3, 3, 1), [2, 2], [2, 2], pooling.pad, 'ceil');
    const [dx] = computeOn('wasm', [x, ones], (t, dy) => tf.grad(pool)(t, dy));
    expect(Array.from(dx.data)).toEqual([0, 0, 0, 0, 1, 1, 0, 1, 1]);
  });

  test('leave other numbers than float32 to what was there before', () => {
    const dtype = tf.tidy(() => {
      const x = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1], 'int32');
      const dy = tf.ones([1, 1, 1, 1]);
      const attrs = { filterSize: 2, strides: 2, pad: 'valid' };
      const result = tf.engine().runKernel('AvgPoolGrad', { dy, input: x }, attrs);
      return [result].flat()[0].dtype;
    });
    expect(dtype).toBe('int32');
  });
});

describe('TensorFlow.js 4.22 itself, of which these say when it is mended', () => {
  test('takes the first pixel for the largest where all are negative on wasm', async () => {
    await tf.setBackend('wasm');
    const [, wasm] = computeOn('wasm', [negative, one], pooled('maxPool', NEGATIVE));
    const [, cpu] = computeOn('cpu', [negative, one], pooled('maxPool', NEGATIVE));
    expect(Array.from(wasm.data)).toEqual([1, 0, 0, 0]);
    expect(Array.from(cpu.data)).toEqual(LARGEST);
  });

  test.each(['wasm', 'cpu'] as const)(
    'divides by whole windows at borders on %s',
    async (backend) => {
      await tf.setBackend('wasm');
      const [, dx] = computeOn(backend, [negative, ones], pooled('avgPool', BORDERS));
      expect(Array.from(dx.data)).toEqual([1 / 4, 1 / 2, 1 / 2, 1]);
    },
  );
});
