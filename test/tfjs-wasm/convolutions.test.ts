// Convolutions and their gradients on the wasm backend, by our kernels, against the cpu backend.

import { fc, test } from '@fast-check/vitest';
import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect } from 'vitest';
import { registerKernels } from '../../src/tfjs-wasm/index.js';
import { computeOn, expectAgreement, tf, type Values, withKernels } from './backend.js';
import { withGuards } from './guarded.js';
import { differences, fractions, inner, roundingOf, wholes } from './values.js';

const checkGuards = withGuards();

type Padding = Parameters<typeof tf.conv2d>[3];
type Pair = [number, number];

/** Channels about the widths of vectors and panels. */
const channels = fc.constantFrom(1, 2, 3, 4, 5, 8, 9, 12, 16);

function pairs(max: number): fc.Arbitrary<Pair> {
  return fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));
}

const borders: fc.Arbitrary<Pair> = fc.tuple(fc.nat(4), fc.nat(4));

const paddings: fc.Arbitrary<Padding> = fc.oneof(
  fc.constantFrom('same' as const, 'valid' as const),
  fc.nat(3),
  fc.tuple(borders, borders).map(([rows, columns]): Padding => [[0, 0], rows, columns, [0, 0]]),
);

const convolutions = fc
  .record({
    // Several groups of images, where these are small.
    batch: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constantFrom(9, 40)),
    image: pairs(9),
    kernel: pairs(4),
    inputs: channels,
    outputs: channels,
    strides: pairs(5),
    pad: paddings,
    seed: fc.nat(),
  })
  .filter((convolution) => shapesOf(convolution).y.every((length) => length > 0));

interface Convolution {
  readonly batch: number;
  readonly image: Pair;
  readonly kernel: Pair;
  readonly inputs: number;
  readonly outputs: number;
  readonly strides: Pair;
  readonly pad: Padding;
  readonly seed: number;
}

/** The shapes of images, filter and output. */
function shapesOf({ batch, image, kernel, inputs, outputs, strides, pad }: Convolution) {
  const x: [number, number, number, number] = [batch, ...image, inputs];
  const filter: [number, number, number, number] = [...kernel, inputs, outputs];
  const { outHeight, outWidth } = tf.backend_util.computeConv2DInfo(x, filter, strides, 1, pad);
  const y = [batch, outHeight, outWidth, outputs];
  return { x, filter, y };
}

/** Images, filter and the gradient of the output. */
function operandsOf(
  convolution: Convolution,
  values: (shape: readonly number[], seed: number) => Values,
): Values[] {
  const { x, filter, y } = shapesOf(convolution);
  return [x, filter, y].map((shape, i) => values(shape, convolution.seed + i));
}

/** The convolution and both of its gradients. */
function everything({ strides, pad }: Convolution) {
  const convolve = (a: Tensor, b: Tensor) =>
    tf.conv2d(a.as4D(...four(a)), b.as4D(...four(b)), strides, pad);
  return (x: Tensor, filter: Tensor, dy: Tensor) => [
    convolve(x, filter),
    ...tf.grads(convolve)([x, filter], dy),
  ];
}

function four({ shape: [a = 0, b = 0, c = 0, d = 0] }: Tensor): [number, number, number, number] {
  return [a, b, c, d];
}

describe('tf.conv2d and its gradients', () => {
  withKernels();

  test.prop([convolutions], { numRuns: 200 })('of integers are exact', (convolution) => {
    expectAgreement(operandsOf(convolution, wholes), everything(convolution), 0);
    checkGuards();
  });

  test.prop([convolutions])('of any numbers are exact but for rounding', (convolution) => {
    const { x, filter, y } = shapesOf(convolution);
    // The longest of the three sums: a patch, the gradients that a pixel meets, or the positions.
    const longest = Math.max(
      filter[0] * filter[1] * Math.max(filter[2], filter[3]),
      x[0] * y[1] * y[2],
    );
    const operands = operandsOf(convolution, fractions);
    expectAgreement(operands, everything(convolution), roundingOf(longest));
  });

  test.each<[string, Partial<Convolution>]>([
    ['beyond one block of depth', { inputs: 80, kernel: [3, 3], image: [5, 5] }],
    ['of more positions than a block has', { image: [24, 23], inputs: 3, outputs: 9 }],
    ['halved, of small images in groups', { image: [16, 16], strides: [2, 2], batch: 9 }],
    ['seen through a kernel of one pixel', { kernel: [1, 1], image: [7, 7], batch: 5 }],
    [
      'with more zeros than image',
      {
        pad: [
          [0, 0],
          [3, 3],
          [3, 0],
          [0, 0],
        ],
        strides: [7, 7],
        image: [1, 1],
        kernel: [1, 1],
      },
    ],
    [
      'with another stride and kernel each way',
      { pad: 3, kernel: [4, 1], strides: [4, 1], image: [8, 9] },
    ],
  ])('are exact %s', (_, special) => {
    const convolution: Convolution = {
      batch: 2,
      image: [6, 6],
      kernel: [3, 3],
      inputs: 4,
      outputs: 8,
      strides: [1, 1],
      pad: 'same',
      seed: 1,
      ...special,
    };
    expectAgreement(operandsOf(convolution, wholes), everything(convolution), 0);
    checkGuards();
  });

  test('equal differences of the loss, which are exact for what is linear', () => {
    const convolution: Convolution = {
      batch: 2,
      image: [4, 5],
      kernel: [3, 2],
      inputs: 2,
      outputs: 3,
      strides: [2, 1],
      pad: 'same',
      seed: 3,
    };
    const [x, filter, dy] = operandsOf(convolution, wholes);
    const [, dx, dFilter] = computeOn('wasm', [x, filter, dy], everything(convolution));
    const loss = (images: Values, taps: Values) => {
      const [y] = computeOn('cpu', [images, taps, dy], everything(convolution));
      return inner(y, dy);
    };
    expect(Array.from(dx.data)).toEqual(differences(x, 1, (moved) => loss(moved, filter)));
    expect(Array.from(dFilter.data)).toEqual(differences(filter, 1, (moved) => loss(x, moved)));
  });
});

describe('convolutions that become others', () => {
  withKernels();

  test.prop([convolutions, pairs(3)])('are exact dilated', (convolution, dilations) => {
    const { pad } = convolution;
    const shapes = shapesOf(convolution);
    const info = tf.backend_util.computeConv2DInfo(shapes.x, shapes.filter, 1, dilations, pad);
    fc.pre(info.outHeight > 0 && info.outWidth > 0);
    const [x, filter] = operandsOf(convolution, wholes);
    const dilated = (a: Tensor, b: Tensor) =>
      tf.conv2d(a.as4D(...four(a)), b.as4D(...four(b)), 1, pad, 'NHWC', dilations);
    expectAgreement([x, filter], dilated, 0);
    checkGuards();
  });

  test.prop([convolutions])(
    'are exact in one dimension',
    ({ batch, image, kernel, inputs, outputs, strides, seed }) => {
      fc.pre(kernel[0] <= image[0]);
      const x = wholes([batch, image[0], inputs], seed);
      const filter = wholes([kernel[0], inputs, outputs], seed + 1);
      const convolve = (a: Tensor, b: Tensor) =>
        tf.conv1d(
          a.as3D(batch, image[0], inputs),
          b.as3D(kernel[0], inputs, outputs),
          strides[0],
          'same',
        );
      const withGradients = (a: Tensor, b: Tensor) => {
        const y = convolve(a, b);
        return [y, ...tf.grads(convolve)([a, b], tf.onesLike(y))];
      };
      expectAgreement([x, filter], withGradients, 0);
    },
  );

  test.prop([convolutions])('are exact transposed', (convolution) => {
    const { strides, pad } = convolution;
    const { x } = shapesOf(convolution);
    const [, filter, dy] = operandsOf(convolution, wholes);
    fc.pre(typeof pad !== 'object');
    const transposed = (a: Tensor, b: Tensor) =>
      tf.conv2dTranspose(a.as4D(...four(a)), b.as4D(...four(b)), x, strides, pad);
    const withGradients = (a: Tensor, b: Tensor) => {
      const y = transposed(a, b);
      return [y, ...tf.grads(transposed)([a, b], tf.onesLike(y))];
    };
    expectAgreement([dy, filter], withGradients, 0);
  });
});

describe('tf.fused.conv2d', () => {
  withKernels();

  const fused = fc.tuple(
    convolutions,
    fc.constantFrom('linear' as const, 'relu' as const, 'relu6' as const, 'leakyrelu' as const),
    fc.constantFrom('none', 'channels', 'one'),
  );

  test.prop([fused])(
    'adds the bias and applies an activation exactly',
    ([convolution, activation, bias]) => {
      const { strides, pad, outputs, seed } = convolution;
      const [x, filter] = operandsOf(convolution, wholes);
      const added = wholes([bias === 'one' ? 1 : outputs], seed + 3);
      const compute = (a: Tensor, b: Tensor, c: Tensor) =>
        tf.fused.conv2d({
          x: a.as4D(...four(a)),
          filter: b.as4D(...four(b)),
          strides,
          pad,
          activation,
          // A power of two: what it multiplies stays exact.
          leakyreluAlpha: 0.25,
          ...(bias === 'none' ? {} : { bias: c }),
        });
      expectAgreement([x, filter, added], compute, 0);
      checkGuards();
    },
  );
});

/** Which of the values are finite. */
function finite({ data }: Values): boolean[] {
  return Array.from(data, Number.isFinite);
}

describe('what is not finite', () => {
  withKernels();

  test.each([Number.NaN, Infinity])('%s reaches what its pixel reaches, and no more', (bad) => {
    const convolution: Convolution = {
      batch: 2,
      image: [6, 7],
      kernel: [3, 3],
      inputs: 3,
      outputs: 5,
      // Where there is padding, a zero of ours times what is not finite is a NaN; the cpu leaves it out.
      strides: [2, 1],
      pad: 'valid',
      seed: 5,
    };
    for (const operand of [0, 2]) {
      const operands = operandsOf(convolution, fractions);
      operands[operand].data[operands[operand].data.length >> 1] = bad;
      const [ours, theirs] = (['wasm', 'cpu'] as const).map((backend) =>
        computeOn(backend, operands, everything(convolution)).map(finite),
      );
      expect(ours).toEqual(theirs);
    }
  });
});

describe('the workspace', () => {
  test.prop([convolutions], { numRuns: 40 })('is as large as it is used', async (convolution) => {
    // It stays with a handle, so a new one has none of earlier convolutions.
    const kernels = await registerKernels(tf);
    computeOn('wasm', operandsOf(convolution, wholes), everything(convolution));
    checkGuards();
    kernels.restore();
    checkGuards();
  });
});
