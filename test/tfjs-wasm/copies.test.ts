// Kernels that copy, on the wasm backend, against the cpu backend: the same bits.

import { fc, test } from '@fast-check/vitest';
import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect } from 'vitest';
import { computeOn, expectAgreement, tf, withKernels } from './backend.js';
import { withGuards } from './guarded.js';
import { fractions, wholes } from './values.js';

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
  test.prop([parts])(
    'goes to the end of an axis if the size is −1 or missing',
    ({ shape, cut }) => {
      const begin = cut.map(([from]) => from);
      const open = begin.map(() => -1);
      expectAgreement(
        [wholes(shape, 1)],
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
    const x = wholes([3, 4], 1);
    const [part, whole] = computeOn('wasm', [x], (t) => [tf.slice(t, 1, 1), t]);
    expect(part.data).toEqual(x.data.subarray(4, 8));
    expect(whole.data).toEqual(x.data);
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
    expectAgreement(
      [wholes([2, 3], 1)],
      (x) => tf.grad((t) => tf.sum(tf.square(tf.clone(t))))(x),
      0,
    );
  });

  test('of integers computes as before', () => {
    expectAgreement([], () => tf.clone(tf.tensor1d([1, 2, 3], 'int32')), 0);
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
