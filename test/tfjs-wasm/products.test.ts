// Products on the wasm backend, by our kernels, against the cpu backend.

import { fc, test } from '@fast-check/vitest';
import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect } from 'vitest';
import { computeOn, expectAgreement, tf, withKernels } from './backend.js';
import { fractions, roundingOf, wholes } from './values.js';

withKernels();

/** Lengths about the widths of tiles and panels. */
const length = fc.oneof(fc.constantFrom(1, 4, 5, 8, 16), fc.integer({ min: 1, max: 40 }));

/** Shapes of batches that go together, a single matrix among them. */
const batches: fc.Arbitrary<readonly [readonly number[], readonly number[]]> = fc.constantFrom(
  [[], []],
  [[3], [3]],
  [[1], [1]],
  [
    [2, 3],
    [2, 3],
  ],
  [[4], [1]],
  [[1], [4]],
  [[4], []],
  [[], [4]],
  [
    [2, 2],
    [1, 1],
  ],
);

const products = fc.record({
  m: length,
  n: length,
  k: length,
  batch: batches,
  transposeA: fc.boolean(),
  transposeB: fc.boolean(),
  seed: fc.nat(),
});

type Product = typeof products extends fc.Arbitrary<infer P> ? P : never;

/** The shapes of both operands as they lie. */
function shapesOf({ m, n, k, batch: [a, b], transposeA, transposeB }: Product): number[][] {
  return [
    [...a, ...(transposeA ? [k, m] : [m, k])],
    [...b, ...(transposeB ? [n, k] : [k, n])],
  ];
}

describe('tf.matMul', () => {
  test.prop([products])('of integers is exact in all transpositions and batches', (product) => {
    const [a, b] = shapesOf(product).map((shape, i) => wholes(shape, product.seed + i));
    const { transposeA, transposeB } = product;
    expectAgreement([a, b], (x, y) => tf.matMul(x, y, transposeA, transposeB), 0);
  });

  test.prop([products])('of any numbers is exact but for rounding', (product) => {
    const [a, b] = shapesOf(product).map((shape, i) => fractions(shape, product.seed + i));
    const { transposeA, transposeB, k } = product;
    const multiply = (x: Tensor, y: Tensor) => tf.matMul(x, y, transposeA, transposeB);
    expectAgreement([a, b], multiply, roundingOf(k));
  });

  test.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])('is exact beyond one block of each length, transposed %s and %s', (transposeA, transposeB) => {
    const shapes = shapesOf({
      m: 131,
      n: 1030,
      k: 270,
      batch: [[], []],
      seed: 0,
      transposeA,
      transposeB,
    });
    const [a, b] = shapes.map((shape, i) => wholes(shape, i));
    expectAgreement([a, b], (x, y) => tf.matMul(x, y, transposeA, transposeB), 0);
  });

  test.prop([products])('has exact gradients', (product) => {
    const [a, b] = shapesOf(product).map((shape, i) => wholes(shape, product.seed + i));
    const { batch, transposeA, transposeB, m, n } = product;
    // TensorFlow.js does not sum the gradient of one matrix of several products.
    fc.pre(String(batch[0]) === String(batch[1]));
    const dy = wholes([...batch[0], m, n], product.seed + 2);
    const multiply = (x: Tensor, y: Tensor) => tf.matMul(x, y, transposeA, transposeB);
    expectAgreement([a, b, dy], (x, y, d) => tf.grads(multiply)([x, y], d), 0);
  });

  test('of whole numbers and of empty matrices is left to what was there before', () => {
    const multiplied = tf.tidy(() => {
      const a = tf.tensor2d([1, 2, 3, 4], [2, 2], 'int32');
      const { dtype } = tf.matMul(tf.cast(a, 'float32'), tf.eye(2));
      return [dtype, tf.matMul(tf.zeros([0, 3]), tf.zeros([3, 2])).shape];
    });
    expect(multiplied).toEqual(['float32', [0, 2]]);
  });

  test.each([Number.NaN, Infinity])('a %s reaches its row and its column, and no more', (bad) => {
    const [a, b] = [wholes([7, 9], 1), wholes([9, 11], 2)];
    a.data[2 * 9 + 3] = bad;
    b.data[4 * 11 + 5] = bad;
    const [{ data }] = computeOn('wasm', [a, b], (x, y) => tf.matMul(x, y));
    const found = Array.from(data, (value) => Number.isFinite(value));
    const expected = found.map((_, i) => Math.floor(i / 11) !== 2 && i % 11 !== 5);
    // 0·∞ is NaN, and no other element of the row is finite either.
    expect(found).toEqual(expected);
  });
});

/** What our kernels apply, and what is left to what was there before. */
const KNOWN = ['linear', 'relu', 'relu6', 'leakyrelu'] as const;
const LEFT = ['sigmoid', 'elu', 'prelu'] as const;

describe('tf.fused.matMul', () => {
  test.prop([products, fc.constantFrom('none', 'columns', 'one')])(
    'adds the bias and applies what is known of activations exactly',
    (product, bias) => {
      const [a, b] = shapesOf(product).map((shape, i) => wholes(shape, product.seed + i));
      const { transposeA, transposeB, n } = product;
      const added = wholes([bias === 'one' ? 1 : n], product.seed + 2);
      for (const activation of KNOWN) {
        expectAgreement(
          [a, b, added],
          (x, y, z) =>
            tf.fused.matMul({
              a: x,
              b: y,
              transposeA,
              transposeB,
              activation,
              // A power of two: what it multiplies stays exact.
              leakyreluAlpha: 0.25,
              ...(bias === 'none' ? {} : { bias: z }),
            }),
          0,
        );
      }
    },
  );

  test.prop([products, fc.constantFrom(...KNOWN)])(
    'any numbers but for rounding',
    (product, activation) => {
      const [a, b] = shapesOf(product).map((shape, i) => fractions(shape, product.seed + i));
      const { transposeA, transposeB, k, n } = product;
      const fused = (x: Tensor, y: Tensor, bias: Tensor) =>
        tf.fused.matMul({ a: x, b: y, transposeA, transposeB, activation, bias });
      // No activation has a slope above 1.
      expectAgreement([a, b, fractions([n], product.seed + 2)], fused, roundingOf(k));
    },
  );

  test.prop([products, fc.constantFrom(...LEFT)])(
    'leaves other activations to what was there',
    (product, activation) => {
      // Of transposed operands and batches, TensorFlow.js's own kernel adds the bias to some elements only.
      const plain: Product = { ...product, batch: [[], []], transposeA: false, transposeB: false };
      const [a, b] = shapesOf(plain).map((shape, i) => fractions(shape, plain.seed + i));
      const more = activation === 'prelu' ? [fractions([1], plain.seed + 3)] : [];
      const fused = (x: Tensor, y: Tensor, bias: Tensor, slope?: Tensor) =>
        tf.fused.matMul({
          a: x,
          b: y,
          activation,
          bias,
          ...(slope === undefined ? {} : { preluActivationWeights: slope }),
        });
      // Their e^x is good to some units.
      const tolerance = roundingOf(plain.k) + 2 ** -20;
      expectAgreement([a, b, fractions([plain.n], plain.seed + 2), ...more], fused, tolerance);
    },
  );

  test('a NaN passes through every activation', () => {
    for (const activation of KNOWN) {
      // One element among those that are done four at a time, and one of the rest.
      const [{ data }] = computeOn('wasm', [wholes([1, 1], 0)], () =>
        tf.fused.matMul({
          a: tf.ones([1, 1]),
          b: tf.tensor2d([1, Number.NaN, 1, 1, 1, Number.NaN], [1, 6]),
          activation,
        }),
      );
      expect(Array.from(data, Number.isNaN)).toEqual([false, true, false, false, false, true]);
    }
  });
});
