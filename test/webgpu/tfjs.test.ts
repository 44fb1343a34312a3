// TensorFlow.js on WebGPU in plain Node: the backend keeps its contract, and models train as they do on
// TensorFlow.js's own CPU backend.

import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-webgpu';
import { beforeAll, describe, expect, test } from 'vitest';
import { EPSILON } from '../../src/core/dtype.js';
import { muon } from '../../src/optimize/muon.js';
import { eva, foof, kfac, nysact, sgd } from '../../src/optimize/optimizers.js';
import { nystromShampoo, shampoo } from '../../src/optimize/shampoo.js';
import { adahessian, ekfac, mfac, sketchySgd, skfac, soap } from '../../src/optimize/systems.js';
import type { Transform } from '../../src/optimize/transform.js';
import { tfjsBackend } from '../../src/tfjs/backend.js';
import { makeOptimizer } from '../../src/tfjs/index.js';
import { backendContract } from '../backend/backend.contract.js';
import { SIZES } from '../browser/selection.js';
import { crossEntropy } from '../tfjs/models.js';
import { stripes } from '../tfjs/stripes.js';

type BackendName = 'webgpu' | 'cpu';

async function use(backend: BackendName): Promise<void> {
  if (!(await tf.setBackend(backend))) throw new Error(`no ${backend} backend`);
}

describe('the backend of TensorFlow.js on WebGPU', () => {
  beforeAll(() => use('webgpu'));

  test('is read asynchronously', () => {
    const backend = tfjsBackend(tf);
    expect(backend.info.variant).toBe('webgpu');
    expect(backend).toHaveProperty('readSync', undefined);
    backend.dispose();
  });

  backendContract('tfjsBackend', () => tfjsBackend(tf), SIZES);
});

const initializer = (seed: number) => tf.initializers.glorotNormal({ seed });

/** A convolution and two dense layers, the same weights every time. */
function network(): ReturnType<typeof tf.sequential> {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [8, 8, 1],
        filters: 4,
        kernelSize: 3,
        activation: 'tanh',
        kernelInitializer: initializer(1),
      }),
      tf.layers.averagePooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 8, activation: 'tanh', kernelInitializer: initializer(2) }),
      tf.layers.dense({ units: 3, kernelInitializer: initializer(3) }),
    ],
  });
}

const SHARED = { learningRate: 0.1, momentum: 0.9, weightDecay: 5e-4 } as const;
const CADENCE = { ...SHARED, observeEvery: 1, refreshEvery: 2, damping: 0.5 } as const;

const TRANSFORMS: Readonly<Record<string, () => Transform>> = {
  sgd: () => sgd(SHARED),
  'nysact, Gaussian': () => nysact({ ...CADENCE, rank: 4 }),
  'nysact, subcolumns and tail': () =>
    nysact({ ...CADENCE, rank: 4, sketch: 'subcolumn', tail: true }),
  foof: () => foof(CADENCE),
  kfac: () => kfac({ ...CADENCE, learningRate: 0.02 }),
  eva: () => eva({ ...CADENCE, learningRate: 0.02 }),
};

const STEPS = 6;
const EXAMPLES = 12;

/**
 * A gradient of the convolution is a sum over 12 examples at 36 places. Each backend adds it up in an
 * order of its own, and rounding errors of either sign grow as the root of the number of terms; the
 * damped inverses, of condition (λ + ρ)/ρ below 10 here, pass them on to the weights of each step.
 */
const TOLERANCE = STEPS * Math.sqrt(EXAMPLES * 36) * EPSILON.float32;

/** What training gave. */
interface Run {
  readonly losses: readonly number[];
  readonly weights: readonly (readonly number[])[];
}

/** On either backend, reads take effect at the step after them. */
async function train(backend: BackendName, transform: Transform): Promise<Run> {
  await use(backend);
  const { numTensors } = tf.memory();
  const [model, data] = [network(), stripes(EXAMPLES)];
  const optimizer = makeOptimizer(tf, transform, { className: 'Tested', reading: 'async' });
  const losses: number[] = [];
  for (let k = 0; k < STEPS; k++) {
    const cost = optimizer.minimize(crossEntropy(model, data), true);
    if (cost === null) throw new Error('minimize gave no cost');
    losses.push(...(await cost.data()));
    cost.dispose();
    await optimizer.flush();
  }
  const weights = await Promise.all(model.getWeights().map(async (w) => [...(await w.data())]));
  tf.dispose([data.x, data.y]);
  for (const one of [model, optimizer]) one.dispose();
  expect(tf.memory().numTensors).toBe(numTensors);
  return { losses, weights };
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((x, i) => x - b[i])) / Math.hypot(...b);
}

/** Systems whose steps round differently by more than a tolerance could tell from a mistake. */
const SYSTEMS: Readonly<Record<string, () => Transform>> = {
  shampoo: () => shampoo({ ...CADENCE, graft: 'sgd' }),
  nystromShampoo: () => nystromShampoo({ ...CADENCE, rank: 4 }),
  muon: () => muon({ learningRate: 0.05 }),
  soap: () => soap({ learningRate: 0.03, refreshEvery: 2 }),
  ekfac: () => ekfac({ ...CADENCE, learningRate: 0.02 }),
  skfac: () => skfac({ ...CADENCE, learningRate: 0.02 }),
  mfac: () => mfac({ gradients: 4, damping: 0.5, learningRate: 0.05 }),
  adahessian: () => adahessian({ learningRate: 0.1 }),
  sketchySgd: () => sketchySgd({ rank: 3, damping: 0.5, refreshEvery: 2, learningRate: 0.05 }),
};

test.each(Object.entries(SYSTEMS))('%s trains there', async (_, make) => {
  const { losses } = await train('webgpu', make());
  expect(losses[STEPS - 1]).toBeLessThan(0.8 * losses[0]);
});

test.each(Object.entries(TRANSFORMS))(
  '%s trains convolutions and dense layers as on the CPU',
  async (_, make) => {
    const device = await train('webgpu', make());
    const host = await train('cpu', make());
    expect(device.losses[STEPS - 1]).toBeLessThan(0.8 * device.losses[0]);
    expect(distance(device.losses, host.losses)).toBeLessThanOrEqual(TOLERANCE);
    const distances = device.weights.map((weights, i) => distance(weights, host.weights[i]));
    expect(Math.max(...distances)).toBeLessThanOrEqual(TOLERANCE);
  },
);
