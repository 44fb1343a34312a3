// What is learnt, and by which network: Fashion-MNIST in all three, of 28×28 grey pixels.

import type { LayersModel } from '@tensorflow/tfjs';
import { classes } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { makeLenet } from '../demo/lenet.js';
import { makePerceptron } from '../demo/perceptron.js';
import { residualNetwork } from '../experiments/models/residual.js';

/** A network, and how long it is trained. */
export interface Task {
  /** What `--tasks` calls it. */
  readonly key: string;
  readonly name: string;
  readonly batch: number;
  readonly steps: number;
  /** The same weights for the same seed. */
  model(tf: TensorFlow, seed: number): LayersModel;
}

/** Every task. */
export const TASKS: readonly Task[] = [
  { key: 'mlp', name: 'MLP 784-256-128-10', batch: 64, steps: 300, model: makePerceptron },
  { key: 'lenet', name: 'LeNet-5', batch: 32, steps: 300, model: makeLenet },
  { key: 'resnet8', name: 'ResNet-8', batch: 32, steps: 100, model: smallResidualNetwork },
];

/** Of images at half the size, a quarter of the work. Few steps: the moments of a batch are forgotten soon. */
function smallResidualNetwork(tf: TensorFlow, seed: number): LayersModel {
  const { layers } = tf;
  const before = {
    shape: [28 * 28],
    layers: [
      layers.reshape({ targetShape: [28, 28, 1] }),
      layers.averagePooling2d({ poolSize: 2 }),
    ],
  };
  return residualNetwork(1)(tf, { classes, seed, side: 14, before, momentum: 0.9 });
}
