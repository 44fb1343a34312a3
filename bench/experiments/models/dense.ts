// Densely connected networks for images of the size of CIFAR's.

import type { SymbolicTensor } from '@tensorflow/tfjs';
import { applied } from '../../tfjs/layers.js';
import { convolutionalParts, inputOf, type MakeNetwork } from './network.js';

/** Channels that every layer adds. */
const GROWTH = 32;

/**
 * A densely connected network: blocks of layers that each see all before them in the block, 1×1 to four times
 * the growth and 3×3 to the growth; between blocks half the channels and half the size. For small images the
 * first convolution is 3×3 of stride 1 without pooling. Source: Huang et al. 2017, table 1 and section 3.
 */
export function denselyConnected(blocks: readonly number[]): MakeNetwork {
  return (tf, options) => {
    const { layers } = tf;
    const { relu, norm, convolution, head } = convolutionalParts(tf, options);
    const normed = (x: SymbolicTensor): SymbolicTensor => relu(norm(x));
    const { inputs, images } = inputOf(tf, options);
    let x = convolution(images, 2 * GROWTH, 3, 1);
    for (const [index, count] of blocks.entries()) {
      for (let k = 0; k < count; k++) {
        const narrow = convolution(normed(x), 4 * GROWTH, 1, 1);
        const added = convolution(normed(narrow), GROWTH, 3, 1);
        x = applied(layers.concatenate(), [added, x]);
      }
      if (index === blocks.length - 1) continue;
      const half = convolution(normed(x), Math.floor((x.shape[3] ?? 0) / 2), 1, 1);
      x = applied(layers.averagePooling2d({ poolSize: 2 }), half);
    }
    return tf.model({ inputs, outputs: head(normed(x)) });
  };
}
