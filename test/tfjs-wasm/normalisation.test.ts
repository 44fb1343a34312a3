// Normalisation by given moments on the wasm backend, by our kernels, and its gradients.

import { fc, test } from '@fast-check/vitest';
import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect } from 'vitest';
import { computeOn, expectAgreement, tf, type Values, withKernels } from './backend.js';
import { withGuards } from './guarded.js';
import { fractions } from './values.js';

const checkGuards = withGuards();
withKernels();

const ROUNDOFF = 2 ** -24;

/** Deviations are between 1 and √2 with it: |r| ≤ 1 for the inverse. */
const EPSILON = 1;

/** Rows about the length of a block, columns about that of a vector. */
const rows = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 120, max: 300 }));
const setups = fc.record({
  leading: fc.oneof(
    rows.map((n) => [n]),
    fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
    fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 40 }), fc.constant(3)),
  ),
  columns: fc.integer({ min: 1, max: 37 }),
  /** Whether every element has moments of its own, as layer normalisation asks. */
  isFull: fc.boolean(),
  hasScale: fc.boolean(),
  hasOffset: fc.boolean(),
  seed: fc.nat(),
});

type Setup = typeof setups extends fc.Arbitrary<infer S> ? S : never;

/** x, the weights of its result in a sum, and the parameters that there are, all in [−1, 1]. */
function valuesOf({ leading, columns, isFull, hasScale, hasOffset, seed }: Setup): Values[] {
  const shape = [...leading, columns];
  const own = isFull ? shape : [columns];
  const variance = fractions(own, seed + 3);
  return [
    fractions(shape, seed),
    fractions(shape, seed + 1),
    fractions(own, seed + 2),
    { ...variance, data: variance.data.map(Math.abs) },
    ...(hasScale ? [fractions(own, seed + 4)] : []),
    ...(hasOffset ? [fractions(own, seed + 5)] : []),
  ];
}

function normalised({ hasScale, hasOffset }: Setup, [x, mean, variance, ...rest]: Tensor[]) {
  const scale = hasScale ? rest[0] : undefined;
  const offset = hasOffset ? rest.at(-1) : undefined;
  return tf.batchNorm(x, mean, variance, offset, scale, EPSILON);
}

/** TensorFlow.js has no gradient without a scale or an offset. */
const scaled = setups.map((setup) => ({ ...setup, hasScale: true, hasOffset: true }));

describe('tf.batchNorm', () => {
  test.prop([setups])('agrees with the cpu backend but for rounding', (setup) => {
    // (x − mean)·r·scale + offset is at most 3, and comes of seven operations on either side.
    const tolerance = 2 * 7 * ROUNDOFF * 3;
    expectAgreement(
      valuesOf(setup),
      (x, _weights, ...parameters) => normalised(setup, [x, ...parameters]),
      tolerance,
    );
    checkGuards();
  });

  test.prop([scaled])('has the gradients of TensorFlow.js on the cpu backend', (setup) => {
    const values = valuesOf(setup);
    const count = setup.isFull ? 1 : setup.leading.reduce((product, n) => product * n, 1);
    // Sums of terms of at most 2, each of no more than twelve operations, in any order.
    const tolerance = 2 * (count + 12) * ROUNDOFF * 2 * count;
    expectAgreement(
      values,
      (x, weights, ...parameters) =>
        tf.grads((...inputs) => normalised(setup, inputs).mul(weights).sum())([x, ...parameters]),
      tolerance,
    );
    checkGuards();
  });

  test.prop([scaled, fc.integer({ min: 0, max: 4 })])(
    'has gradients that are limits of differences',
    (setup, which) => {
      const [x, weights, ...parameters] = valuesOf(setup);
      const inputs = [x, ...parameters];
      const index = which % inputs.length;
      const step = 1 / 16;
      const direction = fractions(inputs[index].shape, setup.seed + 9).data;
      const shifted = (sign: number) =>
        inputs.map((input, i) =>
          i === index
            ? { ...input, data: input.data.map((v, j) => v + sign * step * direction[j]) }
            : input,
        );
      const result = (sign: number) =>
        computeOn('wasm', shifted(sign), (...t) => normalised(setup, t))[0].data;
      const [ahead, behind] = [result(1), result(-1)];
      const gradient = computeOn('wasm', [weights, ...inputs], (w, ...t) => {
        return tf.grads((...u) => normalised(setup, u).mul(w).sum())(t)[index];
      })[0].data;
      const difference = ahead.reduce(
        (sum, v, i) => sum + ((v - behind[i]) / (2 * step)) * weights.data[i],
        0,
      );
      const slope = gradient.reduce((sum, g, i) => sum + g * direction[i], 0);
      // Linear but in the variance, whose third derivative is at most 15/8·2·(15/16)^−3.5 an element.
      const truncation = ((15 / 8) * 2 * 1.3 * step ** 2) / 6;
      const rounding = (2 * 9 * 3 * ROUNDOFF) / step + (ahead.length + 12) * ROUNDOFF * 4;
      const bound = ahead.length * (rounding + truncation * Number(index === 2));
      expect(Math.abs(difference - slope)).toBeLessThanOrEqual(bound);
    },
  );

  test.prop([scaled])('sums gradients of moments that were broadcast from four axes', (setup) => {
    const flat = { ...setup, isFull: false, leading: [2, 3, 5] };
    const values = valuesOf(flat);
    const gradients = (rank: number) =>
      computeOn('wasm', values, (x, weights, ...parameters) => {
        const reshaped = parameters.map((p) => (rank === 4 ? p.reshape([1, 1, 1, -1]) : p));
        return tf.grads((...t) => normalised(flat, t).mul(weights).sum())([x, ...reshaped]);
      }).map(({ data }) => data);
    expect(gradients(4)).toEqual(gradients(1));
  });
});

describe('layers', () => {
  test.prop([fc.integer({ min: 1, max: 9 }), fc.integer({ min: 2, max: 20 }), fc.nat()])(
    'of layer normalisation have gradients that agree with the cpu backend',
    (tokens, width, seed) => {
      const values = [fractions([3, tokens, width], seed), fractions([3, tokens, width], seed + 1)];
      // Variances are at least EPSILON, so every factor is at most 2; a sum over all elements is the longest.
      const count = 3 * tokens * width;
      expectAgreement(
        values,
        (x, weights) => {
          const layer = tf.layers.layerNormalization({ epsilon: EPSILON });
          layer.build(x.shape);
          const loss = (t: Tensor) => [layer.call(t, {})].flat()[0].mul(weights).sum();
          const { grads, value } = tf.variableGrads(() => loss(x).asScalar());
          const dx = tf.grad(loss)(x);
          value.dispose();
          const parameters = layer.trainableWeights.map(({ name }) => grads[name]);
          for (const weight of layer.weights) weight.dispose();
          return [dx, ...parameters];
        },
        2 * (count + 40) * ROUNDOFF * 4 * count,
      );
    },
  );
});
