// Several computations of gradients before a step are micro-batches of one batch, of whatever sizes.

import type { NamedTensorMap, Scalar, Tensor } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { eva, foof, kfac, nysact, type TfjsOptimizer } from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { clouds, outputOf, perceptron, weightsOf } from './models.js';

const CADENCE = { observeEvery: 2, refreshEvery: 2, learningRate: 0.05, momentum: 0.9 } as const;

const OPTIMIZERS: readonly (readonly [string, () => TfjsOptimizer])[] = [
  ['nysact', () => nysact(tf, { ...CADENCE, rank: 3 })],
  ['foof', () => foof(tf, CADENCE)],
  ['kfac', () => kfac(tf, CADENCE)],
  ['eva', () => eva(tf, CADENCE)],
];

/** Examples from one number to another. */
type Part = readonly [from: number, to: number];

/** The mean loss over some examples. */
function lossOf(
  model: ReturnType<typeof perceptron>,
  { x, y }: ReturnType<typeof clouds>,
  [from, to]: Part,
): () => Scalar {
  const part = (all: Tensor) => tf.slice(all, [from, 0], [to - from, all.shape[1] ?? 1]);
  return () => tf.losses.softmaxCrossEntropy(part(y), outputOf(model, part(x))).asScalar();
}

/** One step over micro-batches, with the mean of their gradients over all examples. */
function accumulate(
  optimizer: TfjsOptimizer,
  losses: readonly (() => Scalar)[],
  parts: readonly Part[],
): void {
  const examples = parts.reduce((sum, [from, to]) => sum + to - from, 0);
  const sums = new Map<string, Tensor>();
  losses.forEach((loss, k) => {
    const { value, grads } = optimizer.computeGradients(loss);
    const share = (parts[k][1] - parts[k][0]) / examples;
    for (const [name, gradient] of Object.entries(grads)) {
      const old = sums.get(name);
      const scaled = tf.tidy(() => {
        const own = gradient.mul(share);
        return old === undefined ? own : old.add(own);
      });
      old?.dispose();
      sums.set(name, scaled);
    }
    value.dispose();
    tf.dispose(grads);
  });
  const mean: NamedTensorMap = Object.fromEntries(sums);
  optimizer.applyGradients(mean);
  tf.dispose(mean);
}

/** The weights after six steps over parts of twelve examples. */
function trained(make: () => TfjsOptimizer, parts: readonly Part[]): number[] {
  const [model, optimizer, data] = [perceptron(), make(), clouds(12)];
  const losses = parts.map((part) => lossOf(model, data, part));
  const before = tf.memory().numTensors;
  accumulate(optimizer, losses, parts);
  accumulate(optimizer, losses, parts);
  const during = tf.memory().numTensors;
  for (let k = 0; k < 4; k++) accumulate(optimizer, losses, parts);
  expect(tf.memory().numTensors).toBe(during);
  const weights = weightsOf(model).flat();
  optimizer.dispose();
  expect(tf.memory().numTensors).toBe(before);
  tf.dispose([data.x, data.y]);
  model.dispose();
  return weights;
}

onBackends(['wasm', 'cpu'], () => {
  describe.each(OPTIMIZERS)('%s', (_, make) => {
    test.each<[string, readonly Part[]]>([
      [
        'of one size',
        [
          [0, 4],
          [4, 8],
          [8, 12],
        ],
      ],
      [
        'of mixed sizes',
        [
          [0, 7],
          [7, 8],
          [8, 12],
        ],
      ],
    ])('micro-batches %s take the step of the whole batch', (__, parts) => {
      const whole = trained(make, [[0, 12]]);
      const split = trained(make, parts);
      // Sums of 12 rows in another order, in six steps; an inverse makes ten times as much of it.
      split.forEach((weight, i) => {
        expect(Math.abs(weight - whole[i])).toBeLessThanOrEqual(10 * 6 * 12 * 2 ** -23);
      });
    });

    test('short last batches of model.fit are batches of their own size', async () => {
      const [fitted, stepped] = [perceptron(), perceptron()];
      const [a, b] = [make(), make()];
      const data = clouds(10);
      fitted.compile({
        optimizer: a,
        loss: (truth, prediction) => tf.losses.softmaxCrossEntropy(truth, prediction),
      });
      await fitted.fit(data.x, data.y, { batchSize: 4, epochs: 2, shuffle: false });
      for (let epoch = 0; epoch < 2; epoch++) {
        for (const part of [
          [0, 4],
          [4, 8],
          [8, 10],
        ] as const) {
          b.minimize(lossOf(stepped, data, part));
        }
      }
      expect(a.iterations).toBe(6);
      expect(weightsOf(fitted)).toEqual(weightsOf(stepped));
      tf.dispose([data.x, data.y]);
      for (const one of [fitted, stepped, a, b]) one.dispose();
    });
  });

  test('what was seen before a step is let go of: by the step, by one that throws, and by dispose', () => {
    const [model, optimizer, data] = [perceptron(), kfac(tf, CADENCE), clouds(12)];
    const loss = lossOf(model, data, [0, 12]);
    optimizer.minimize(loss);
    optimizer.minimize(loss);
    const before = tf.memory().numTensors;
    const compute = (): NamedTensorMap => {
      const { value, grads } = optimizer.computeGradients(loss);
      value.dispose();
      return grads;
    };
    const [first, second] = [compute(), compute()];
    expect(() =>
      optimizer.applyGradients({ none: tf.tidy(() => first[Object.keys(first)[0]]) }),
    ).toThrow(RangeError);
    tf.dispose([first, second]);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(compute());
    expect(tf.memory().numTensors).toBeGreaterThan(before);
    optimizer.dispose();
    expect(tf.memory().numTensors).toBeLessThan(before);
    tf.dispose([data.x, data.y]);
    model.dispose();
  });
});
