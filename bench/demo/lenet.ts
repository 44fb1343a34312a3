// LeNet-5, for images of 28×28 pixels, and the optimisers that train it.

import type { LayersModel } from '@tensorflow/tfjs';
import { classes } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { lenetLayers } from '../experiments/models/lenet.js';
import { type Contestant, contestants, tuned } from './contestants.js';

const side = 28;
/** So that each layer of a network draws from a seed of its own. */
const seedsPerNetwork = 5;

/**
 * LeNet-5 on rows of 784 pixels, which gives logits: 61,706 weights, the same for the same seed. See
 * {@link lenetLayers}.
 */
export function makeLenet(tf: TensorFlow, seed: number): LayersModel {
  let layer = 0;
  const kernelInitializer = () =>
    tf.initializers.heNormal({ seed: seedsPerNetwork * seed + layer++ });
  return tf.sequential({
    layers: [
      tf.layers.reshape({ inputShape: [side * side], targetShape: [side, side, 1] }),
      ...lenetLayers(tf, { side, classes }, kernelInitializer),
    ],
  });
}

// The grid, 300 steps of seed 1 each, validation accuracy in %; – diverged:
//           0.1 ×  0.3 ×      1 ×     3 ×    10 ×   30 × the paper's
// SGD       80.17  83.48    84.94   76.90   10.00
// Adam      70.18  77.50    81.82   84.93   85.98  81.60
// FOOF      78.47  84.32    86.97    9.86       –
// NysAct-G  79.24  84.69    87.14       –       –
/** The optimisers that train it, at the learning rates that did best of those above. */
export const lenetContestants: readonly Contestant[] = [
  contestants.sgd,
  tuned(contestants.adam, 0.01),
  contestants.foof,
  contestants.gaussian,
];
