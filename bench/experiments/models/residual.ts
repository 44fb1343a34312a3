// Residual networks for images of the size of CIFAR's.

import type { SymbolicTensor } from '@tensorflow/tfjs';
import { applied } from '../../tfjs/layers.js';
import { convolutionalParts, inputOf, type MakeNetwork } from './network.js';

/**
 * The residual network of 6n+2 layers: convolutions of w, 2w and 4w filters in stages of n blocks, each with
 * batch norm. Where the shape changes, the shortcut is a convolution of 1×1 with batch norm: 78,042 weights for
 * n = 1, w = 16 and ten classes, 272,474 for n = 3. Source: He et al. 2016, section 4.2, where such shortcuts are padded
 * instead and have no weights, 2,752 fewer.
 */
export function residualNetwork(blocksPerStage: number, width = 16): MakeNetwork {
  return (tf, options) => {
    const { relu, norm, convolution, head } = convolutionalParts(tf, options);
    const block = (x: SymbolicTensor, filters: number, stride: number): SymbolicTensor => {
      const inner = relu(norm(convolution(x, filters, 3, stride)));
      const outer = norm(convolution(inner, filters, 3, 1));
      const shortcut = stride === 1 ? x : norm(convolution(x, filters, 1, stride));
      return relu(applied(tf.layers.add(), [outer, shortcut]));
    };
    const { inputs, images } = inputOf(tf, options);
    let x = relu(norm(convolution(images, width, 3, 1)));
    for (const [stage, filters] of [width, 2 * width, 4 * width].entries()) {
      for (let k = 0; k < blocksPerStage; k++) {
        x = block(x, filters, k === 0 && stage > 0 ? 2 : 1);
      }
    }
    return tf.model({ inputs, outputs: head(x) });
  };
}
