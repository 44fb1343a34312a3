// Convolutions in one and two dimensions: a row is what the kernel sees at one position.

import type { LayerVariable, Tensor, Tensor4D } from '@tensorflow/tfjs';
import { type Plan, plan } from '../../rows/convolution.js';
import type { Rows } from '../../rows/rows.js';
import type { RowsHost } from '../rows/host.js';
import { tensorPatchRows } from '../rows/patches.js';
import { positions } from '../rows/positions.js';
import type { TensorFlowCore } from '../tensorflow.js';
import type { Block } from './call.js';
import type { Layer, LayerKind, TappedLayer } from './kind.js';

/** How a kernel moves over images; lists have a number an axis. */
export interface Sweep {
  readonly name: string;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly dilationRate: readonly number[];
  readonly padding: string;
  readonly dataFormat: string;
}

/** What convolutions have in common. */
export interface ConvolutionLayer extends TappedLayer, Sweep {
  readonly name: string;
  readonly kernel: LayerVariable;
  readonly bias: LayerVariable | null;
}

const FIELDS = ['kernel', 'bias', 'activation'];

const SWEEP_FIELDS = ['kernelSize', 'strides', 'dilationRate', 'padding', 'dataFormat'];

/** tf.layers.conv1d: images of one line. */
export const conv1d: LayerKind<ConvolutionLayer> = {
  name: 'conv1d',
  sample: (tf) => tf.layers.conv1d({ filters: 1, kernelSize: 1, name: 'nysact' }),
  fits: isConvolution,
  block,
  rows: patchesOf,
  // TensorFlow.js gives channels last, whatever the data format.
  gradientRows: (host, _, dy) => positions(host, dy, false),
};

/** tf.layers.conv2d. */
export const conv2d: LayerKind<ConvolutionLayer> = {
  name: 'conv2d',
  sample: (tf) => tf.layers.conv2d({ filters: 1, kernelSize: 1, name: 'nysact' }),
  fits: isConvolution,
  block,
  rows: patchesOf,
  gradientRows: (host, layer, dy) => pixelsOf(host, layer, dy, false),
};

/** Whether a layer has all that is used of a convolution. */
export function isConvolution(layer: Layer): layer is ConvolutionLayer {
  return isSweep(layer) && FIELDS.every((field) => field in layer);
}

/** Whether a layer says how its kernel moves. */
export function isSweep(layer: Layer): layer is Layer & Sweep {
  return SWEEP_FIELDS.every((field) => field in layer);
}

function block({ kernel, bias }: ConvolutionLayer): Block {
  return { weight: kernel, bias: bias ?? undefined, layout: 'columns', convolves: true };
}

/**
 * What the layer's kernel sees of a tensor in its data format.
 *
 * @throws RangeError where the kernel does not fit on the images, or there are none.
 */
export function patchesOf(
  host: RowsHost,
  layer: Sweep,
  input: Tensor,
  bias: boolean,
): Rows<'float32'> {
  return patchesOfImages(host, layer, imagesOf(host.tf, layer, input), bias);
}

/**
 * What the layer's kernel sees of images with channels last, which are the rows' from now on. They are of so
 * many examples, as many in succession each; by default each is one.
 *
 * @throws RangeError where the kernel does not fit on the images, or there are none; then they are disposed of.
 */
export function patchesOfImages(
  host: RowsHost,
  layer: Sweep,
  images: Tensor4D,
  bias: boolean,
  examples?: number,
): Rows<'float32'> {
  try {
    return tensorPatchRows(host, { images, plan: planOf(layer, images), bias, examples });
  } catch (error) {
    images.dispose();
    throw error;
  }
}

/** The pixels of a tensor in the layer's data format, as rows of channels. */
export function pixelsOf(
  host: RowsHost,
  layer: Pick<Sweep, 'dataFormat'>,
  input: Tensor,
  bias: boolean,
): Rows<'float32'> {
  const images = imagesOf(host.tf, layer, input);
  try {
    return positions(host, images, bias);
  } finally {
    images.dispose();
  }
}

/** A tensor in the layer's data format as images with channels last; the caller disposes of them. */
export function imagesOf(
  tf: TensorFlowCore,
  { dataFormat }: Pick<Sweep, 'dataFormat'>,
  input: Tensor,
): Tensor4D {
  const images = tf.tidy(() => {
    const axes = input.shape.map((_, axis) => axis);
    const channelsLast =
      dataFormat === 'channelsFirst' ? tf.transpose(input, [0, ...axes.slice(2), 1]) : input;
    const pixels = tf.cast(channelsLast, 'float32');
    return asImages(tf, pixels.rank === 3 ? tf.expandDims(pixels, 1) : pixels);
  });
  return tf.keep(images);
}

/** A tensor of four axes, as one. */
export function asImages(tf: TensorFlowCore, tensor: Tensor): Tensor4D {
  const [batch, height, width, channels] = tensor.shape;
  return tf.reshape<Tensor4D['rankType']>(tensor, [batch, height, width, channels]);
}

/** How the kernel moves over images. */
function planOf(
  { name, kernelSize, strides, dilationRate, padding }: Sweep,
  { shape: [batch, height, width, channels] }: Tensor4D,
): Plan {
  return plan(name, {
    batch,
    height,
    width,
    channels,
    layout: 'channelsLast',
    kernel: perAxis(kernelSize),
    stride: perAxis(strides),
    dilation: perAxis(dilationRate),
    padding: padding === 'same' ? 'same' : 'valid',
  });
}

/** A convolution in one dimension is one over images of one line. */
function perAxis(numbers: readonly number[]): readonly [number, number] {
  return numbers.length === 1 ? [1, numbers[0]] : [numbers[0], numbers[1]];
}
