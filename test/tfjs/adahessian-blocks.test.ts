// What AdaHessian averages its diagonal over in TensorFlow.js: the positions of kernels of convolutions, rows of
// other matrices, and nothing in tables of words.

import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { EPSILON } from '../../src/core/dtype.js';
import { adahessian, type Taps, type TfjsOptimizer } from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';

/** Axes of a kernel [2, 2, U, V] behind its positions. */
const [U, V] = [2, 3];
const SIZE = 4 * U * V;
const axes = (i: number) => [Math.floor(i / (U * V)), Math.floor(i / V) % U, i % V] as const;
const curvature = (p: number, u: number, v: number): number => 1 + p + 4 * u + 16 * v;

/** A tensor of these curvatures, by what an element is of. */
function curvatures(shape: number[], of: (i: number) => readonly [number, number, number]): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return tf.tensor(
    Array.from({ length: size }, (_, i) => curvature(...of(i))),
    shape,
  );
}

/** Something that gives every weight alone, once: ½Σaw² is half the weighted square of its outputs. */
interface Case {
  readonly kernel: Variable;
  outputs(this: void, taps: Taps): Tensor;
  readonly weights: Tensor;
  readonly disposed: readonly { dispose(): void }[];
}

const ones = { useBias: false, kernelInitializer: 'ones', name: 'k' } as const;

/** A model of one layer. */
function oneLayer(layer: InstanceType<typeof tf.layers.Layer>, inputShape: number[]) {
  const input = tf.input({ shape: inputShape });
  const output = layer.apply(input);
  if (!(output instanceof tf.SymbolicTensor)) throw new TypeError('no symbolic tensor');
  const model = tf.model({ inputs: input, outputs: output });
  const [kernel] = model.trainableWeights.map((weight) => weight.read());
  if (!(kernel instanceof tf.Variable)) throw new TypeError('no variable');
  return { model, kernel };
}

function ofLayer(layer: InstanceType<typeof tf.layers.Layer>, x: Tensor, weights: Tensor): Case {
  const { model, kernel } = oneLayer(layer, x.shape.slice(1));
  const outputs = (): Tensor => {
    const given = model.apply(x);
    if (!(given instanceof tf.Tensor)) throw new TypeError('no tensor');
    return given;
  };
  return { kernel, outputs, weights, disposed: [x, weights, model] };
}

/** One example for each of `size` elements, which is 1 there. */
function unit(size: number, shape: readonly number[]): Tensor {
  return tf.tidy(() => tf.reshape(tf.eye(size), [size, ...shape]));
}

/** Weights of 1, of no layer. */
const weightsOfOne = (): Variable => tf.tidy(() => tf.variable(tf.ones([2, 2, U, V])));

/** Images of 2×2 pixels and U channels, each with a 1 in one place. */
const images = (): Tensor => unit(4 * U, [2, 2, U]);

const CASES: Readonly<Record<string, () => Case>> = {
  'conv2d, tapped'() {
    const [kernel, x] = [weightsOfOne(), images()];
    const weights = curvatures([4 * U, 1, 1, V], axes);
    const outputs = (taps: Taps) => taps.conv2d(x, kernel);
    return { kernel, outputs, weights, disposed: [x, weights, kernel] };
  },
  conv2d: () =>
    ofLayer(
      tf.layers.conv2d({ filters: V, kernelSize: 2, ...ones }),
      images(),
      curvatures([4 * U, 1, 1, V], axes),
    ),
  conv1d: () =>
    ofLayer(
      tf.layers.conv1d({ filters: V, kernelSize: 4, ...ones }),
      unit(4 * U, [4, U]),
      curvatures([4 * U, 1, V], axes),
    ),
  depthwiseConv2d: () =>
    ofLayer(
      tf.layers.depthwiseConv2d({
        kernelSize: 2,
        depthMultiplier: V,
        useBias: false,
        depthwiseInitializer: 'ones',
      }),
      images(),
      // Outputs of other channels than that of the image are 0.
      curvatures([4 * U, 1, 1, U * V], (i) => {
        const [p, inChannel] = [Math.floor(i / (U * U * V)), i % (U * V)];
        return [p, Math.floor(inChannel / V), inChannel % V];
      }),
    ),
  conv2dTranspose: () =>
    ofLayer(
      tf.layers.conv2dTranspose({ filters: U, kernelSize: 2, ...ones }),
      unit(V, [1, 1, V]),
      curvatures([V, 2, 2, U], (i) => [Math.floor(i / U) % 4, i % U, Math.floor(i / (4 * U))]),
    ),
};

/** What one step at the rate 0.1 from weights of 1 divides each curvature by. */
function averages({ kernel, outputs, weights }: Case, optimizer: TfjsOptimizer): number[] {
  optimizer.minimize(
    () =>
      tf.tidy(() =>
        tf
          .sum(tf.mul(weights, tf.square(outputs(optimizer.tap))))
          .div(2)
          .asScalar(),
      ),
    false,
    [kernel],
  );
  return Array.from(kernel.dataSync(), (x, i) => (0.1 * curvature(...axes(i))) / (1 - x));
}

const overPositions = (i: number): number => {
  const [, u, v] = axes(i);
  return curvature(1.5, u, v);
};

/** AdaHessian's ε over the smallest average, 2.5, and the error of the central difference. */
const CLOSE = 1e-4 / 2.5 + 10 * (EPSILON.float32 / 2) ** (2 / 3);

function expectAverages(found: readonly number[], expected: (i: number) => number): void {
  expect(found.length).toBe(SIZE);
  for (const [i, x] of found.entries()) {
    expect(Math.abs(x / expected(i) - 1)).toBeLessThanOrEqual(CLOSE);
  }
}

onBackends(['cpu'], () => {
  test.each(Object.entries(CASES))('over the positions of a kernel: %s', (_, make) => {
    const one = make();
    const tensors = tf.memory().numTensors;
    const optimizer = adahessian(tf, { learningRate: 0.1 });
    expectAverages(averages(one, optimizer), overPositions);
    // m of all elements, and v of one for each pair of inputs and outputs.
    expect(optimizer.stateBytes).toBe(4 * (SIZE + U * V));
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
    for (const each of one.disposed) each.dispose();
  });

  test('over nothing where words are looked up, and those of no example stay where they are', () => {
    const words = 100;
    const { model, kernel } = oneLayer(
      tf.layers.embedding({ inputDim: words, outputDim: V, embeddingsInitializer: 'ones' }),
      [1],
    );
    const x = tf.tidy(() => tf.range(0, 4 * U, 1, 'int32').expandDims(1));
    const weights = curvatures([4 * U, 1, V], axes);
    const optimizer = adahessian(tf, { learningRate: 0.1 });
    const outputs = (): Tensor => {
      const given = model.apply(x);
      if (!(given instanceof tf.Tensor)) throw new TypeError('no tensor');
      return given;
    };
    const found = averages({ kernel, outputs, weights, disposed: [] }, optimizer);
    expectAverages(found.slice(0, SIZE), (i) => curvature(...axes(i)));
    expect(kernel.dataSync().slice(SIZE)).toEqual(new Float32Array(words * V - SIZE).fill(1));
    expect(optimizer.stateBytes).toBe(4 * 2 * words * V);
    tf.dispose([x, weights]);
    model.dispose();
    optimizer.dispose();
  });

  test('over a row of what has as many axes and is no kernel', () => {
    const [kernel, weights] = [weightsOfOne(), curvatures([2, 2, U, V], axes)];
    const optimizer = adahessian(tf, { learningRate: 0.1 });
    const one = { kernel, outputs: () => kernel, weights, disposed: [] };
    // Rows of the slot are outputs.
    expectAverages(averages(one, optimizer), (i) => curvature(1.5, 0.5, axes(i)[2]));
    expect(optimizer.stateBytes).toBe(4 * (SIZE + V));
    tf.dispose([kernel, weights]);
    optimizer.dispose();
  });

  test.each([1, 2])(
    'a kernel that joins later is known, and is the same in a run that is resumed (estimates every %d steps)',
    async (hessianEvery) => {
      const { kernel, weights, disposed, outputs } = CASES['conv2d, tapped']();
      const [first, last] = [1, 2].map((x) => tf.tidy(() => tf.variable(tf.scalar(x))));
      const optimizer = adahessian(tf, { learningRate: 0.1, hessianEvery });
      const lossOf = (one: TfjsOptimizer) => (): Scalar =>
        tf.tidy(() =>
          tf
            .sum(tf.mul(weights, tf.square(outputs(one.tap))))
            .add(tf.square(first))
            .add(tf.square(last))
            .asScalar(),
        );
      const all = [first, kernel, last];
      for (const trained of [1, 2, 3, 3]) {
        optimizer.minimize(lossOf(optimizer), false, all.slice(0, trained));
      }
      expect(optimizer.stateBytes).toBe(4 * (2 * 2 + SIZE + U * V));
      const resumed = adahessian(tf, { learningRate: 0.1, hessianEvery });
      resumed.restoreState(await optimizer.exportState());
      const start = all.map((variable) => variable.dataSync().slice());
      const after = [optimizer, resumed].map((one) => {
        all.forEach((variable, i) => {
          tf.tidy(() => variable.assign(tf.tensor(start[i], variable.shape)));
        });
        one.minimize(lossOf(one), false, all);
        return all.map((variable) => variable.dataSync().slice());
      });
      expect(after[1]).toEqual(after[0]);
      tf.dispose([first, last]);
      for (const each of disposed) each.dispose();
      optimizer.dispose();
      resumed.dispose();
    },
  );
});
