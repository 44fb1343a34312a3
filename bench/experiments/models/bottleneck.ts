// Residual networks of bottlenecks, for images of the size of ImageNet's.

import type { SymbolicTensor } from '@tensorflow/tfjs';
import { applied } from '../../tfjs/layers.js';
import { convolutionalParts, inputOf, type MakeNetwork } from './network.js';

/** How much wider a block's output is than its inside. */
const EXPANSION = 4;

/**
 * A residual network of 3·Σblocks + 2 layers: a convolution of 7×7, max pooling, and four stages of bottlenecks of
 * 1×1, 3×3 and 1×1, the 3×3 with the stride. Source: He et al. 2016, table 1, with the stride where the common
 * implementations have it.
 */
export function bottleneckNetwork(blocks: readonly number[]): MakeNetwork {
  return (tf, options) => {
    const { layers } = tf;
    const { relu, norm, convolution, head } = convolutionalParts(tf, options);
    const block = (x: SymbolicTensor, width: number, strides: number): SymbolicTensor => {
      const narrow = relu(norm(convolution(x, width, 1, 1)));
      const inner = relu(norm(convolution(narrow, width, 3, strides)));
      const outer = norm(convolution(inner, EXPANSION * width, 1, 1));
      const fits = strides === 1 && x.shape[3] === EXPANSION * width;
      const shortcut = fits ? x : norm(convolution(x, EXPANSION * width, 1, strides));
      return relu(applied(layers.add(), [outer, shortcut]));
    };
    const { inputs, images } = inputOf(tf, options);
    const stem = relu(norm(convolution(images, 64, 7, 2)));
    const pooling = layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' });
    let x = applied(pooling, stem);
    for (const [stage, count] of blocks.entries()) {
      for (let k = 0; k < count; k++) x = block(x, 64 * 2 ** stage, stage > 0 && k === 0 ? 2 : 1);
    }
    return tf.model({ inputs, outputs: head(x) });
  };
}
