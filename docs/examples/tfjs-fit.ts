// A small dense model of TensorFlow.js, compiled and fitted with NysAct and a learning rate that falls.

import * as tf from '@tensorflow/tfjs';
import { nysact } from 'nysact/tfjs';
import { cosine } from 'nysact/transforms';

const [examples, batchSize, epochs] = [512, 64, 20];

const x = tf.randomUniform([examples, 2], -1, 1, 'float32', 1);
const y = tf.tidy(() => x.mul(2).sin().sum(1, true)); // to be learnt: sin(2x₁) + sin(2x₂)

const initializer = (seed: number) => tf.initializers.glorotUniform({ seed });
const model = tf.sequential({
  layers: [
    tf.layers.dense({
      name: 'first',
      inputShape: [2],
      units: 32,
      activation: 'tanh',
      kernelInitializer: initializer(1),
    }),
    tf.layers.dense({
      name: 'second',
      units: 32,
      activation: 'tanh',
      kernelInitializer: initializer(2),
    }),
    tf.layers.dense({ name: 'last', units: 1, kernelInitializer: initializer(3) }),
  ],
});
const steps = (examples / batchSize) * epochs;
const optimizer = nysact(tf, {
  learningRate: cosine({ learningRate: 0.03, steps }),
  momentum: 0.9,
  rank: 10,
  damping: 0.1,
});
model.compile({ optimizer, loss: 'meanSquaredError' });
const { history } = await model.fit(x, y, { batchSize, epochs, shuffle: false });

/** The mean loss of every epoch. */
export const losses: readonly number[] = history.loss.map(Number);
/** What the optimiser does with each variable. */
export const report = optimizer.report(model);

console.log(`loss ${losses[0].toFixed(4)} → ${losses[epochs - 1].toFixed(4)} in ${epochs} epochs`);
console.table(
  report.map(({ variable, kind, reason, inputs, outputs, rank, bytes }) => ({
    variable,
    'preconditioned as': kind ?? `not: ${reason}`,
    inputs,
    outputs,
    rank,
    bytes,
  })),
);
optimizer.dispose();
model.dispose();
tf.dispose([x, y]);
