// Transposed convolutions: a row is one pixel, which the kernel spreads over a patch of the output.

import { type ConvolutionLayer, isConvolution, patchesOf, pixelsOf } from './convolution.js';
import type { LayerKind } from './kind.js';

/**
 * tf.layers.conv2dTranspose. Its kernel [kernel rows, kernel columns, outputs, inputs] is a weight with an
 * output for each element of a patch, so the gradients are patches; the bias, which all of them share, is
 * no part of it.
 */
export const transposedConvolution: LayerKind<ConvolutionLayer> = {
  name: 'conv2dTranspose',
  sample: (tf) => tf.layers.conv2dTranspose({ filters: 1, kernelSize: 1, name: 'nysact' }),
  fits: isConvolution,
  block: ({ kernel }) => ({ weight: kernel, bias: undefined, layout: 'rows', convolves: true }),
  rows: pixelsOf,
  gradientRows(host, { name, kernelSize, strides, padding, dataFormat }, dy) {
    // TensorFlow.js takes a dilation for this layer, and does not heed it.
    const dilationRate = kernelSize.map(() => 1);
    return patchesOf(
      host,
      { name, kernelSize, strides, dilationRate, padding, dataFormat },
      dy,
      false,
    );
  },
};
