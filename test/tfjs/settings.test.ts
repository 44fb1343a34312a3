// What an optimiser is set to: options by their names, a learning rate that can be changed, weights that decay.

import type { Scalar } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { sgd as sgdTransform } from '../../src/optimize/optimizers.js';
import { cosine } from '../../src/optimize/schedules.js';
import {
  adahessian,
  adam,
  adamw,
  ekfac,
  eva,
  foof,
  kfac,
  makeOptimizer,
  mfac,
  nysact,
  sgd,
  sketchySgd,
  skfac,
  soap,
  type TfjsOptimizer,
} from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { clouds, crossEntropy, perceptron, weightsOf } from './models.js';

const MAKERS = {
  sgd,
  adam,
  adamw,
  adahessian,
  sketchySgd,
  nysact,
  foof,
  kfac,
  eva,
  ekfac,
  skfac,
  soap,
  mfac,
} as const;

/** The sum of a variable: its gradient is 1 everywhere. */
function sumOf(w: ReturnType<typeof tf.variable>): () => Scalar {
  return () => w.sum().asScalar();
}

/** The weights after steps at the given learning rates. */
function afterRates(optimizer: TfjsOptimizer, rates: readonly number[]): number[] {
  const w = tf.variable(tf.tensor1d([1, 2]));
  for (const rate of rates) {
    optimizer.learningRate = rate;
    optimizer.minimize(sumOf(w));
  }
  const weights = Array.from(w.dataSync());
  w.dispose();
  optimizer.dispose();
  return weights;
}

describe('options are refused under the name of what was called:', () => {
  test.each(Object.entries(MAKERS))('%s', (name, make) => {
    const call = (options: unknown): unknown => Reflect.apply(make, undefined, [tf, options]);
    expect(() => call({ learningRate: -0.1 })).toThrow(
      new RangeError(`${name}: learningRate is -0.1, expected a finite number >= 0 or a schedule`),
    );
    expect(() => call({ lr: 5 })).toThrow(/unknown option 'lr'.*did you mean 'learningRate'\?/);
    expect(() => call({ weigthDecay: 5 })).toThrow(/did you mean 'weightDecay'\?/);
    expect(() => call(null)).toThrow(`${name}: options is null, expected an object`);
    const optimizer = make(tf);
    for (const eta of [-1, Number.NaN, Infinity, 1e39, 1e-50]) {
      expect(() => {
        optimizer.learningRate = eta;
      }).toThrow(new RegExp(`^${name}: learningRate is ${eta}`.replace('+', '\\+')));
    }
    optimizer.dispose();
  });
});

test('an optimiser of one’s own needs a transform that moves, and a name', () => {
  const nameless = [tf, sgdTransform()];
  const empty = [tf, undefined, { className: 'Mine' }];
  expect(() => Reflect.apply(makeOptimizer, undefined, empty)).toThrow(
    'makeOptimizer: transform is undefined, expected a transform, as nysact makes it',
  );
  expect(() => Reflect.apply(makeOptimizer, undefined, nameless)).toThrow(
    'makeOptimizer: options is undefined, expected an object',
  );
});

onBackends(['wasm', 'cpu'], () => {
  test('numbers that float32 does not hold are refused at the first step, and nothing moves', () => {
    const w = tf.variable(tf.tensor1d([1, 2]));
    const cases: readonly (readonly [TfjsOptimizer, RegExp])[] = [
      [adam(tf, { epsilon: 1e-46 }), /epsilon is 1e-46, expected at least/],
      [adamw(tf, { epsilon: 1e-25 }), /epsilon is 1e-25, expected at least/],
      [sgd(tf, { learningRate: 1e39 }), /learningRate .*1e\+39.*float32/],
      [sgd(tf, { weightDecay: 1e-50 }), /weightDecay is 1e-50.*float32/],
    ];
    for (const [optimizer, message] of cases) {
      const { numTensors } = tf.memory();
      expect(() => optimizer.minimize(sumOf(w))).toThrow(RangeError);
      expect(() => optimizer.minimize(sumOf(w))).toThrow(message);
      expect(Array.from(w.dataSync())).toEqual([1, 2]);
      expect(optimizer.iterations).toBe(0);
      optimizer.dispose();
      expect(tf.memory().numTensors).toBe(numTensors);
    }
    w.dispose();
  });

  describe('the learning rate', () => {
    test('can be set between steps, as that of TensorFlow.js; 0 stops', () => {
      const rates = [0.5, 0, 0, 0.25];
      expect(afterRates(sgd(tf), rates)).toEqual([0.25, 1.25]);
      const theirs = tf.train.adam(0.5, 0.9, 0.999, 1e-8);
      const w = tf.variable(tf.tensor1d([1, 2]));
      for (const rate of rates) {
        Reflect.set(theirs, 'learningRate', rate);
        theirs.minimize(sumOf(w));
      }
      const ours = afterRates(adam(tf), rates);
      // They compute 1 − β₂ᵗ in float32: its relative error is eps/(1 − β₂).
      w.dataSync().forEach((value, i) => {
        expect(Math.abs(value - ours[i])).toBeLessThanOrEqual((rates.length * 2 ** -24) / 1e-3);
      });
      theirs.dispose();
      w.dispose();
    });

    test('follows its schedule until it is set', () => {
      const optimizer = sgd(tf, { learningRate: (k) => 0.5 / (k + 1) });
      const w = tf.variable(tf.tensor1d([1]));
      const seen: number[] = [];
      for (let k = 0; k < 4; k++) {
        seen.push(optimizer.learningRate);
        if (k === 2) optimizer.learningRate = 0.125;
        optimizer.minimize(sumOf(w));
      }
      expect(seen).toEqual([0.5, 0.25, 0.5 / 3, 0.125]);
      expect(Array.from(w.dataSync())).toEqual([0]);
      w.dispose();
      optimizer.dispose();
    });

    test('that was set is saved and restored, and beats the schedule there too', async () => {
      const w = tf.variable(tf.tensor1d([1]));
      const learningRate = cosine({ learningRate: 0.5, steps: 9 });
      const [first, second, third] = [0, 1, 2].map(() => sgd(tf, { learningRate }));
      first.minimize(sumOf(w));
      first.learningRate = 0.25;
      const state = await first.exportState();
      second.restoreState(state);
      expect(second.learningRate).toBe(0.25);
      second.minimize(sumOf(w));
      expect(second.learningRate).toBe(0.25);
      expect(Array.from(w.dataSync())).toEqual([0.25]);
      // A state that is put back takes the place of what was set before it.
      third.learningRate = 0.0625;
      third.restoreState(state);
      expect(third.learningRate).toBe(0.25);
      third.minimize(sumOf(w));
      expect(Array.from(w.dataSync())).toEqual([0]);
      w.dispose();
      for (const one of [first, second, third]) one.dispose();
    });

    test('that is set while a state waits is saved with it', async () => {
      const w = tf.variable(tf.tensor1d([1]));
      const [first, second, third] = [0, 1, 2].map(() => sgd(tf, { learningRate: 0.5 }));
      first.minimize(sumOf(w));
      second.restoreState(await first.exportState());
      second.learningRate = 0.25;
      third.restoreState(await second.exportState());
      expect(third.learningRate).toBe(0.25);
      third.minimize(sumOf(w));
      expect(Array.from(w.dataSync())).toEqual([0.25]);
      w.dispose();
      for (const one of [first, second, third]) one.dispose();
    });
  });

  test('weights decay where the filter says so, by the names of variables', () => {
    const seen: (string | undefined)[] = [];
    const model = perceptron();
    const optimizer = adamw(tf, {
      learningRate: 0.5,
      weightDecay: 0.5,
      decays: ({ name, cols, index }) => {
        seen[index] = name;
        return name?.endsWith('/kernel') === true && cols > 1;
      },
    });
    const before = weightsOf(model);
    const { x, y } = clouds(6);
    // No gradient anywhere, so that only the decay moves: by 1 − ηλ.
    const loss = () => crossEntropy(model, { x, y })().mul(0).asScalar();
    optimizer.minimize(loss);
    expect(seen).toEqual(model.trainableWeights.map(({ name }) => name));
    weightsOf(model).forEach((weights, i) => {
      const kernel = model.trainableWeights[i].name.endsWith('/kernel');
      expect(weights).toEqual(before[i].map((weight) => Math.fround(weight * (kernel ? 0.75 : 1))));
    });
    tf.dispose([x, y]);
    for (const one of [model, optimizer]) one.dispose();
  });
});
