// The geometry of a convolution: which input pixels lie under the kernel at each output position.

import { checkChoice, checkInteger, checkType, isObject } from '../core/check.js';

/** A batch of images in memory, the last axis varying fastest. */
export interface ImageShape {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** [batch, channels, height, width] or [batch, height, width, channels]. */
  readonly layout: 'channelsFirst' | 'channelsLast';
  /** Blocks of channels that never meet; as many as channels for a depthwise convolution. */
  readonly groups?: number;
}

/** One number for both axes, or [vertical, horizontal]. */
export type PerAxis = number | readonly [number, number];

/** A convolution: its input images and how its kernel moves over them. */
export interface ConvolutionGeometry extends ImageShape {
  /** [rows, columns] of the kernel. */
  readonly kernel: readonly [number, number];
  readonly stride?: PerAxis;
  /**
   * None ('valid', the default), TensorFlow's 'same' (⌈n/stride⌉ outputs, the odd zero at the end),
   * or zeros on both sides, an axis, or [[top, bottom], [left, right]].
   */
  readonly padding?:
    | 'valid'
    | 'same'
    | PerAxis
    | readonly [readonly [number, number], readonly [number, number]];
  readonly dilation?: PerAxis;
}

/** What comes out of a convolution, and the shape of its patch matrices. */
export interface ConvolutionOutput {
  readonly height: number;
  readonly width: number;
  /** p, the columns of each group's patch matrix. */
  readonly inputs: number;
  /** m, the rows of each: batch·height·width. */
  readonly rows: number;
}

/**
 * The size of a convolution's output and of its patch matrices. Cost: none.
 *
 * @throws RangeError where the geometry is not one of a convolution, naming the field; TypeError
 *   where it or its kernel is missing.
 */
export function convolutionOutput(geometry: ConvolutionGeometry): ConvolutionOutput {
  const { output } = plan('convolutionOutput', geometry);
  return output;
}

/** Where the kernel stands for one output position along an axis. */
export interface Window {
  /** Input index under kernel element 0; negative inside the padding. */
  readonly origin: number;
  /** Kernel elements [first, last) lie on the input, the others on padding. */
  readonly first: number;
  readonly last: number;
}

/** One axis of a convolution. */
export interface Axis {
  readonly size: number;
  readonly kernel: number;
  readonly dilation: number;
  readonly windows: readonly Window[];
}

/** A checked geometry, worked out. */
export interface Plan {
  readonly batch: number;
  readonly channels: number;
  readonly groups: number;
  readonly vertical: Axis;
  readonly horizontal: Axis;
  readonly output: ConvolutionOutput;
}

/**
 * Checks an image's shape; the number of groups.
 *
 * @throws RangeError for an unknown layout, a size that is not an integer ≥ 1, or groups that do not
 *   divide the channels.
 */
export function checkImage(where: string, shape: ImageShape): number {
  const { batch, channels, height, width, layout, groups = 1 } = shape;
  checkChoice(where, 'layout', layout, ['channelsFirst', 'channelsLast']);
  checkInteger(where, 'batch', batch, 1);
  checkInteger(where, 'channels', channels, 1);
  checkInteger(where, 'height', height, 1);
  checkInteger(where, 'width', width, 1);
  checkInteger(where, 'groups', groups, 1);
  if (channels % groups === 0) return groups;
  throw new RangeError(
    `${where}: groups is ${groups}, expected a divisor of the ${channels} channels`,
  );
}

/**
 * Checks a geometry and works it out.
 *
 * @throws RangeError where it is not one of a convolution, naming the field; TypeError where it or
 *   its kernel is missing.
 */
export function plan(where: string, geometry: ConvolutionGeometry): Plan {
  checkType(where, 'geometry', geometry, isObject(geometry), 'an object');
  const { batch, channels, height, width, kernel } = geometry;
  const groups = checkImage(where, geometry);
  checkType(where, 'kernel', kernel, Array.isArray(kernel), '[rows, columns]');
  const strides = pair(geometry.stride ?? 1);
  const dilations = pair(geometry.dilation ?? 1);
  const paddings = sides(where, geometry.padding ?? 'valid');
  const [vertical, horizontal] = [height, width].map((size, i) =>
    axis(
      where,
      ['vertical', 'horizontal'][i],
      size,
      kernel[i],
      strides[i],
      dilations[i],
      paddings[i],
    ),
  );
  const output = {
    height: vertical.windows.length,
    width: horizontal.windows.length,
    inputs: (channels / groups) * kernel[0] * kernel[1],
    rows: batch * vertical.windows.length * horizontal.windows.length,
  };
  return { batch, channels, groups, vertical, horizontal, output };
}

type Padding = 'same' | readonly [number, number];

function axis(
  where: string,
  name: string,
  size: number,
  kernel: number,
  stride: number,
  dilation: number,
  padding: Padding,
): Axis {
  checkInteger(where, `${name} kernel`, kernel, 1);
  checkInteger(where, `${name} stride`, stride, 1);
  checkInteger(where, `${name} dilation`, dilation, 1);
  const span = (kernel - 1) * dilation + 1;
  let count = Math.ceil(size / stride);
  let before = Math.floor(Math.max((count - 1) * stride + span - size, 0) / 2);
  if (padding !== 'same') {
    for (const side of padding) checkInteger(where, `${name} padding`, side);
    const padded = padding[0] + size + padding[1];
    if (span > padded) {
      throw new RangeError(
        `${where}: the ${name} kernel spans ${span} pixels, expected at most the ${padded} of the padded input`,
      );
    }
    count = Math.floor((padded - span) / stride) + 1;
    before = padding[0];
  }
  const windows = Array.from({ length: count }, (_, position) => {
    const origin = position * stride - before;
    const clamp = (pixel: number) =>
      Math.min(Math.max(Math.ceil((pixel - origin) / dilation), 0), kernel);
    return { origin, first: clamp(0), last: clamp(size) };
  });
  return { size, kernel, dilation, windows };
}

function pair(value: PerAxis): readonly [number, number] {
  return typeof value === 'object' ? value : [value, value];
}

function sides(
  where: string,
  padding: NonNullable<ConvolutionGeometry['padding']>,
): readonly [Padding, Padding] {
  if (typeof padding === 'string') {
    checkChoice(where, 'padding', padding, ['valid', 'same']);
    const both: Padding = padding === 'same' ? 'same' : [0, 0];
    return [both, both];
  }
  const [vertical, horizontal] = typeof padding === 'object' ? padding : [padding, padding];
  return [pair(vertical), pair(horizontal)];
}
