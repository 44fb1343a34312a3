// The geometry of a convolution: which input pixels lie under the kernel at each output position.

import { checkInteger, checkType } from '../core/check.js';
import { choice, guarded, integer, type Option, optionList } from '../core/options.js';

/** A batch of images in memory, the last axis varying fastest. */
export interface ImageShape {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** The order in memory: [batch, channels, height, width] or [batch, height, width, channels]. */
  readonly layout: 'channelsFirst' | 'channelsLast';
  /** Blocks of channels that never meet; as many as channels for a depthwise convolution. */
  readonly groups?: number | undefined;
}

/** One number for both axes, or [vertical, horizontal]. */
export type PerAxis = number | readonly [number, number];

/** Zeros around the input: see {@link ConvolutionGeometry.padding}. */
export type Padding =
  | 'valid'
  | 'same'
  | PerAxis
  | readonly [readonly [number, number], readonly [number, number]];

/** A convolution: its input images and how its kernel moves over them. */
export interface ConvolutionGeometry extends ImageShape {
  /** The size of the kernel, [rows, columns]. */
  readonly kernel: readonly [number, number];
  /** Pixels from one position of the kernel to the next (default 1). */
  readonly stride?: PerAxis | undefined;
  /**
   * None ('valid', the default), TensorFlow's 'same' (⌈n/stride⌉ outputs, the odd zero at the end),
   * or zeros on both sides, an axis, or [[top, bottom], [left, right]].
   */
  readonly padding?: Padding | undefined;
  /** Pixels from one element of the kernel to the next (default 1). */
  readonly dilation?: PerAxis | undefined;
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
 *   where it or its kernel is missing or a field is of another type.
 */
export function convolutionOutput(geometry: ConvolutionGeometry): ConvolutionOutput {
  return plan('convolutionOutput', geometry).output;
}

/** One axis of a convolution. */
export interface Axis {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Zeros before the first pixel. */
  readonly before: number;
  /** Output positions. */
  readonly count: number;
}

/** Where the kernel stands for one output position along an axis. */
export interface Window {
  /** Input index under kernel element 0; negative inside the padding. */
  readonly origin: number;
  /** Kernel elements [first, last) lie on the input, the others on padding. */
  readonly first: number;
  readonly last: number;
}

/** Where the kernel stands at output position `position`. */
export function windowAt(
  { size, kernel, stride, dilation, before }: Axis,
  position: number,
): Window {
  const origin = position * stride - before;
  const first = Math.min(Math.max(Math.ceil(-origin / dilation), 0), kernel);
  const last = Math.min(Math.max(Math.ceil((size - origin) / dilation), 0), kernel);
  return { origin, first, last };
}

/** How many output positions see each pixel along an axis. */
export function visitsOf(along: Axis): Float64Array {
  const visits = new Float64Array(along.size);
  for (let position = 0; position < along.count; position++) {
    const { origin, first, last } = windowAt(along, position);
    for (let k = first; k < last; k++) visits[origin + k * along.dilation] += 1;
  }
  return visits;
}

/** A checked image shape, with its groups. */
export type Image = ImageShape & { readonly groups: number };

/** A checked geometry, worked out. */
export interface Plan {
  readonly image: Image;
  readonly vertical: Axis;
  readonly horizontal: Axis;
  readonly output: ConvolutionOutput;
}

/** Two of something, whose names are `expected`. */
function pairOf(expected: string): Option<readonly unknown[]> {
  return guarded(
    expected,
    (value): value is readonly unknown[] => Array.isArray(value) && value.length === 2,
  );
}

const axes: Option<readonly unknown[]> = /* @__PURE__ */ pairOf('[vertical, horizontal]');

const IMAGE = /* @__PURE__ */ optionList({
  batch: /* @__PURE__ */ integer(1),
  channels: /* @__PURE__ */ integer(1),
  height: /* @__PURE__ */ integer(1),
  width: /* @__PURE__ */ integer(1),
  layout: /* @__PURE__ */ choice('channelsFirst', 'channelsLast'),
  groups: /* @__PURE__ */ integer(1).default(1),
});

const GEOMETRY = /* @__PURE__ */ optionList({
  ...IMAGE.entries,
  kernel: /* @__PURE__ */ pairOf('[rows, columns]'),
  stride: /* @__PURE__ */ integer(1).or(axes),
  padding: /* @__PURE__ */ choice('valid', 'same').or(/* @__PURE__ */ integer()).or(axes),
  dilation: /* @__PURE__ */ integer(1).or(axes),
});

/** The padding of one axis. */
const SIDES = /* @__PURE__ */ integer().or(/* @__PURE__ */ pairOf('[before, after]'));

/**
 * Checks an image's shape.
 *
 * @throws RangeError for an unknown field or layout, a size that is not an integer ≥ 1, groups that do
 *   not divide the channels, or more elements than can be counted; TypeError where it is no object.
 */
export function checkImage(where: string, shape: ImageShape): Image {
  IMAGE.read(where, shape, 'shape');
  return imageOf(where, shape);
}

/**
 * Checks a geometry and works it out, in closed form.
 *
 * @throws RangeError where it is not one of a convolution, naming the field, or has more elements than
 *   can be counted; TypeError where it or its kernel is missing or a field is of another type.
 */
export function plan(where: string, geometry: ConvolutionGeometry): Plan {
  GEOMETRY.read(where, geometry, 'geometry');
  const image = imageOf(where, geometry);
  const { kernel, stride = 1, dilation = 1, padding = 'valid' } = geometry;
  checkType(where, 'kernel', kernel, kernel !== undefined, '[rows, columns]');
  const [strides, dilations, paddings] = [
    perAxis(stride),
    perAxis(dilation),
    sides(where, padding),
  ];
  const [vertical, horizontal] = ([0, 1] as const).map((i) =>
    axis(where, ['vertical', 'horizontal'][i], {
      size: [image.height, image.width][i],
      kernel: kernel[i],
      stride: strides[i],
      dilation: dilations[i],
      padding: paddings[i],
    }),
  );
  const output = {
    height: vertical.count,
    width: horizontal.count,
    inputs: (image.channels / image.groups) * kernel[0] * kernel[1],
    rows: image.batch * vertical.count * horizontal.count,
  };
  checkCountable(
    where,
    'the number of elements of the patches',
    output.rows * output.inputs * image.groups,
  );
  return { image, vertical, horizontal, output };
}

/** The fields of an image whose names and types were checked. */
function imageOf(where: string, shape: ImageShape): Image {
  const { batch, channels, height, width, layout, groups = 1 } = shape;
  // A field that is missing passed the list.
  for (const [name, value] of Object.entries({ batch, channels, height, width })) {
    checkInteger(where, name, value, 1);
  }
  IMAGE.entries.layout.check(where, 'layout', layout);
  if (channels % groups !== 0) {
    throw new RangeError(
      `${where}: groups is ${groups}, expected a divisor of the ${channels} channels`,
    );
  }
  checkCountable(where, 'the number of elements of the images', batch * channels * height * width);
  return { batch, channels, height, width, layout, groups };
}

/** Of safe integers, products are exact or not safe themselves, and quotients round right. */
function checkCountable(where: string, name: string, value: number): void {
  if (Number.isSafeInteger(value)) return;
  throw new RangeError(
    `${where}: ${name} is ${value}, expected at most ${Number.MAX_SAFE_INTEGER}`,
  );
}

type Sides = 'same' | readonly [number, number];

interface AxisParts extends Pick<Axis, 'size' | 'kernel' | 'stride' | 'dilation'> {
  readonly padding: Sides;
}

function axis(where: string, name: string, parts: AxisParts): Axis {
  const { size, kernel, stride, dilation, padding } = parts;
  checkInteger(where, `${name} kernel`, kernel, 1);
  checkInteger(where, `${name} stride`, stride, 1);
  checkInteger(where, `${name} dilation`, dilation, 1);
  const span = (kernel - 1) * dilation + 1;
  checkCountable(where, `the span of the ${name} kernel`, span);
  const own = { size, kernel, stride, dilation };
  if (padding === 'same') {
    const count = Math.ceil(size / stride);
    const zeros = Math.max((count - 1) * stride + span - size, 0);
    return { ...own, before: Math.floor(zeros / 2), count };
  }
  const [before, after] = padding;
  checkInteger(where, `${name} padding`, before);
  checkInteger(where, `${name} padding`, after);
  const padded = before + size + after;
  checkCountable(where, `the padded ${name} size`, padded);
  if (span > padded) {
    throw new RangeError(
      `${where}: the ${name} kernel spans ${span} pixels, expected at most the ${padded} of the padded input`,
    );
  }
  return { ...own, before, count: Math.floor((padded - span) / stride) + 1 };
}

function perAxis(value: PerAxis): readonly [number, number] {
  return typeof value === 'number' ? [value, value] : value;
}

function sides(where: string, padding: Padding): readonly [Sides, Sides] {
  if (padding === 'same') return ['same', 'same'];
  if (padding === 'valid') return [perAxis(0), perAxis(0)];
  const [vertical, horizontal] = typeof padding === 'number' ? [padding, padding] : padding;
  SIDES.check(where, 'vertical padding', vertical);
  SIDES.check(where, 'horizontal padding', horizontal);
  return [perAxis(vertical), perAxis(horizontal)];
}
