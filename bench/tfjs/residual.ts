// Residual networks for small images.

import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs';
import { classes } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { applied, seeds } from './layers.js';

/** What a network is made for, where it is not CIFAR. */
interface ResidualOptions {
  /** The shape of one input (default 32×32×3). */
  readonly shape?: readonly number[];
  /** Layers that make images of inputs, in turn (default none). */
  readonly before?: readonly Parameters<typeof applied>[0][];
  /** Of the moving averages of batch norm (default .99). */
  readonly momentum?: number;
}

/**
 * The residual network of 6n+2 layers for images of 32×32: convolutions without biases, each with batch
 * norm, of 16, 32 and 64 filters. Where the shape changes, the shortcut is a convolution of 1×1 with batch
 * norm: 78,042 weights for n = 1, 272,474 for n = 3. Source: He et al. 2016, section 4.2, where such
 * shortcuts are padded instead and have no weights, 2,752 fewer.
 */
export function residual(
  tf: TensorFlow,
  seed: number,
  blocksPerStage: number,
  { shape = [32, 32, 3], before = [], momentum = 0.99 }: ResidualOptions = {},
): LayersModel {
  const { layers, initializers } = tf;
  const kernelInitializer = seeds(seed, (own) => initializers.heNormal({ seed: own }));
  const convolved = (x: SymbolicTensor, filters: number, kernelSize: number, strides: number) => {
    const convolution = layers.conv2d({
      filters,
      kernelSize,
      strides,
      padding: 'same',
      useBias: false,
      kernelInitializer: kernelInitializer(),
    });
    return applied(layers.batchNormalization({ momentum }), applied(convolution, x));
  };
  const relu = (x: SymbolicTensor): SymbolicTensor => applied(layers.reLU(), x);
  const block = (x: SymbolicTensor, filters: number, stride: number): SymbolicTensor => {
    const inner = relu(convolved(x, filters, 3, stride));
    const outer = convolved(inner, filters, 3, 1);
    const shortcut = stride === 1 ? x : convolved(x, filters, 1, stride);
    return relu(applied(layers.add(), [outer, shortcut]));
  };

  const inputs = tf.input({ shape: [...shape] });
  const images = before.reduce((x: SymbolicTensor, layer) => applied(layer, x), inputs);
  let x = relu(convolved(images, 16, 3, 1));
  for (const [stage, filters] of [16, 32, 64].entries()) {
    for (let k = 0; k < blocksPerStage; k++) {
      x = block(x, filters, k === 0 && stage > 0 ? 2 : 1);
    }
  }
  const pooled = applied(layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }), x);
  const head = layers.dense({ units: classes, kernelInitializer: kernelInitializer() });
  return tf.model({ inputs, outputs: applied(head, pooled) });
}
