// Separable convolutions: their pointwise half, whose rows are what the depthwise half makes.

import type { LayerVariable } from '@tensorflow/tfjs';
import { positions } from '../rows/positions.js';
import { asImages, type ConvolutionLayer, isConvolution } from './convolution.js';
import type { Layer, LayerKind } from './kind.js';

interface SeparableLayer extends ConvolutionLayer {
  readonly depthwiseKernel: LayerVariable;
  readonly pointwiseKernel: LayerVariable;
}

/**
 * tf.layers.separableConv2d, channels last. A depthwise kernel has as few inputs as it has elements: there
 * is nothing to gain, and it trains without being preconditioned.
 */
export const separable: LayerKind<SeparableLayer> = {
  name: 'separableConv2d',
  sample: (tf) => tf.layers.separableConv2d({ filters: 1, kernelSize: 1, name: 'nysact' }),
  fits: (layer: Layer): layer is SeparableLayer =>
    isConvolution(layer) &&
    layer.dataFormat === 'channelsLast' &&
    'depthwiseKernel' in layer &&
    'pointwiseKernel' in layer,
  block: ({ pointwiseKernel, bias }) => ({
    weight: pointwiseKernel,
    bias: bias ?? undefined,
    layout: 'columns',
  }),
  // The depthwise kernel is read when the step is taken, as the gradients were computed with it.
  rows(host, { depthwiseKernel, strides, padding, dilationRate }, input, bias) {
    const { tf } = host;
    const pixels = tf.tidy(() =>
      tf.depthwiseConv2d(
        asImages(tf, tf.cast(input, 'float32')),
        asImages(tf, depthwiseKernel.read()),
        [strides[0], strides[1]],
        padding === 'same' ? 'same' : 'valid',
        'NHWC',
        [dilationRate[0], dilationRate[1]],
      ),
    );
    try {
      return positions(host, pixels, bias);
    } finally {
      pixels.dispose();
    }
  },
  gradientRows: (host, _, dy) => positions(host, dy, false),
};
