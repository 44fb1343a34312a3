// What the weights of a depthwise convolution see, by the patches of grouped convolutions that the host makes.

import type { Tensor } from '@tensorflow/tfjs';
import type { ConvolutionGeometry } from '../../src/rows/convolution.js';
import { extractPatches } from '../../src/rows/images.js';
import { build, type Matrix } from '../support/matrices.js';

/**
 * What a depthwise kernel sees of images, by groups of one channel each: rows of each example, channel and
 * position.
 */
export function channelPatchesOf(
  tensor: Tensor,
  sweep: Pick<ConvolutionGeometry, 'kernel' | 'stride' | 'dilation' | 'padding'>,
): Matrix {
  const [batch, height, width, channels] = tensor.shape;
  const groups = extractPatches(tensor.dataSync<'float32'>(), {
    batch,
    height,
    width,
    channels,
    layout: 'channelsLast',
    groups: channels,
    ...sweep,
  });
  const [{ rows, cols }] = groups;
  const positions = rows / batch;
  return build(rows * channels, cols, (i, j) => {
    const example = Math.floor(i / (channels * positions));
    const group = groups[Math.floor(i / positions) % channels];
    return group.at(example * positions + (i % positions), j);
  });
}

/** Pixels with the outputs of each channel side by side, as rows of each example, channel and position. */
export function byChannel(pixels: Matrix, batch: number, channels: number): Matrix {
  const { rows, cols } = pixels;
  const [positions, multiplier] = [rows / batch, cols / channels];
  return build(rows * channels, cols, (i, j) => {
    const example = Math.floor(i / (channels * positions));
    const channel = Math.floor(i / positions) % channels;
    if (Math.floor(j / multiplier) !== channel) return 0;
    return pixels.at(example * positions + (i % positions), j);
  });
}
