// The architectures of the experiments have the weights that were published, and can be trained.

import { afterAll, describe, expect, test } from 'vitest';
import { startTensorflow } from '../../bench/data/tensorflow.js';
import { bottleneckNetwork } from '../../bench/experiments/models/bottleneck.js';
import { denselyConnected } from '../../bench/experiments/models/dense.js';
import { ARCHITECTURES } from '../../bench/experiments/models/index.js';
import { residualNetwork } from '../../bench/experiments/models/residual.js';
import { visionTransformer } from '../../bench/experiments/models/vision-transformer.js';
import { nysact } from '../../src/tfjs/index.js';
import { registerKernels } from '../../src/tfjs-wasm/index.js';

const tf = await startTensorflow();
const registered = await registerKernels(tf);
afterAll(() => {
  registered.restore();
});

describe.each(Object.values(ARCHITECTURES))(
  '$name',
  ({ make, classes, side, channels = 3, published, differs, paper }) => {
    test('has as many weights as were published, but for what is said to differ', () => {
      const model = make(tf, { classes, side, channels, seed: 1, weights: 'zeros' });
      const trained = model.trainableWeights.reduce(
        (sum, { shape }) => sum + tf.util.sizeFromShape(shape.map(Number)),
        0,
      );
      expect(trained - (differs?.by ?? 0)).toBe(published);
      expect(model.outputs[0].shape).toEqual([null, classes]);
      const millions = published / 1e6;
      const isRounded =
        paper === undefined ||
        Math.abs(paper.millions - millions) <= 0.5 * 10 ** -(paper.millions < 1 ? 1 : 0);
      expect(isRounded || paper?.note !== undefined).toBe(true);
      model.dispose();
    });
  },
);

test('the same seed gives the same weights, and another one others', () => {
  const [a, b, c] = [1, 1, 2].map((seed) => {
    const model = residualNetwork(1)(tf, { classes: 10, side: 8, seed });
    const [kernel] = model.getWeights();
    const values = [...kernel.dataSync()];
    model.dispose();
    return values;
  });
  expect(b).toEqual(a);
  expect(c).not.toEqual(a);
});

test.each([
  ['bottlenecks', bottleneckNetwork([1, 1])],
  ['dense connections', denselyConnected([1, 2])],
  ['a transformer', visionTransformer({ width: 12, heads: 3, blocks: 2, patch: 8 })],
])('the loss of %s falls, and every weight moves', (_, make) => {
  const model = make(tf, { classes: 3, side: 32, seed: 1 });
  const x = tf.randomNormal([6, 32, 32, 3], 0, 1, 'float32', 1);
  const y = tf.oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2], 'int32'), 3);
  const loss = () => {
    const logits = model.apply(x, { training: true });
    if (!(logits instanceof tf.Tensor)) throw new TypeError('several outputs');
    return tf.losses.softmaxCrossEntropy(y, logits).asScalar();
  };
  const before = model.trainableWeights.map((weight) => [...weight.read().dataSync()]);
  const optimizer = nysact(tf, { rank: 4, learningRate: 0.01, refreshEvery: 1, observeEvery: 1 });
  const losses = Array.from({ length: 5 }, () => {
    const value = optimizer.minimize(loss, true);
    return value?.dataSync()[0] ?? Number.NaN;
  });
  expect(losses[4]).toBeLessThan(losses[0]);
  model.trainableWeights.forEach((weight, index) => {
    const moved = [...weight.read().dataSync()].some((value, i) => value !== before[index][i]);
    expect(moved, weight.name).toBe(true);
  });
  optimizer.dispose();
  model.dispose();
  tf.dispose([x, y]);
});
