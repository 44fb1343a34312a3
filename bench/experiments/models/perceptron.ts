// A perceptron on the pixels of images.

import { initializersOf, type MakeNetwork, shapeOf } from './network.js';

/** Dense layers with ReLU between them, of the given units and then of as many as there are classes. */
export function multilayerPerceptron(units: readonly number[]): MakeNetwork {
  return (tf, options) => {
    const { he } = initializersOf(tf, options);
    const dense = (width: number, activation: 'relu' | 'linear') =>
      tf.layers.dense({ units: width, activation, kernelInitializer: he() });
    return tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape: shapeOf(options) }),
        ...units.map((width) => dense(width, 'relu')),
        dense(options.classes, 'linear'),
      ],
    });
  };
}
