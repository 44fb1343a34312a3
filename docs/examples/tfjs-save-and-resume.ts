// A training of TensorFlow.js that is interrupted goes on bit for bit with the state of its optimiser, and
// otherwise does not.

import * as tf from '@tensorflow/tfjs';
import { nysact, type TfjsOptimizer } from 'nysact/tfjs';

const [examples, batchSize] = [128, 32];
const x = tf.randomNormal([examples, 10], 0, 1, 'float32', 1);
const y = tf.tidy(() => x.square().mean(1, true));

/** A new model, compiled with a new optimiser. */
function start(): { readonly model: tf.Sequential; readonly optimizer: TfjsOptimizer } {
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 1 });
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [10], units: 16, activation: 'relu', kernelInitializer }),
      tf.layers.dense({ units: 1, kernelInitializer }),
    ],
  });
  const optimizer = nysact(tf, { learningRate: 0.02, momentum: 0.9, rank: 4 });
  model.compile({ optimizer, loss: 'meanSquaredError' });
  return { model, optimizer };
}

async function train(model: tf.Sequential, epochs: number): Promise<void> {
  await model.fit(x, y, { batchSize, epochs, shuffle: false });
}

/** All weights as plain numbers. */
function weightsOf(model: tf.Sequential): number[][] {
  return model.getWeights().map((weight) => Array.from(weight.dataSync()));
}

function same(a: tf.Sequential, b: tf.Sequential): boolean {
  const [one, other] = [weightsOf(a).flat(), weightsOf(b).flat()];
  return one.length === other.length && one.every((value, i) => Object.is(value, other[i]));
}

const first = start();
await train(first.model, 5);
const weights = first.model.getWeights().map((weight) => weight.clone());
const state = await first.optimizer.exportState(); // plain data: numbers and typed arrays
await train(first.model, 5); // as if nothing had happened

const resumed = start();
resumed.model.setWeights(weights);
resumed.optimizer.restoreState(state);
await train(resumed.model, 5);

const forgetful = start(); // the same weights, but no momentum, no curvature
forgetful.model.setWeights(weights);
await train(forgetful.model, 5);

/** Whether the weights are those of the uninterrupted run, to the last bit. */
export const equal = {
  'with its state': same(first.model, resumed.model),
  'without its state': same(first.model, forgetful.model),
};

console.log('bit for bit as without an interruption:', equal);
for (const { model, optimizer } of [first, resumed, forgetful]) {
  optimizer.dispose();
  model.dispose();
}
tf.dispose([x, y, weights]);
