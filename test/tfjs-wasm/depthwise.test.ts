// Gradients of depthwise convolutions by our kernels, against the cpu backend and against differences.

import { fc, test } from '@fast-check/vitest';
import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect } from 'vitest';
import { computeOn, expectAgreement, tf, type Values, withKernels } from './backend.js';
import { withGuards } from './guarded.js';
import { differences, fractions, inner, roundingOf, wholes } from './values.js';

const checkGuards = withGuards();
withKernels();

type Pair = [number, number];
type Four = [number, number, number, number];

interface Convolution {
  readonly batch: number;
  readonly image: Pair;
  readonly inputs: number;
  readonly multiplier: number;
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly pad: 'same' | 'valid' | number;
  readonly seed: number;
}

function pairs(max: number): fc.Arbitrary<Pair> {
  return fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));
}

const convolutions: fc.Arbitrary<Convolution> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    image: pairs(8),
    inputs: fc.constantFrom(1, 2, 3, 4, 5, 8, 9),
    multiplier: fc.constantFrom(1, 1, 2, 3, 4),
    kernel: pairs(4),
    strides: pairs(4),
    pad: fc.oneof(fc.constantFrom('same' as const, 'valid' as const), fc.nat(3)),
    seed: fc.nat(),
  })
  .filter((convolution) => shapesOf(convolution).y.every((length) => length > 0));

function shapesOf({ batch, image, inputs, multiplier, kernel, strides, pad }: Convolution) {
  const x: Four = [batch, ...image, inputs];
  const filter: Four = [...kernel, inputs, multiplier];
  const info = tf.backend_util.computeConv2DInfo(x, filter, strides, 1, pad, undefined, true);
  const y: Four = [batch, info.outHeight, info.outWidth, inputs * multiplier];
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

function convolve(convolution: Convolution) {
  const { x, filter } = shapesOf(convolution);
  const { strides, pad } = convolution;
  return (a: Tensor, b: Tensor) =>
    tf.depthwiseConv2d(a.as4D(...x), b.as4D(...filter), strides, pad);
}

/** Both gradients, which compute nothing forward. */
function gradients({ strides, pad, ...rest }: Convolution) {
  const { x: inputShape, filter: filterShape } = shapesOf({ strides, pad, ...rest });
  const attrs = { strides, pad, dilations: [1, 1] };
  return (x: Tensor, filter: Tensor, dy: Tensor): Tensor[] =>
    [
      tf
        .engine()
        .runKernel('DepthwiseConv2dNativeBackpropInput', { dy, filter }, { ...attrs, inputShape }),
      tf
        .engine()
        .runKernel('DepthwiseConv2dNativeBackpropFilter', { x, dy }, { ...attrs, filterShape }),
    ].flat();
}

/** The gradient of a dilated filter. */
function dilated(): unknown {
  return tf.tidy(() =>
    tf
      .engine()
      .runKernel(
        'DepthwiseConv2dNativeBackpropFilter',
        { x: tf.ones([1, 5, 5, 1]), dy: tf.ones([1, 5, 5, 1]) },
        { strides: 1, pad: 'same', dilations: 2, filterShape: [2, 2, 1, 1] },
      ),
  );
}

describe('the gradients of tf.depthwiseConv2d', () => {
  test.prop([convolutions], { numRuns: 200 })('of integers are exact', (convolution) => {
    expectAgreement(operandsOf(convolution, wholes), gradients(convolution), 0);
    checkGuards();
  });

  test.prop([convolutions])('of any numbers are exact but for rounding', (convolution) => {
    const { x, filter, y } = shapesOf(convolution);
    // The longest sum: the gradients that a pixel meets, or the positions.
    const longest = Math.max(filter[0] * filter[1] * filter[3], x[0] * y[1] * y[2]);
    const operands = operandsOf(convolution, fractions);
    expectAgreement(operands, gradients(convolution), roundingOf(longest));
  });

  test.each([1, 2])('equal differences, which are exact for what is linear: ×%i', (multiplier) => {
    const convolution: Convolution = {
      batch: 2,
      image: [4, 5],
      inputs: 3,
      multiplier,
      kernel: [3, 2],
      strides: [2, 2],
      pad: 'same',
      seed: 2,
    };
    const [x, filter, dy] = operandsOf(convolution, wholes);
    const forward = convolve(convolution);
    const [dx, dFilter] = computeOn('wasm', [x, filter, dy], (a, b, c) =>
      tf.grads(forward)([a, b], c),
    );
    const loss = (images: Values, taps: Values) => {
      const [y] = computeOn('cpu', [images, taps], forward);
      return inner(y, dy);
    };
    expect(Array.from(dx.data)).toEqual(differences(x, 1, (moved) => loss(moved, filter)));
    expect(Array.from(dFilter.data)).toEqual(differences(filter, 1, (moved) => loss(x, moved)));
  });

  test('a NaN reaches what its pixel reaches, and no more', () => {
    const convolution: Convolution = {
      batch: 2,
      image: [5, 6],
      inputs: 5,
      multiplier: 2,
      kernel: [3, 3],
      strides: [2, 1],
      pad: 'same',
      seed: 5,
    };
    for (const operand of [0, 1, 2]) {
      const operands = operandsOf(convolution, fractions);
      operands[operand].data[operands[operand].data.length >> 1] = Number.NaN;
      const [ours, theirs] = (['wasm', 'cpu'] as const).map((backend) =>
        computeOn(backend, operands, gradients(convolution)).map(({ data }) =>
          Array.from(data, Number.isFinite),
        ),
      );
      expect(ours).toEqual(theirs);
    }
  });

  test('are refused by name where the filter is dilated: TensorFlow.js has none on wasm', () => {
    expect(dilated).toThrow(/^DepthwiseConv2dNativeBackpropFilter: these arguments are not known/);
  });
});
