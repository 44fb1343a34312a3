// Capturing what dense layers see: the products of what was captured are the gradients.

import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { type CapturedLayer, captureGradients, disposeCaptured } from '../../src/tfjs/capture.js';
import { onBackends, tf } from './backends.js';
import { clouds, perceptron } from './models.js';

type Model = ReturnType<typeof tf.model>;

const EVERYTHING = { inputs: true, outputGradients: true };

/** Relative distance ‖A − B‖/‖B‖ that rounding in sums of this length stays below. */
const TOLERANCE = 1e-6;

function distance(A: Tensor, B: Tensor): number {
  return tf.tidy(() => tf.norm(A.sub(B)).div(tf.norm(B)).dataSync()[0]);
}

function lossOf(model: Model, x: Tensor, y: Tensor): () => ReturnType<typeof tf.scalar> {
  return () => {
    const output = model.apply(x, { training: true });
    if (!(output instanceof tf.Tensor)) throw new Error('expected one output');
    return tf.mean(tf.squaredDifference(output, y)).asScalar();
  };
}

/** Captures everything, compares every product with its gradient, and returns the layers' shapes. */
function expectProducts(loss: () => ReturnType<typeof tf.scalar>): number[][] {
  const { value, grads, layers } = captureGradients(tf, loss, undefined, EVERYTHING);
  const shapes = layers.map(({ X, D, kernel, bias, examples }) => {
    if (X === undefined || D === undefined) throw new Error('X and D must be captured');
    tf.tidy(() => {
      expect(distance(tf.matMul(X.transpose(), D), grads[kernel])).toBeLessThanOrEqual(TOLERANCE);
      if (bias !== undefined) {
        expect(distance(tf.sum(D, 0), grads[bias])).toBeLessThanOrEqual(TOLERANCE);
      }
    });
    return [...X.shape, ...D.shape, examples];
  });
  disposeCaptured(layers);
  tf.dispose(grads);
  value.dispose();
  return shapes;
}

/** What is captured of a network whose first layer is frozen. */
function capture(options: typeof EVERYTHING): CapturedLayer[] {
  const model = perceptron();
  model.layers[0].trainable = false;
  const { x, y } = clouds(9);
  const { value, grads, layers } = captureGradients(tf, lossOf(model, x, y), undefined, options);
  disposeCaptured(layers);
  tf.dispose([x, y, value]);
  tf.dispose(grads);
  model.dispose();
  return [...layers];
}

/** How many tensors are left behind: TensorFlow.js itself loses those that its tape saved. */
function left(run: () => unknown): number {
  const before = tf.memory().numTensors;
  expect(run).toThrow('broken loss');
  return tf.memory().numTensors - before;
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
    ['has no gradient', [5, 3], [4, 3], [9, 3, 9, 2, 4]],
    ['of a higher rank has a row for each of its tokens', [4, 5, 3], [2, 5, 3], [30, 3, 30, 2, 2]],
  ])('a use that does not reach the loss %s', (_, shape, missed, products) => {
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
});

onBackends(['wasm'], () => {
  describe('captures no more than it is asked for', () => {
    test.each([
      [false, false],
      [true, false],
      [true, true],
    ])('inputs %s, gradients %s, of layers that are trained', (inputs, outputGradients) => {
      const before = tf.memory().numTensors;
      const layers = capture({ inputs, outputGradients });
      expect(tf.memory().numTensors).toBe(before);
      expect(layers.map(({ bias }) => bias !== undefined)).toEqual([false, true]);
      for (const { X, D } of layers) {
        expect([X !== undefined, D !== undefined]).toEqual([inputs, outputGradients]);
      }
    });
  });

  test('the gradients are those that TensorFlow.js computes', () => {
    const model = perceptron();
    const { x, y } = clouds(15);
    const loss = lossOf(model, x, y);
    const plain = tf.variableGrads(loss);
    const { grads, value, layers } = captureGradients(tf, loss, undefined, EVERYTHING);
    expect(Object.keys(grads)).toEqual(Object.keys(plain.grads));
    for (const name of Object.keys(grads)) {
      expect(distance(grads[name], plain.grads[name]), name).toBeLessThanOrEqual(TOLERANCE);
    }
    disposeCaptured(layers);
    tf.dispose([plain.value, value, x, y]);
    tf.dispose(grads);
    tf.dispose(plain.grads);
    model.dispose();
  });

  test('a loss that throws leaves nothing patched and nothing captured', () => {
    const model = perceptron();
    const { x, y } = clouds(10);
    const apply: unknown = Reflect.get(tf.layers.Layer.prototype, 'apply');
    const activations = model.layers.map((layer) => Reflect.get(layer, 'activation'));
    const loss = lossOf(model, x, y);
    const broken = (): ReturnType<typeof loss> => {
      loss();
      throw new Error('broken loss');
    };
    const own = left(() => tf.variableGrads(broken));
    expect(
      left(() =>
        captureGradients(tf, broken, undefined, { ...EVERYTHING, outputGradients: false }),
      ),
    ).toBe(own);
    const layerThrows = left(() =>
      captureGradients(
        tf,
        () => {
          model.layers[0].call = () => {
            throw new Error('broken loss');
          };
          return loss();
        },
        undefined,
        EVERYTHING,
      ),
    );
    expect(layerThrows).toBe(0);
    expect(Reflect.get(tf.layers.Layer.prototype, 'apply')).toBe(apply);
    expect(model.layers.map((layer) => Reflect.get(layer, 'activation'))).toEqual(activations);
    tf.dispose([x, y]);
    model.dispose();
  });
});
