// SGD with momentum and Adam against TensorFlow.js's own, in float32 on its cpu backend.

import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { EPSILON } from '../../src/core/dtype.js';
import { adam, sgd } from '../../src/optimize/optimizers.js';
import type { Matrix } from '../support/matrices.js';
import { deviation, flat, randomStart, type Start, trajectory } from './rules.js';

const STEPS = 15;
const eps = EPSILON.float32;

beforeAll(async () => {
  await tf.setBackend('cpu');
});

function tensor(A: Matrix): tf.Tensor2D {
  return tf.tensor2d(A.toArrays(), [A.rows, A.cols]);
}

/** The parameters after every step of an optimiser of TensorFlow.js. */
function theirs(optimizer: tf.Optimizer, { parameters, gradients }: Start): number[][] {
  const variables = parameters.map((A) => tf.variable(tensor(A)));
  const steps = gradients.map((step) => {
    const named = step.map((G, i) => ({ name: variables[i].name, tensor: tensor(G) }));
    optimizer.applyGradients(named);
    return flat(variables.map((variable) => ({ data: variable.dataSync() })));
  });
  tf.dispose(variables);
  optimizer.dispose();
  return steps;
}

describe('in float32, as TensorFlow.js', () => {
  test.each([false, true])('momentum (nesterov: %s)', (nesterov) => {
    const start = randomStart(1, STEPS);
    const [learningRate, momentum] = [0.05, 0.9];
    const transform = sgd({ learningRate, momentum, nesterov, weightDecay: 0 });
    const ours = trajectory('float32', transform, start);
    const error = deviation(ours, theirs(tf.train.momentum(0.05, momentum, nesterov), start));
    // A handful of roundings a step, in numbers up to ten times the largest parameter.
    expect(error).toBeLessThanOrEqual(4 * STEPS * eps);
  });

  // The same ε, added to √v̂: TensorFlow.js's default is 1e-7, ours the paper's 1e-8.
  test.each([1e-8, 1e-3])('adam with ε = %d', (epsilon) => {
    const start = randomStart(2, STEPS);
    const [learningRate, beta1, beta2] = [0.05, 0.9, 0.999];
    const ours = trajectory('float32', adam({ learningRate, beta1, beta2, epsilon }), start);
    const error = deviation(
      ours,
      theirs(tf.train.adam(learningRate, beta1, beta2, epsilon), start),
    );
    // They compute 1 − β₂ᵗ in float32: its relative error, eps/(1 − β₂), goes into every update of η.
    expect(error).toBeLessThanOrEqual(STEPS * learningRate * (eps / (1 - beta2)));
  });
});
