// Depthwise convolutions: a row is what the kernel sees of one channel at one position.

import type { LayerVariable, Tensor, Tensor4D } from '@tensorflow/tfjs';
import type { Rows } from '../../rows/rows.js';
import { tensorChannelRows } from '../rows/channels.js';
import type { RowsHost } from '../rows/host.js';
import { imagesOf, isSweep, patchesOfImages, type Sweep } from './convolution.js';
import type { Layer, LayerKind, TappedLayer } from './kind.js';

/** What layers with a kernel [height, width, channels, multiplier] have in common. */
export interface DepthwiseLayer extends TappedLayer, Sweep {
  readonly name: string;
  readonly depthwiseKernel: LayerVariable;
  readonly bias: LayerVariable | null;
}

const FIELDS = ['depthwiseKernel', 'bias', 'activation'];

/**
 * tf.layers.depthwiseConv2d. Its channels are examples of one convolution of images with one channel, so that
 * all filters share one A, of kernel height × width inputs (and the bias); each filter is an output.
 */
export const depthwise: LayerKind<DepthwiseLayer> = {
  name: 'depthwiseConv2d',
  sample: (tf) => tf.layers.depthwiseConv2d({ kernelSize: 1, name: 'nysact' }),
  fits: (layer: Layer): layer is DepthwiseLayer =>
    isSweep(layer) && FIELDS.every((field) => field in layer),
  block: ({ depthwiseKernel, bias }) => ({
    weight: depthwiseKernel,
    bias: bias ?? undefined,
    layout: 'depthwise',
    convolves: true,
  }),
  rows(host, { name, kernelSize, strides, padding, dataFormat }, input, bias) {
    // TensorFlow.js takes a dilation for this layer, and does not heed it.
    const dilationRate = kernelSize.map(() => 1);
    return channelPatchesOf(
      host,
      { name, kernelSize, strides, dilationRate, padding, dataFormat },
      input,
      bias,
    );
  },
  gradientRows(host, { dataFormat, depthwiseKernel }, dy) {
    const images = imagesOf(host.tf, { dataFormat }, dy);
    try {
      return tensorChannelRows(host, images, channelsOf(depthwiseKernel));
    } finally {
      images.dispose();
    }
  },
};

/** How many channels a depthwise kernel is for. */
export function channelsOf(kernel: LayerVariable): number {
  const [, , channels] = kernel.read().shape;
  return channels;
}

/**
 * What a depthwise kernel sees of a tensor in the layer's data format: rows of each example, channel, output
 * row and output column.
 *
 * @throws RangeError where the kernel does not fit on the images, or there are none.
 */
export function channelPatchesOf(
  host: RowsHost,
  layer: Sweep,
  input: Tensor,
  bias: boolean,
): Rows<'float32'> {
  const { tf } = host;
  const images = imagesOf(tf, layer, input);
  const [batch, height, width, channels] = images.shape;
  const apart = tf.tidy(() =>
    tf.reshape<Tensor4D['rankType']>(tf.transpose(images, [0, 3, 1, 2]), [
      batch * channels,
      height,
      width,
      1,
    ]),
  );
  images.dispose();
  return patchesOfImages(host, layer, apart, bias, batch);
}
