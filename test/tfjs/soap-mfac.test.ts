// What looks at gradients alone, on models of TensorFlow.js: SOAP and M-FAC.

import { expect, test } from 'vitest';
import { mfac, soap, type TfjsOptimizer } from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { clouds, crossEntropy, perceptron, weightsOf } from './models.js';
import { expectTraining } from './trains.js';

const optimizers: readonly (readonly [string, () => TfjsOptimizer])[] = [
  ['soap', () => soap(tf, { learningRate: 0.03, refreshEvery: 2 })],
  ['mfac', () => mfac(tf, { learningRate: 0.05, damping: 0.1, gradients: 4 })],
];

onBackends(['cpu', 'wasm'], () => {
  test.each(optimizers)('%s trains a perceptron, and leaks nothing', (_, make) => {
    expectTraining({ network: perceptron, make, batch: () => clouds(24) }, (_model, optimizer) => {
      expect(optimizer.diagnostics).toEqual([]);
    });
  });

  test.each(optimizers)('%s goes on from a saved state bit for bit', async (_, make) => {
    const { x, y } = clouds(24);
    const [model, other] = [perceptron(), perceptron()];
    const [first, second] = [make(), make()];
    for (let k = 0; k < 5; k++) first.minimize(crossEntropy(model, { x, y }));
    other.setWeights(model.getWeights());
    second.restoreState(await first.exportState());
    for (let k = 0; k < 3; k++) {
      first.minimize(crossEntropy(model, { x, y }));
      second.minimize(crossEntropy(other, { x, y }));
    }
    expect(weightsOf(other)).toEqual(weightsOf(model));
    tf.dispose([x, y]);
    for (const one of [model, other, first, second]) one.dispose();
  });
});
