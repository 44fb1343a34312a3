// What a loss computes beside itself leaves the step as it is: only uses that reach the loss count.

import type { Scalar } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { eva, foof, kfac, nysact, type TfjsOptimizer } from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { clouds, crossEntropy, meanSquare, outputOf, perceptron, weightsOf } from './models.js';

type Model = ReturnType<typeof perceptron>;

const CADENCE = { observeEvery: 1, refreshEvery: 1, damping: 0.1, momentum: 0.9 } as const;

const CASES: readonly (readonly [string, () => TfjsOptimizer])[] = [
  ['kfac', () => kfac(tf, CADENCE)],
  ['eva', () => eva(tf, CADENCE)],
  ['foof', () => foof(tf, CADENCE)],
  ['nysact', () => nysact(tf, { ...CADENCE, rank: 3 })],
];

/** The weights after three steps, each of which computes something beside its loss. */
function trained(make: () => TfjsOptimizer, beside: (model: Model) => void): number[][] {
  const [model, optimizer] = [perceptron(), make()];
  const data = clouds(32);
  const loss = crossEntropy(model, data);
  for (let k = 0; k < 3; k++) {
    optimizer.minimize((): Scalar => {
      beside(model);
      return loss();
    });
  }
  const weights = weightsOf(model);
  tf.dispose([data.x, data.y]);
  for (const one of [model, optimizer]) one.dispose();
  return weights;
}

onBackends(['wasm', 'cpu'], () => {
  describe.each(CASES)('%s', (_, make) => {
    test.each([80, 32, 1])('a prediction of %d examples changes nothing', (examples) => {
      const { x, y } = clouds(examples, 6, 2);
      const plain = trained(make, () => {});
      expect(trained(make, (model) => model.predict(x))).toEqual(plain);
      // As a target is made: what it gives has no gradient.
      expect(trained(make, (model) => outputOf(model, x).argMax(1))).toEqual(plain);
      tf.dispose([x, y]);
    });

    test('the gradient of something else, only looked at, changes nothing', () => {
      const { x, y } = clouds(9, 6, 3);
      const saliency = (model: Model): void => {
        const slope = tf.grad((input) => outputOf(model, input).sum().mul(1000));
        expect(slope(x).abs().max().dataSync()[0]).toBeGreaterThan(0);
      };
      expect(trained(make, saliency)).toEqual(trained(make, () => {}));
      tf.dispose([x, y]);
    });

    test('the loss of another model inside the loss changes nothing', () => {
      const [other, data] = [perceptron(6, 99), clouds(20, 6, 4)];
      const plain = trained(make, () => {});
      expect(trained(make, () => tf.variableGrads(crossEntropy(other, data)))).toEqual(plain);
      tf.dispose([data.x, data.y]);
      other.dispose();
    });

    test('a gradient penalty trains, and leaves nothing behind', () => {
      const model = tf.sequential({
        layers: [
          tf.layers.dense({
            inputShape: [6],
            units: 4,
            activation: 'tanh',
            kernelInitializer: tf.initializers.glorotNormal({ seed: 1 }),
          }),
          tf.layers.dense({
            units: 1,
            kernelInitializer: tf.initializers.glorotNormal({ seed: 2 }),
          }),
        ],
      });
      const { x, y } = clouds(12);
      const slope = tf.grad((input) => outputOf(model, input).sum());
      const error = meanSquare(model, x);
      const loss = (): Scalar => slope(x).square().mean().add(error()).asScalar();
      const optimizer = make();
      optimizer.learningRate = 0.01;
      const [first] = tf.tidy(() => loss().dataSync());
      optimizer.minimize(loss);
      const { numTensors } = tf.memory();
      for (let k = 0; k < 20; k++) optimizer.minimize(loss);
      expect(tf.memory().numTensors).toBe(numTensors);
      const [last] = tf.tidy(() => loss().dataSync());
      expect(last).toBeLessThan(first);
      tf.dispose([x, y]);
      for (const one of [model, optimizer]) one.dispose();
    });
  });
});
