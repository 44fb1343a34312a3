// The geometry of convolutions: closed forms, and what is none.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import {
  type ConvolutionGeometry,
  convolutionOutput,
  plan,
  visitsOf,
  windowAt,
} from '../../src/rows/convolution.js';
import { geometries } from './images.js';

const small: ConvolutionGeometry = {
  batch: 2,
  channels: 4,
  height: 5,
  width: 6,
  layout: 'channelsLast',
  kernel: [3, 3],
};

test.prop([geometries], { numRuns: 100 })(
  'a pixel is visited wherever a kernel stands on it',
  (drawn) => {
    const { vertical, horizontal } = plan('test', drawn);
    for (const axis of [vertical, horizontal]) {
      const visits = new Float64Array(axis.size);
      for (let position = 0; position < axis.count; position++) {
        for (let k = 0; k < axis.kernel; k++) {
          const pixel = position * axis.stride - axis.before + k * axis.dilation;
          if (pixel >= 0 && pixel < axis.size) visits[pixel]++;
        }
      }
      expect(visitsOf(axis)).toEqual(visits);
    }
  },
);

describe('convolutionOutput', () => {
  test.prop([geometries], { numRuns: 100 })(
    "'same' gives ⌈n/stride⌉ outputs whatever the kernel",
    (drawn) => {
      const { height, width } = convolutionOutput({ ...drawn, padding: 'same' });
      expect(height).toBe(Math.ceil(drawn.height / drawn.stride[0]));
      expect(width).toBe(Math.ceil(drawn.width / drawn.stride[1]));
    },
  );

  test.prop([geometries, fc.tuple(fc.nat(3), fc.nat(3))], { numRuns: 100 })(
    'padding counts as input',
    (drawn, [before, after]) => {
      const valid: ConvolutionGeometry = { ...drawn, padding: 'valid' };
      const height = drawn.height + 2 * 3;
      const width = drawn.width + 2 * 3;
      const padded = convolutionOutput({
        ...valid,
        height,
        width,
        padding: [
          [before, after],
          [after, before],
        ],
      });
      const larger = { height: height + before + after, width: width + before + after };
      expect(padded).toEqual(convolutionOutput({ ...valid, ...larger }));
    },
  );

  test('counts rows and columns of each group', () => {
    expect(convolutionOutput(small)).toEqual({ height: 3, width: 4, inputs: 36, rows: 24 });
    expect(convolutionOutput({ ...small, groups: 4 }).inputs).toBe(9);
  });

  test('costs nothing, whatever the size: the arithmetic is exact', () => {
    const tall: ConvolutionGeometry = { ...small, batch: 1, channels: 1, width: 1, kernel: [1, 1] };
    for (const height of [3e7, 2 ** 31, 2 ** 53 - 1]) {
      expect(convolutionOutput({ ...tall, height }).height).toBe(height);
      // ⌈n/3⌉ in integers of any length.
      const third = Number((BigInt(height) + 2n) / 3n);
      for (const padding of ['valid', 'same'] as const) {
        expect(convolutionOutput({ ...tall, height, stride: 3, padding }).rows).toBe(third);
      }
    }
    expect(convolutionOutput({ ...tall, height: 1, padding: [1e9, 0] }).rows).toBe(2e9 + 1);
  });

  test.prop([geometries], { numRuns: 100 })(
    'a window holds the kernel elements that lie on the input, and no others',
    (drawn) => {
      for (const axis of [plan('test', drawn).vertical, plan('test', drawn).horizontal]) {
        for (let position = 0; position < axis.count; position++) {
          const { origin, first, last } = windowAt(axis, position);
          expect(origin).toBe(position * axis.stride - axis.before);
          for (let k = 0; k < axis.kernel; k++) {
            const pixel = origin + k * axis.dilation;
            expect(k >= first && k < last).toBe(pixel >= 0 && pixel < axis.size);
          }
        }
      }
    },
  );

  test.each<[string, object]>([
    ['batch is 0, expected an integer >= 1', { batch: 0 }],
    ['channels is 1.5, expected an integer >= 1', { channels: 1.5 }],
    ['height is -1, expected an integer >= 1', { height: -1 }],
    ['width is NaN, expected an integer >= 1', { width: Number.NaN }],
    ["layout is 'NHWC', expected 'channelsFirst' or 'channelsLast'", { layout: 'NHWC' }],
    ['groups is 0, expected an integer >= 1', { groups: 0 }],
    ['groups is 3, expected a divisor of the 4 channels', { groups: 3 }],
    ['vertical kernel is 0, expected an integer >= 1', { kernel: [0, 3] }],
    ['horizontal kernel is undefined, expected an integer >= 1', { kernel: [3, undefined] }],
    ['stride is 0, expected an integer >= 1 or [vertical, horizontal]', { stride: 0 }],
    ['vertical stride is 0, expected an integer >= 1', { stride: [0, 1] }],
    ['horizontal stride is -2, expected an integer >= 1', { stride: [1, -2] }],
    ['horizontal dilation is 0, expected an integer >= 1', { dilation: [1, 0] }],
    ["padding is -1, expected 'valid' or 'same' or an integer >= 0 or", { padding: -1 }],
    ['vertical padding is -1, expected an integer >= 0', { padding: [-1, 0] }],
    ['horizontal padding is 0.5, expected an integer >= 0', { padding: [1, 0.5] }],
    [
      'horizontal padding is -1, expected an integer >= 0',
      {
        padding: [
          [1, 1],
          [0, -1],
        ],
      },
    ],
    [
      'the number of elements of the images is 18014398509481982, expected at most 9007199254740991',
      { batch: 1, channels: 2, height: 2 ** 53 - 1, width: 1 },
    ],
    [
      'the number of elements of the images is 138350580552821640000, expected at most',
      { batch: 2 ** 31, channels: 2 ** 31 },
    ],
    [
      'the number of elements of the patches is 3.6',
      { batch: 1, channels: 1, height: 1, width: 1, kernel: [1, 1], padding: [3e10, 3e11] },
    ],
    [
      'the span of the vertical kernel is 18014398509481980, expected at most 9007199254740991',
      { kernel: [2 ** 53 - 1, 1], dilation: 2 },
    ],
    [
      'the padded vertical size is 18014398509481988, expected at most 9007199254740991',
      { padding: [2 ** 53 - 1, 0] },
    ],
    [
      "unknown option 'strides', expected one of batch, channels, height, width, layout, groups, kernel, stride, padding, dilation; did you mean 'stride'?",
      { strides: 2 },
    ],
    ["unknown option 'bias', expected one of", { bias: true }],
    ["padding is 'full', expected 'valid' or 'same'", { padding: 'full' }],
    [
      'the vertical kernel spans 7 pixels, expected at most the 5 of the padded input',
      { dilation: 3 },
    ],
    [
      'the horizontal kernel spans 9 pixels, expected at most the 8 of the padded input',
      { kernel: [3, 9], padding: 1 },
    ],
  ])('refuses what is no convolution: %s', (message, change) => {
    const geometry: unknown = { ...small, ...change };
    const call = () => Reflect.apply(convolutionOutput, undefined, [geometry]);
    expect(call).toThrow(RangeError);
    expect(call).toThrow(`convolutionOutput: ${message}`);
  });

  test.each(['batch', 'channels', 'height', 'width'] as const)(
    'refuses to go without %s',
    (name) => {
      const { [name]: _, ...rest } = small;
      expect(() => Reflect.apply(convolutionOutput, undefined, [rest])).toThrow(
        new RangeError(`convolutionOutput: ${name} is undefined, expected an integer >= 1`),
      );
    },
  );

  test.each<[string, Partial<Record<keyof ConvolutionGeometry, unknown>>]>([
    ["batch is '2', expected an integer >= 1", { batch: '2' }],
    ["layout is undefined, expected 'channelsFirst' or 'channelsLast'", { layout: undefined }],
    ['kernel is undefined, expected [rows, columns]', { kernel: undefined }],
    ['kernel is 3, expected [rows, columns]', { kernel: 3 }],
    ['kernel is [object Array], expected [rows, columns]', { kernel: [3] }],
    ['kernel is [object Array], expected [rows, columns]', { kernel: [3, 3, 3] }],
    [
      'stride is [object Array], expected an integer >= 1 or [vertical, horizontal]',
      { stride: [] },
    ],
    ['stride is null, expected an integer >= 1 or [vertical, horizontal]', { stride: null }],
    ['dilation is [object Array], expected an integer >= 1 or', { dilation: [1, 1, 1] }],
    ["padding is [object Array], expected 'valid' or 'same' or an integer", { padding: [1] }],
    [
      'vertical padding is [object Array], expected an integer >= 0 or [before, after]',
      { padding: [[1], [1, 1]] },
    ],
    [
      'vertical padding is [object Array], expected an integer >= 0 or',
      {
        padding: [
          [1, 1, 5],
          [1, 1],
        ],
      },
    ],
    [
      'horizontal padding is null, expected an integer >= 0 or [before, after]',
      { padding: [1, null] },
    ],
  ])('refuses by type what is no convolution: %s', (message, change) => {
    const geometry: unknown = { ...small, ...change };
    const call = () => Reflect.apply(convolutionOutput, undefined, [geometry]);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(`convolutionOutput: ${message}`);
  });

  test('refuses to go without a geometry', () => {
    for (const geometry of [undefined, null, 5]) {
      expect(() => Reflect.apply(convolutionOutput, undefined, [geometry])).toThrow(
        new TypeError(`convolutionOutput: geometry is ${geometry}, expected an object`),
      );
    }
  });
});
