// Kernels that copy, on the wasm backend, against the cpu backend: the same bits.

import { fc, test } from '@fast-check/vitest';
import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect } from 'vitest';
import { computeOn, expectAgreement, tf, withKernels } from './backend.js';
import { withGuards } from './guarded.js';
import { fractions } from './values.js';

const checkGuards = withGuards();
withKernels();

/** Shapes with lengths about the widths of vectors, few elements, and axes of length 1. */
const shapes = fc.oneof(
  fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 2 }),
  fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 4 }),
  fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 5, maxLength: 6 }),
);
const dtypes = fc.constantFrom('float32', 'int32');
const draws = fc.record({ shape: shapes, dtype: dtypes, seed: fc.nat() });

/** What `compute` makes of a tensor is the same on both backends, of either dtype; nobody writes elsewhere. */
function expectSame(
  { shape, dtype, seed }: { shape: number[]; dtype: 'float32' | 'int32'; seed: number },
  compute: (x: Tensor) => Tensor | Tensor[],
): void {
  expectAgreement([fractions(shape, seed)], (x) => compute(x.mul(1000).cast(dtype)), 0);
  checkGuards();
}

/** The numbers from 0 to n − 1 in an order that the seed draws. */
function permutation(n: number, seed: number): number[] {
  const keys = fractions([n], seed).data;
  return Array.from(keys.keys()).toSorted((a, b) => keys[a] - keys[b]);
}

describe('the same bits as on the cpu backend', () => {
  test.prop([draws])('tf.transpose', (draw) => {
    const order = permutation(draw.shape.length, draw.seed);
    expectSame(draw, (x) => x.transpose(order));
  });

  test.prop([draws, fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 6, maxLength: 6 })])(
    'tf.tile',
    (draw, repetitions) => {
      expectSame(draw, (x) => tf.tile(x, repetitions.slice(0, x.rank)));
    },
  );

  test.prop([draws])('tf.slice', (draw) => {
    const { data } = fractions([2, draw.shape.length], draw.seed);
    const begin = draw.shape.map((length, i) => Math.floor(Math.abs(data[2 * i]) * length));
    const size = draw.shape.map((length, i) => {
      return 1 + Math.floor(Math.abs(data[2 * i + 1]) * (length - begin[i] - 1));
    });
    expectSame(draw, (x) => tf.slice(x, begin, size));
    expectSame(draw, (x) => tf.slice(x, begin));
  });

  test.prop([draws, fc.nat(5), fc.boolean()])('tf.unstack and tf.stack', (draw, at, negative) => {
    const { length } = draw.shape;
    const axis = (at % length) - (negative ? length : 0);
    expectSame(draw, (x) => tf.unstack(x, axis));
    // A tensor of seven axes is none.
    if (length > 5) return;
    expectSame(draw, (x) => tf.stack([x, x.neg(), x.square()], axis));
  });

  test.prop([draws, fc.nat(5)])('tf.split and tf.concat', (draw, at) => {
    const axis = at % draw.shape.length;
    const first = Math.ceil(draw.shape[axis] / 2);
    expectSame(draw, (x) => {
      const doubled = tf.concat([x, x.neg()], axis);
      const rest = 2 * draw.shape[axis] - first;
      return [doubled, ...tf.split(doubled, [first, rest], axis), ...tf.split(doubled, 2, axis)];
    });
  });

  test.prop([draws])('tf.clone and tf.cast', (draw) => {
    expectSame(draw, (x) => [x.clone(), x.toInt(), x.toFloat()]);
  });
});

describe('data that is shared', () => {
  test.prop([draws])('lives as long as one tensor of it does', ({ shape, seed }) => {
    const values = fractions(shape, seed);
    const [kept] = computeOn('wasm', [values], (x) => {
      const y = x.clone();
      const z = y.transpose(Array.from(shape.keys()));
      x.dispose();
      y.dispose();
      // Memory that was freed would be taken anew.
      tf.fill(shape, 7);
      return z;
    });
    expect(kept.data).toEqual(values.data);
  });
});
