// Curvature in TensorFlow.js: products of the Hessian by central differences, with all else held.

import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { EPSILON } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { centralDifference } from '../../src/tfjs/central-difference.js';
import { HeldLoss } from '../../src/tfjs/held-loss.js';
import { adahessian, nysact, sketchySgd } from '../../src/tfjs/index.js';
import { gaussian, type Matrix, norm, uniform } from '../support/matrices.js';
import { initialParameters, teacherTask } from '../support/mlp.js';
import { hessianTimes } from '../support/mlp-curvature.js';
import { onBackends, tf } from './backends.js';
import { clouds, crossEntropy, meanSquare, perceptron, weightsOf } from './models.js';
import { expectTraining } from './trains.js';

const tensor = (A: Matrix) => tf.tensor2d(Float32Array.from(A.data), [A.rows, A.cols]);

/** zWᵀ + bᵀ. */
const layer = (z: Tensor, W: Tensor, b: Tensor): Tensor =>
  tf.add(tf.matMul(z, tf.transpose(W)), tf.transpose(b));

/** A loss that was computed once. */
function held(f: () => Scalar): HeldLoss {
  const loss = new HeldLoss(tf, f);
  loss.first().dispose();
  return loss;
}

/** Every bit of variables. */
function bits(variables: readonly Variable[]): string[] {
  return variables.map((variable) => {
    const { buffer, byteOffset, byteLength } = variable.dataSync<'float32'>().slice();
    return Buffer.from(buffer, byteOffset, byteLength).toString('hex');
  });
}

/** All variables of a model, the moving statistics among them. */
function variablesOf(model: ReturnType<typeof tf.sequential>): Variable[] {
  return model.weights.map((weight) => weight.read()).filter((one) => one instanceof tf.Variable);
}

onBackends(['wasm', 'cpu'], () => {
  test('a small block beside large weights is moved by its own size', () => {
    const large = tf.variable(tf.randomNormal([200, 64], 0, 3, 'float32', 1));
    const small = tf.variable(tf.tensor1d([0.5]));
    const loss = held(() =>
      tf.tidy(() =>
        tf
          .sum(tf.softplus(small))
          .add(tf.sum(tf.square(large)).mul(1e-6))
          .asScalar(),
      ),
    );
    const vectors = [tf.zerosLike(large), tf.onesLike(small)];
    const products = centralDifference(tf, [loss], [large, small], vectors);
    const sigmoid = 1 / (1 + Math.exp(-0.5));
    const exact = sigmoid * (1 - sigmoid);
    // As for the perceptrons below; moved by the length of all weights it would be off by a tenth and more.
    const limit = 10 * (EPSILON.float32 / 2) ** (2 / 3);
    expect(Math.abs(products[1].dataSync()[0] / exact - 1)).toBeLessThan(limit);
    tf.dispose([large, small, ...vectors, ...products]);
  });

  test.each([1, 2, 3, 4])('Hv of a perceptron is exact to about u^(2/3) (seed %d)', (seed) => {
    const widths = [6, 8, 3];
    const parameters = initialParameters(widths, seed);
    const task = teacherTask(widths, 24, seed);
    const random = uniform(seed + 50);
    const vectors = parameters.map(({ rows, cols }) => gaussian(random, rows, cols));
    const exact = hessianTimes(
      parameters.map((A) => convert(convert(A, 'float32'), 'float64')),
      task,
      vectors,
    );
    const variables = parameters.map((A) => tf.variable(tensor(A)));
    const [x, y] = [tensor(task.inputs), tensor(task.targets)];
    const [W1, b1, W2, b2] = variables;
    const loss = held(() =>
      tf.tidy(() => {
        const out = layer(tf.tanh(layer(x, W1, b1)), W2, b2);
        return tf
          .sum(tf.square(tf.sub(out, y)))
          .div(2 * 24)
          .asScalar();
      }),
    );
    const directions = vectors.map(tensor);
    const products = centralDifference(tf, [loss], variables, directions);
    const square = exact.reduce((sum, P) => sum + norm(P) ** 2, 0);
    const off = products.reduce((sum, P, i) => {
      const values = P.dataSync();
      return sum + exact[i].data.reduce((s, h, k) => s + (values[k] - h) ** 2, 0);
    }, 0);
    // u^(2/3) = 1.5e-5 times a constant of the network: measured 1.4e-5 to 3.7e-5.
    const error = Math.sqrt(off / square);
    expect(error).toBeLessThanOrEqual(10 * (EPSILON.float32 / 2) ** (2 / 3));
    tf.dispose([x, y, ...variables, ...directions, ...products]);
  });

  test('curvature is what moves: the steps of AdaHessian along exact products are nearly the same', () => {
    // f = Σ aᵢwᵢ²/2 has z∘Hz = a whatever the signs.
    const a = [1, 10, 100];
    const w = tf.variable(tf.tensor1d([1, 1, 1]));
    const optimizer = adahessian(tf, { learningRate: 0.1 });
    optimizer.minimize(() =>
      tf
        .sum(tf.mul(tf.tensor1d(a), tf.square(w)))
        .div(2)
        .asScalar(),
    );
    const moved = Array.from(w.dataSync(), (x) => 1 - x);
    // m̂/(√v̂ + ε) = a/(a + ε) to rounding and to that of the difference.
    for (const [i, x] of moved.entries()) {
      expect(Math.abs(x - (0.1 * a[i]) / (a[i] + 1e-4))).toBeLessThanOrEqual(1e-4);
    }
    tf.dispose(w);
    optimizer.dispose();
  });
});

onBackends(['wasm'], () => {
  test.each([
    ['dropout', () => [tf.layers.dropout({ rate: 0.5 })]],
    ['noise', () => [tf.layers.gaussianNoise({ stddev: 1 })]],
    ['products with noise', () => [tf.layers.gaussianDropout({ rate: 0.5 })]],
    ['alpha dropout', () => [tf.layers.alphaDropout({ rate: 0.5 })]],
    ['batch statistics', () => [tf.layers.batchNormalization()]],
  ])('is the same twice, and leaves every variable as it was: %s', (_, between) => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [6], units: 8, activation: 'softplus' }),
        ...between(),
        tf.layers.dense({ units: 3 }),
      ],
    });
    const { x } = clouds(16);
    const loss = held(meanSquare(model, x));
    const variables = trainable(model);
    const before = bits(variablesOf(model));
    const vectors = variables.map((w, i) => tf.randomNormal(w.shape, 0, 1, 'float32', i + 1));
    const tensors = tf.memory().numTensors;
    const [first, second] = [0, 1].map(() => centralDifference(tf, [loss], variables, vectors));
    expect(second.map((P) => Array.from(P.dataSync()))).toEqual(
      first.map((P) => Array.from(P.dataSync())),
    );
    expect(bits(variablesOf(model))).toEqual(before);
    tf.dispose([...first, ...second]);
    expect(tf.memory().numTensors).toBe(tensors);
    tf.dispose([x, ...vectors]);
    model.dispose();
  });

  test('a loss that throws leaves weights, draws and the optimiser as they were', () => {
    const w = tf.variable(tf.tensor1d([1, 2, 3]));
    const optimizer = adahessian(tf);
    const { random } = Math;
    let calls = 0;
    const loss = () => {
      if (++calls === 3) throw new Error('no more');
      return tf.sum(tf.square(w)).asScalar();
    };
    const before = bits([w]);
    const tensors = tf.memory().numTensors;
    expect(() => optimizer.minimize(loss)).toThrow('no more');
    expect(Math.random).toBe(random);
    expect(bits([w])).toEqual(before);
    expect(optimizer.iterations).toBe(0);
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
    w.dispose();
  });

  test('a loss that draws more when it is computed again is refused', () => {
    const w = tf.variable(tf.tensor1d([1]));
    const optimizer = adahessian(tf);
    let calls = 0;
    const before = bits([w]);
    const loss = () => {
      calls++;
      for (let k = 0; k < calls; k++) Math.random();
      return tf.sum(tf.square(w)).asScalar();
    };
    expect(() => optimizer.minimize(loss)).toThrow(
      /^applyGradients: the loss draws more than 1 random numbers when it is computed again/,
    );
    expect(bits([w])).toEqual(before);
    tf.dispose(w);
    optimizer.dispose();
  });

  test('inputs that were disposed of before applyGradients are told by name of what must live', () => {
    const w = tf.variable(tf.tensor1d([1, 2, 3]));
    const optimizer = adahessian(tf);
    const lossOf = (x: Tensor) => () => tf.sum(tf.square(tf.mul(w, x))).asScalar();
    const gradientsOf = (x: Tensor) => {
      const { value, grads } = optimizer.computeGradients(lossOf(x), [w]);
      value.dispose();
      return grads;
    };
    const x = tf.tensor1d([3, 2, 1]);
    const first = gradientsOf(x);
    optimizer.applyGradients(first);
    const [before, bytes] = [bits([w]), optimizer.stateBytes];
    const tensors = tf.memory().numTensors;
    const gone = tf.tensor1d([1, 1, 1]);
    const grads = gradientsOf(gone);
    gone.dispose();
    let error: unknown;
    try {
      optimizer.applyGradients(grads);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /^applyGradients: the loss threw when it was computed again for a product with the Hessian \(.+\), expected it to work until then: what it uses, its inputs for one, must live until applyGradients$/,
      ),
      cause: expect.any(Error),
    });
    tf.dispose(grads);
    expect([bits([w]), optimizer.stateBytes, optimizer.iterations]).toEqual([before, bytes, 1]);
    expect(tf.memory().numTensors).toBe(tensors);
    optimizer.minimize(lossOf(x));
    expect(optimizer.iterations).toBe(2);
    tf.dispose([w, x, first]);
    optimizer.dispose();
  });

  test.each([
    ['adahessian', () => adahessian(tf, { learningRate: 0.1 })],
    ['nysact', () => nysact(tf, { learningRate: 0.1, rank: 2, observeEvery: 1, refreshEvery: 1 })],
  ])('a step of minimize is of its batch alone, whatever was skipped before: %s', (_, make) => {
    const batches = [1, 2, 3].map((seed) => clouds(12, 6, seed));
    const [one, other] = [perceptron(), perceptron()];
    const [first, second] = [make(), make()];
    first.minimize(crossEntropy(one, batches[0]));
    second.minimize(crossEntropy(other, batches[0]));
    // A loss that a caller looks at, and decides against.
    const skipped = first.computeGradients(crossEntropy(one, batches[1]));
    tf.dispose([skipped.value, skipped.grads, batches[1].x, batches[1].y]);
    first.minimize(crossEntropy(one, batches[2]));
    second.minimize(crossEntropy(other, batches[2]));
    expect(weightsOf(one)).toEqual(weightsOf(other));
    for (const each of [one, other, first, second]) each.dispose();
    for (const { x, y } of batches) tf.dispose([x, y]);
  });

  test('nothing that a skipped batch showed is held once minimize has failed', () => {
    const { x, y } = clouds(12);
    const model = perceptron();
    const optimizer = nysact(tf, { rank: 2, observeEvery: 1, refreshEvery: 1 });
    optimizer.minimize(crossEntropy(model, { x, y }));
    const tensors = tf.memory().numTensors;
    const skipped = optimizer.computeGradients(crossEntropy(model, { x, y }));
    tf.dispose([skipped.value, skipped.grads]);
    expect(() =>
      optimizer.minimize(() => {
        throw new Error('no more');
      }),
    ).toThrow('no more');
    expect(tf.memory().numTensors).toBe(tensors);
    tf.dispose([x, y]);
    optimizer.dispose();
    model.dispose();
  });

  test('gradients that were computed elsewhere are refused at steps that use curvature', () => {
    const w = tf.variable(tf.tensor1d([1, 2]));
    const optimizer = sketchySgd(tf, { refreshEvery: 2, rank: 1 });
    const loss = () => tf.sum(tf.square(w)).asScalar();
    const { value, grads } = tf.variableGrads(loss, [w]);
    const before = bits([w]);
    expect(() => optimizer.applyGradients(grads)).toThrow(
      new RangeError(
        "sketchySgd: step 0 uses curvature, but its gradients were computed elsewhere: compute them with this optimizer's computeGradients(f), or use minimize or model.fit",
      ),
    );
    expect(bits([w])).toEqual(before);
    optimizer.minimize(loss, false, [w]);
    // Step 1 uses none.
    optimizer.applyGradients(grads);
    expect(optimizer.iterations).toBe(2);
    tf.dispose([value, grads, w]);
    optimizer.dispose();
  });

  describe.each([
    ['adahessian', () => adahessian(tf, { learningRate: 0.1 })],
    [
      'sketchySgd',
      () => sketchySgd(tf, { learningRate: 0.1, rank: 4, refreshEvery: 3, momentum: 0.5 }),
    ],
  ])('%s', (_, make) => {
    test('learns in fit; metrics are those of one computation of the loss, and nothing leaks', async () => {
      const model = perceptron();
      model.compile({
        optimizer: make(),
        loss: 'categoricalCrossentropy',
        metrics: ['accuracy', 'mse'],
      });
      const { x, y } = clouds(48);
      expect(await model.trainOnBatch(x, y)).toHaveLength(3);
      const { history } = await model.fit(x, y, { epochs: 2, batchSize: 16, shuffle: false });
      const tensors = tf.memory().numTensors;
      const { history: later } = await model.fit(x, y, {
        epochs: 10,
        batchSize: 16,
        shuffle: false,
      });
      expect(tf.memory().numTensors).toBe(tensors);
      expect(Object.keys(later).toSorted()).toEqual(['acc', 'loss', 'mse']);
      expect(Number(later.loss.at(-1))).toBeLessThan(0.8 * Number(history.loss[0]));
      tf.dispose([x, y]);
      model.optimizer.dispose();
      model.dispose();
    });

    test('trains with normalisation and dropout, leaves no tensor, and reports why no layer is named', () => {
      expectTraining(
        {
          network: () =>
            tf.sequential({
              layers: [
                tf.layers.dense({
                  inputShape: [6],
                  units: 8,
                  activation: 'softplus',
                  kernelInitializer: tf.initializers.glorotNormal({ seed: 3 }),
                }),
                tf.layers.batchNormalization(),
                tf.layers.dropout({ rate: 0.1, seed: 5 }),
                tf.layers.dense({
                  units: 3,
                  kernelInitializer: tf.initializers.glorotNormal({ seed: 4 }),
                }),
              ],
            }),
          make,
          batch: () => clouds(24),
        },
        (model, optimizer) => {
          for (const { kind, reason } of optimizer.report(model)) {
            expect([kind, reason]).toEqual([
              undefined,
              'the optimizer scales it by the curvature of the loss, whatever its layer',
            ]);
          }
        },
      );
    });

    test('a run goes on bit for bit from its state', async () => {
      const { x, y } = clouds(24);
      const [one, other] = [perceptron(), perceptron()];
      const [first, second] = [make(), make()];
      const loss = (model: typeof one) => crossEntropy(model, { x, y });
      for (let k = 0; k < 4; k++) first.minimize(loss(one), false, trainable(one));
      second.restoreState(await first.exportState());
      other.setWeights(one.getWeights());
      for (let k = 0; k < 4; k++) {
        first.minimize(loss(one), false, trainable(one));
        second.minimize(loss(other), false, trainable(other));
      }
      expect(weightsOf(other)).toEqual(weightsOf(one));
      for (const each of [one, other, first, second]) each.dispose();
      tf.dispose([x, y]);
    });
  });

  test('of micro-batches the curvature is the mean', () => {
    const w = tf.variable(tf.tensor1d([1]));
    const optimizer = adahessian(tf, { learningRate: 0.1 });
    const parts = [1, 3].map((a) =>
      optimizer.computeGradients(
        () =>
          tf
            .sum(tf.square(w))
            .mul(a / 2)
            .asScalar(),
        [w],
      ),
    );
    // The mean of the gradients is 2, and so is that of the second derivatives.
    optimizer.applyGradients({ [w.name]: tf.tensor1d([2]) });
    expect(Math.abs(w.dataSync()[0] - (1 - 0.2 / (2 + 1e-4)))).toBeLessThanOrEqual(1e-4);
    tf.dispose(parts.map(({ value, grads }) => [value, grads]));
    w.dispose();
    optimizer.dispose();
  });
});

function trainable(model: ReturnType<typeof tf.sequential>): Variable[] {
  return model.trainableWeights
    .map((weight) => weight.read())
    .filter((one) => one instanceof tf.Variable);
}
