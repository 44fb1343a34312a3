// Separable convolutions: a depthwise half, and a pointwise one whose rows are what that makes.

import type { LayerVariable } from '@tensorflow/tfjs';
import { tensorChannelRows } from '../rows/channels.js';
import { positions } from '../rows/positions.js';
import { asImages, type ConvolutionLayer, isConvolution } from './convolution.js';
import { channelPatchesOf, channelsOf } from './depthwise.js';
import type { Layer, LayerKind, LayerPart } from './kind.js';

interface SeparableLayer extends ConvolutionLayer {
  readonly depthwiseKernel: LayerVariable;
  readonly pointwiseKernel: LayerVariable;
}

/** The depthwise half of {@link separable}, of which nothing but its pointwise half comes back. */
export const depthwiseHalf: LayerPart<SeparableLayer> = {
  block: ({ depthwiseKernel }) => ({
    weight: depthwiseKernel,
    bias: undefined,
    layout: 'depthwise',
    convolves: true,
  }),
  rows: channelPatchesOf,
  // The pointwise kernel is read when the step is taken, as the gradients were computed with it.
  gradientRows(host, { depthwiseKernel, pointwiseKernel }, dy) {
    const { tf } = host;
    const images = tf.tidy(() => {
      const kernel = tf.transpose(asImages(tf, pointwiseKernel.read()), [0, 1, 3, 2]);
      // Times 1: a kernel gets data of its own, as TensorFlow.js keeps what it made of data by their name.
      return tf.conv2d(asImages(tf, dy), tf.mul<typeof kernel>(kernel, 1), 1, 'valid');
    });
    try {
      return tensorChannelRows(host, images, channelsOf(depthwiseKernel));
    } finally {
      images.dispose();
    }
  },
};

/** tf.layers.separableConv2d, channels last: its pointwise half. */
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
    convolves: true,
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
