import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type ConvolutionGeometry, convolutionOutput } from '../../src/covariance/convolution.js';
import { geometries } from './images.js';

const small: ConvolutionGeometry = {
  batch: 2,
  channels: 4,
  height: 5,
  width: 6,
  layout: 'channelsLast',
  kernel: [3, 3],
};

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

  test('counts a column for the bias', () => {
    expect(convolutionOutput(small)).toEqual({ height: 3, width: 4, inputs: 36, rows: 24 });
    expect(convolutionOutput({ ...small, bias: true }).inputs).toBe(37);
    expect(convolutionOutput({ ...small, groups: 4, bias: true }).inputs).toBe(10);
  });

  test.each<[string, Partial<Record<keyof ConvolutionGeometry, unknown>>]>([
    ['batch is 0, expected an integer >= 1', { batch: 0 }],
    ['channels is 1.5, expected an integer >= 1', { channels: 1.5 }],
    ['height is -1, expected an integer >= 1', { height: -1 }],
    ['width is NaN, expected an integer >= 1', { width: Number.NaN }],
    ["layout is 'NHWC', expected 'channelsFirst' or 'channelsLast'", { layout: 'NHWC' }],
    ['groups is 0, expected an integer >= 1', { groups: 0 }],
    ['groups is 3, expected a divisor of the 4 channels', { groups: 3 }],
    ['vertical kernel is 0, expected an integer >= 1', { kernel: [0, 3] }],
    ['horizontal kernel is undefined, expected an integer >= 1', { kernel: [3] }],
    ['vertical stride is 0, expected an integer >= 1', { stride: 0 }],
    ['horizontal stride is -2, expected an integer >= 1', { stride: [1, -2] }],
    ['horizontal dilation is 0, expected an integer >= 1', { dilation: [1, 0] }],
    ['vertical padding is -1, expected an integer >= 0', { padding: -1 }],
    ['horizontal padding is 0.5, expected an integer >= 0', { padding: [1, 0.5] }],
    ['horizontal padding is undefined, expected an integer >= 0', { padding: [1] }],
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
});
