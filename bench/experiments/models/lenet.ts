// LeNet-5, for images of the sizes of MNIST's and CIFAR's.

import type { layers } from '@tensorflow/tfjs';
import type { TensorFlow } from '../../data/tensorflow.js';
import { initializersOf, type MakeNetwork, shapeOf } from './network.js';

type Layer = layers.Layer;
type Initializer = ReturnType<TensorFlow['initializers']['heNormal']>;

/**
 * The layers of LeNet-5 with ReLU and max pooling: 5×5 convolutions of 6 and 16 filters, then dense layers of
 * 120, 84 and as many as there are classes, which gives logits. The second convolution sees all channels of the
 * first: 61,706 weights for grey digits. Source: LeCun et al. 1998, whose images of 28×28 pixels are padded to
 * 32×32.
 */
export function lenetLayers(
  { layers }: TensorFlow,
  { side, classes }: { readonly side: number; readonly classes: number },
  kernelInitializer: () => Initializer,
): Layer[] {
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
  return [
    convolution(6, side < 32 ? 'same' : 'valid'),
    layers.maxPooling2d({ poolSize: 2 }),
    convolution(16, 'valid'),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.flatten(),
    dense(120, 'relu'),
    dense(84, 'relu'),
    dense(classes, 'linear'),
  ];
}

/** LeNet-5 on images. */
export const lenet: MakeNetwork = (tf, options) => {
  const { he } = initializersOf(tf, options);
  const input = tf.layers.inputLayer({ inputShape: shapeOf(options) });
  return tf.sequential({ layers: [input, ...lenetLayers(tf, options, he)] });
};
