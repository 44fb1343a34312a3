// Training that works: the loss falls, and nothing is left behind.

import { expect } from 'vitest';
import type { TfjsOptimizer } from '../../src/tfjs/index.js';
import { tf } from './backends.js';
import { crossEntropy } from './models.js';

type Model = ReturnType<typeof tf.sequential>;

/** A model, an optimiser and what it is trained on, which are disposed of. */
interface Trained {
  network(this: void): Model;
  make(this: void): TfjsOptimizer;
  batch(this: void): Parameters<typeof crossEntropy>[1];
}

/** After thirteen steps a fifth of the loss is gone, eight of them leave no tensor, and disposal leaves none at all. */
export function expectTraining(
  { network, make, batch }: Trained,
  look: (model: Model, optimizer: TfjsOptimizer) => void,
): void {
  const before = tf.memory().numTensors;
  const [model, optimizer, { x, y }] = [network(), make(), batch()];
  const loss = crossEntropy(model, { x, y });
  const lossNow = () => tf.tidy(() => loss().dataSync()[0]);
  const first = lossNow();
  for (let k = 0; k < 5; k++) optimizer.minimize(loss);
  const during = tf.memory().numTensors;
  for (let k = 0; k < 8; k++) optimizer.minimize(loss);
  expect(tf.memory().numTensors).toBe(during);
  expect(lossNow()).toBeLessThan(0.8 * first);
  look(model, optimizer);
  expect(optimizer.diagnostics.every(({ failures }) => failures === 0)).toBe(true);
  tf.dispose([x, y]);
  for (const one of [model, optimizer]) one.dispose();
  expect(tf.memory().numTensors).toBe(before);
}
