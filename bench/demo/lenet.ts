// LeNet-5, for images of 28×28 pixels, and the optimisers that train it.

import type { LayersModel } from '@tensorflow/tfjs';
import { classes } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { type Contestant, contestants, tuned } from './contestants.js';

const side = 28;
/** So that each layer of a network draws from a seed of its own. */
const seedsPerNetwork = 5;

/**
 * LeNet-5 with ReLU and max pooling: 5×5 convolutions of 6 and 16 filters, then dense layers of 120, 84
 * and 10, which gives logits. Images are rows of 784 pixels. The second convolution sees all channels of
 * the first: 61,706 weights, the same for the same seed. Source: LeCun et al. 1998.
 */
export function makeLenet(
  { layers, initializers, sequential }: TensorFlow,
  seed: number,
): LayersModel {
  let layer = 0;
  const kernelInitializer = () => initializers.heNormal({ seed: seedsPerNetwork * seed + layer++ });
  const convolution = (filters: number, padding: 'same' | 'valid') =>
    layers.conv2d({
      filters,
      kernelSize: 5,
      padding,
      activation: 'relu',
      kernelInitializer: kernelInitializer(),
    });
  const dense = (units: number, activation: 'relu' | 'linear') =>
    layers.dense({ units, activation, kernelInitializer: kernelInitializer() });
  return sequential({
    layers: [
      layers.reshape({ inputShape: [side * side], targetShape: [side, side, 1] }),
      convolution(6, 'same'),
      layers.maxPooling2d({ poolSize: 2 }),
      convolution(16, 'valid'),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      dense(120, 'relu'),
      dense(84, 'relu'),
      dense(classes, 'linear'),
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
