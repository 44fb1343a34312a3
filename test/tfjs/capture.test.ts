// Capturing what dense layers see: the products of what was captured are the gradients.

import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { captureGradients } from '../../src/tfjs/capture.js';
import { type CapturedBlock, disposeCaptured } from '../../src/tfjs/captured.js';
import { onBackends, tf } from './backends.js';
import { clouds, outputOf, perceptron } from './models.js';
import { EVERYTHING, expectProducts } from './products.js';

type Model = ReturnType<typeof tf.model>;

/** Relative distance ‖A − B‖/‖B‖ that rounding in sums of this length stays below. */
const TOLERANCE = 1e-6;

function distance(A: Tensor, B: Tensor): number {
  return tf.tidy(() => tf.norm(A.sub(B)).div(tf.norm(B)).dataSync()[0]);
}

function lossOf(model: Model, x: Tensor, y: Tensor): () => ReturnType<typeof tf.scalar> {
  return () => tf.mean(tf.squaredDifference(outputOf(model, x), y)).asScalar();
}

/** What is captured of a network whose first layer is frozen, and how many tensors that keeps. */
function capture(options: typeof EVERYTHING): {
  readonly blocks: readonly CapturedBlock[];
  readonly kept: number;
} {
  const model = perceptron();
  model.layers[0].trainable = false;
  const { x, y } = clouds(9);
  const { value, grads, blocks } = captureGradients(tf, lossOf(model, x, y), undefined, options);
  const before = tf.memory().numTensors;
  disposeCaptured(blocks);
  const kept = before - tf.memory().numTensors;
  tf.dispose([x, y, value]);
  tf.dispose(grads);
  model.dispose();
  return { blocks, kept };
}

/** How many tensors are left behind: TensorFlow.js itself loses those that its tape saved. */
function left(run: () => unknown): number {
  const before = tf.memory().numTensors;
  expect(run).toThrow('broken loss');
  return tf.memory().numTensors - before;
}

/** The activations of the layers as functions that no fused kernel knows, as in a capture. */
function unfuse(model: Model): void {
  for (const layer of model.layers) {
    const activation: { apply(x: Tensor): Tensor } = Reflect.get(layer, 'activation');
    const own = { getClassName: () => 'own', apply: (x: Tensor) => activation.apply(x) };
    Reflect.set(layer, 'activation', own);
  }
}

onBackends(['wasm', 'cpu'], () => {
  test('XᵀD is the gradient of the kernel, and 1ᵀD that of the bias', () => {
    const model = perceptron();
    const { x, y } = clouds(20);
    const before = tf.memory().numTensors;
    expect(expectProducts(lossOf(model, x, y))).toEqual([
      [20, 6, 20, 8, 20],
      [20, 8, 20, 5, 20],
      [20, 5, 20, 3, 20],
    ]);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([x, y]);
    model.dispose();
  });

  test('inputs of a higher rank are flattened to rows', () => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [4, 5], units: 3, activation: 'sigmoid' }),
        tf.layers.dense({ units: 2 }),
      ],
    });
    const [x, y] = [tf.randomNormal([7, 4, 5], 0, 1, 'float32', 1), tf.ones([7, 4, 2])];
    expect(expectProducts(lossOf(model, x, y))).toEqual([
      [28, 5, 28, 3, 7],
      [28, 3, 28, 2, 7],
    ]);
    tf.dispose([x, y]);
    model.dispose();
  });

  test('a layer that is applied twice has the rows of both uses', () => {
    const input = tf.input({ shape: [4] });
    const shared = tf.layers.dense({ units: 4, activation: 'elu' });
    const output = shared.apply(shared.apply(input));
    if (!(output instanceof tf.SymbolicTensor)) throw new Error('expected one symbol');
    const model = tf.model({ inputs: input, outputs: output });
    const [x, y] = [tf.randomNormal([6, 4], 0, 1, 'float32', 2), tf.zeros([6, 4])];
    expect(expectProducts(lossOf(model, x, y))).toEqual([[12, 4, 12, 4, 6]]);
    tf.dispose([x, y]);
    model.dispose();
  });

  test.each([
    ['of fewer rows', [5, 3], [4, 3], [5, 3, 5, 2, 5]],
    ['of more rows', [5, 3], [64, 3], [5, 3, 5, 2, 5]],
    ['of a higher rank', [4, 5, 3], [2, 5, 3], [20, 3, 20, 2, 4]],
  ])('a use that does not reach the loss does not count: %s', (_, shape, missed, products) => {
    const layer = tf.layers.dense({ units: 2, inputShape: shape.slice(1) });
    const [x, other] = [tf.randomNormal(shape, 0, 1, 'float32', 3), tf.ones(missed)];
    layer.apply(x);
    expect(
      expectProducts(() => {
        layer.apply(other);
        const output = layer.apply(x);
        if (!(output instanceof tf.Tensor)) throw new Error('expected one output');
        return output.square().mean();
      }),
    ).toEqual([products]);
    tf.dispose([x, other]);
    layer.dispose();
  });

  test('the gradient of something else inside the loss does not count', () => {
    const model = perceptron();
    const { x, y } = clouds(20);
    const loss = lossOf(model, x, y);
    const beside = (): ReturnType<typeof loss> => {
      tf.grad((input) => outputOf(model, input).square().sum().mul(1000))(x);
      return loss();
    };
    const before = tf.memory().numTensors;
    expect(expectProducts(beside)).toEqual(expectProducts(loss));
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([x, y]);
    model.dispose();
  });

  test('a gradient penalty has the gradients of TensorFlow.js, and leaves nothing behind', () => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [6], units: 4, activation: 'tanh' }),
        tf.layers.dense({ units: 1 }),
      ],
    });
    const { x, y } = clouds(9);
    const slope = tf.grad((input) => outputOf(model, input).sum());
    const loss = () => slope(x).square().mean().add(outputOf(model, x).square().mean()).asScalar();
    const plain = tf.variableGrads(loss);
    const before = tf.memory().numTensors;
    const { value, grads, blocks } = captureGradients(tf, loss, undefined, EVERYTHING);
    for (const [name, gradient] of Object.entries(plain.grads)) {
      expect(distance(grads[name], gradient), name).toBeLessThanOrEqual(TOLERANCE);
    }
    disposeCaptured(blocks);
    tf.dispose(grads);
    value.dispose();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([x, y, plain.value]);
    tf.dispose(plain.grads);
    model.dispose();
  });

  test.each([
    ['the same bias', true],
    ['a bias each', false],
  ])('layers with one kernel and %s are one block', (_, sameBias) => {
    const [first, second] = [1, 2].map(() => tf.layers.dense({ units: 4, inputShape: [4] }));
    const [x, y] = [tf.randomNormal([6, 4], 0, 1, 'float32', 2), tf.zeros([6, 4])];
    for (const layer of [first, second]) layer.build([null, 4]);
    Reflect.set(second, 'kernel', Reflect.get(first, 'kernel'));
    if (sameBias) Reflect.set(second, 'bias', Reflect.get(first, 'bias'));
    const loss = () => {
      const output = second.apply(first.apply(x));
      if (!(output instanceof tf.Tensor)) throw new Error('expected one output');
      return tf.losses.meanSquaredError(y, output).asScalar();
    };
    expect(expectProducts(loss)).toEqual([[12, 4, 12, 4, 6]]);
    const { value, grads, blocks } = captureGradients(tf, loss, undefined, EVERYTHING);
    expect(blocks.map(({ bias }) => bias !== undefined)).toEqual([sameBias]);
    disposeCaptured(blocks);
    tf.dispose(grads);
    tf.dispose([x, y, value]);
  });
});

onBackends(['wasm'], () => {
  describe('captures no more than it is asked for', () => {
    test.each([
      [false, false],
      [true, false],
      [true, true],
    ])('inputs %s, gradients %s, of layers that are trained', (inputs, outputGradients) => {
      const before = tf.memory().numTensors;
      const { blocks, kept } = capture({ inputs, outputGradients });
      expect(tf.memory().numTensors).toBe(before);
      expect(blocks.map(({ bias }) => bias !== undefined)).toEqual([false, true]);
      expect(blocks.map(({ uses }) => uses.length)).toEqual(inputs ? [1, 1] : [0, 0]);
      expect(kept).toBe(2 * (Number(inputs) + Number(outputGradients)));
    });
  });

  test('the gradients are those that TensorFlow.js computes', () => {
    const model = perceptron();
    const { x, y } = clouds(15);
    const loss = lossOf(model, x, y);
    const plain = tf.variableGrads(loss);
    const { grads, value, blocks } = captureGradients(tf, loss, undefined, EVERYTHING);
    expect(Object.keys(grads)).toEqual(Object.keys(plain.grads));
    for (const name of Object.keys(grads)) {
      expect(distance(grads[name], plain.grads[name]), name).toBeLessThanOrEqual(TOLERANCE);
    }
    disposeCaptured(blocks);
    tf.dispose([plain.value, value, x, y]);
    tf.dispose(grads);
    tf.dispose(plain.grads);
    model.dispose();
  });

  test('a loss that throws leaves nothing patched and nothing captured', () => {
    const model = perceptron();
    unfuse(model);
    const { x, y } = clouds(10);
    const dense: unknown = Object.getPrototypeOf(tf.layers.dense({ units: 1 }));
    const methods = () => [
      Object.getOwnPropertyDescriptor(tf.layers.Layer.prototype, 'apply'),
      Object.getOwnPropertyDescriptor(dense, 'call'),
    ];
    const own = methods();
    const activations = model.layers.map((layer) => Reflect.get(layer, 'activation'));
    const loss = lossOf(model, x, y);
    const broken = (): ReturnType<typeof loss> => {
      loss();
      throw new Error('broken loss');
    };
    const plainly = left(() => tf.variableGrads(broken));
    expect(
      left(() =>
        captureGradients(tf, broken, undefined, { ...EVERYTHING, outputGradients: false }),
      ),
    ).toBe(plainly);
    const activation = {
      getClassName: () => 'broken',
      apply() {
        throw new Error('broken loss');
      },
    };
    Reflect.set(model.layers[0], 'activation', activation);
    left(() => captureGradients(tf, loss, undefined, EVERYTHING));
    expect(methods()).toEqual(own);
    expect(own).not.toContain(undefined);
    expect(model.layers.map((layer) => Reflect.get(layer, 'activation'))).toEqual([
      activation,
      ...activations.slice(1),
    ]);
    tf.dispose([x, y]);
    model.dispose();
  });
});
