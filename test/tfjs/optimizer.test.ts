// The optimisers inside TensorFlow.js: they learn, leak nothing, agree with the CPU and continue.

import type { Scalar, Tensor } from '@tensorflow/tfjs';
import { describe, expect, test, vi } from 'vitest';
import type { Slot } from '../../src/backend/backend.js';
import { place } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import { DenseMatrix } from '../../src/core/matrix.js';
import * as muons from '../../src/optimize/muon.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import * as optimizers from '../../src/optimize/optimizers.js';
import * as shampoos from '../../src/optimize/shampoo.js';
import type { Transform } from '../../src/optimize/transform.js';
import { slotRows } from '../../src/rows/dense.js';
import { captureGradients } from '../../src/tfjs/capture.js';
import { disposeCaptured } from '../../src/tfjs/captured.js';
import {
  adam,
  adamw,
  eva,
  foof,
  kfac,
  makeOptimizer,
  muon,
  newtonMuon,
  nysact,
  nystromShampoo,
  sgd,
  shampoo,
  type TfjsOptimizer,
} from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { clouds, crossEntropy, layerWeights, perceptron, stacked, weightsOf } from './models.js';

type Model = ReturnType<typeof perceptron>;
type Matrix = DenseMatrix<'float32'>;

interface Case {
  readonly name: string;
  readonly make: () => TfjsOptimizer;
  readonly transform: () => Transform;
}

const SGD = { learningRate: 0.05, momentum: 0.9, weightDecay: 5e-4 } as const;
const CADENCE = { ...SGD, observeEvery: 2, refreshEvery: 4, damping: 0.5 } as const;
const NYSACT = { ...CADENCE, rank: 3, seed: 5 } as const;

const CASES: readonly Case[] = [
  { name: 'sgd', make: () => sgd(tf, SGD), transform: () => optimizers.sgd(SGD) },
  {
    name: 'adam',
    make: () => adam(tf, { learningRate: 0.02 }),
    transform: () => optimizers.adam({ learningRate: 0.02 }),
  },
  {
    name: 'adamw',
    make: () => adamw(tf, { learningRate: 0.02 }),
    transform: () => optimizers.adamw({ learningRate: 0.02 }),
  },
  { name: 'foof', make: () => foof(tf, CADENCE), transform: () => optimizers.foof(CADENCE) },
  { name: 'kfac', make: () => kfac(tf, CADENCE), transform: () => optimizers.kfac(CADENCE) },
  { name: 'eva', make: () => eva(tf, CADENCE), transform: () => optimizers.eva(CADENCE) },
  {
    name: 'nysact, Gaussian',
    make: () => nysact(tf, NYSACT),
    transform: () => optimizers.nysact(NYSACT),
  },
  {
    name: 'nysact, subcolumns and tail',
    make: () => nysact(tf, { ...NYSACT, sketch: 'subcolumn', tail: true, klClip: 0.01 }),
    transform: () =>
      optimizers.nysact({ ...NYSACT, sketch: 'subcolumn', tail: true, klClip: 0.01 }),
  },
];

/** Matrices have a norm of about 1 at every step, so that the rate is all that is left. */
const MUON = { learningRate: 0.02, momentum: 0.8, weightDecay: 5e-4, rest: 'sgd' } as const;
const BY_GRADIENTS: readonly Case[] = [
  { name: 'muon', make: () => muon(tf, MUON), transform: () => muons.muon(MUON) },
  {
    name: 'newton-muon',
    make: () => newtonMuon(tf, { ...MUON, observeEvery: 2, refreshEvery: 4, rank: 3 }),
    transform: () => muons.newtonMuon({ ...MUON, observeEvery: 2, refreshEvery: 4, rank: 3 }),
  },
  {
    name: 'shampoo, grafted',
    make: () => shampoo(tf, { ...CADENCE, blockSize: 4, decay: 0.9, graft: 'sgd' }),
    transform: () => shampoos.shampoo({ ...CADENCE, blockSize: 4, decay: 0.9, graft: 'sgd' }),
  },
  {
    name: 'nystrom-shampoo',
    make: () => nystromShampoo(tf, NYSACT),
    transform: () => shampoos.nystromShampoo(NYSACT),
  },
];

/** Two layers without an activation, whose products and biases are one kernel. */
function linear(): Model {
  return tf.sequential({
    layers: [5, 3].map((units, seed) =>
      tf.layers.dense({
        ...(seed === 0 ? { inputShape: [6] } : {}),
        units,
        kernelInitializer: tf.initializers.glorotNormal({ seed }),
        biasInitializer: tf.initializers.randomNormal({ seed: seed + 9 }),
      }),
    ),
  });
}

/** The k-th batch of a seeded stream; every third is shorter. */
function batch(k: number): ReturnType<typeof clouds> {
  return clouds(k % 3 === 2 ? 7 : 16, 6, 100 + k);
}

function train(model: Model, optimizer: TfjsOptimizer, from: number, to: number): void {
  for (let k = from; k < to; k++) {
    const data = batch(k);
    optimizer.minimize(crossEntropy(model, data));
    tf.dispose([data.x, data.y]);
  }
}

onBackends(['wasm'], () => {
  describe.each([...CASES, ...BY_GRADIENTS])('$name', ({ make, transform }) => {
    test('learns through compile and fit, with a short last batch', async () => {
      const model = perceptron();
      model.compile({ optimizer: make(), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
      const { x, y } = clouds(76);
      const { history } = await model.fit(x, y, {
        epochs: 15,
        batchSize: 16,
        shuffle: false,
      });
      const { loss, acc } = history;
      expect(Number(acc.at(-1))).toBeGreaterThanOrEqual(0.9);
      expect(Number(loss.at(-1))).toBeLessThanOrEqual(0.5 * Number(loss[0]));
      tf.dispose([x, y]);
      model.optimizer.dispose();
      model.dispose();
    });

    test('keeps the number of tensors over 50 steps, and dispose frees its own', () => {
      const before = tf.memory().numTensors;
      const model = perceptron();
      const optimizer = make();
      const bare = tf.memory().numTensors;
      train(model, optimizer, 0, 9);
      expect(optimizer.stateBytes).toBeGreaterThan(0);
      const { numTensors, numBytes } = tf.memory();
      train(model, optimizer, 9, 49);
      expect(tf.memory().numTensors).toBe(numTensors);
      expect(tf.memory().numBytes).toBe(numBytes);
      optimizer.dispose();
      expect(tf.memory().numTensors).toBe(bare);
      model.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });

    test('computes what the CPU backend computes', () => {
      const model = perceptron();
      const optimizer = make();
      const twin = new Twin(model, transform());
      for (let k = 0; k < 10; k++) {
        const data = batch(k);
        twin.step(crossEntropy(model, data));
        optimizer.minimize(crossEntropy(model, data));
        tf.dispose([data.x, data.y]);
        expect(twin.distance(model), `step ${k}`).toBeLessThanOrEqual(CPU_TOLERANCE);
      }
      optimizer.dispose();
      model.dispose();
    });

    test.each(['plain data', 'named tensors'])('continues bit for bit from %s', async (form) => {
      const [model, optimizer] = [perceptron(), make()];
      train(model, optimizer, 0, 11);
      const weights = model.getWeights().map((weight) => weight.clone());
      const state = structuredClone(await optimizer.exportState());
      const tensors = await optimizer.getWeights();
      train(model, optimizer, 11, 20);

      const [copy, other] = [perceptron(6, 99), make()];
      copy.setWeights(weights);
      if (form === 'plain data') other.restoreState(state);
      else await other.setWeights(tensors);
      tf.dispose(tensors.map(({ tensor }) => tensor));
      expect(other.iterations).toBe(11);
      train(copy, other, 11, 20);
      expect(weightsOf(copy)).toEqual(weightsOf(model));
      expect(other.iterations).toBe(20);
      tf.dispose(weights);
      for (const one of [model, copy, optimizer, other]) one.dispose();
    });
  });

  test('biases keep a shape that fused kernels take, in training and in prediction', () => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [6], units: 4, activation: 'relu' }),
        tf.layers.dense({ units: 3 }),
      ],
    });
    const optimizer = sgd(tf);
    train(model, optimizer, 0, 3);
    const { x, y } = clouds(5);
    tf.tidy(() => {
      expect(model.apply(x)).toMatchObject({ shape: [5, 3] });
    });
    tf.dispose([x, y]);
    for (const one of [model, optimizer]) one.dispose();
  });

  test('a run is resumed bit for bit where layers are linear, and their kernels fused', async () => {
    const [model, optimizer] = [linear(), nysact(tf, NYSACT)];
    train(model, optimizer, 0, 11);
    const [copy, other] = [linear(), nysact(tf, NYSACT)];
    copy.setWeights(model.getWeights());
    other.restoreState(await optimizer.exportState());
    for (let k = 11; k < 15; k++) {
      train(model, optimizer, k, k + 1);
      train(copy, other, k, k + 1);
      expect(weightsOf(copy), `step ${k}`).toEqual(weightsOf(model));
    }
    for (const one of [model, copy, optimizer, other]) one.dispose();
  });

  test('a run that has begun can be put back', async () => {
    const [model, optimizer] = [perceptron(), nysact(tf, NYSACT)];
    train(model, optimizer, 0, 3);
    const weights = model.getWeights().map((weight) => weight.clone());
    const state = await optimizer.exportState();
    train(model, optimizer, 3, 9);
    const first = weightsOf(model);
    model.setWeights(weights);
    optimizer.restoreState(state);
    train(model, optimizer, 3, 9);
    expect(weightsOf(model)).toEqual(first);
    tf.dispose(weights);
    for (const one of [model, optimizer]) one.dispose();
  });

  test('a state of another model is refused at the first step', async () => {
    const [model, optimizer] = [perceptron(6), nysact(tf, NYSACT)];
    train(model, optimizer, 0, 1);
    const [wider, other] = [perceptron(8), nysact(tf, NYSACT)];
    other.restoreState(await optimizer.exportState());
    const { x, y } = clouds(5, 8);
    const before = tf.memory().numTensors;
    expect(() => other.minimize(crossEntropy(wider, { x, y }))).toThrow(RangeError);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([x, y]);
    for (const one of [model, wider, optimizer, other]) one.dispose();
  });

  test('computeGradients and applyGradients make the step of minimize, in both forms', () => {
    const results = ['minimize', 'map', 'list'].map((form) => {
      const [model, optimizer] = [perceptron(), nysact(tf, NYSACT)];
      for (let k = 0; k < 5; k++) {
        const data = batch(k);
        const loss = crossEntropy(model, data);
        if (form === 'minimize') optimizer.minimize(loss);
        else {
          const { value, grads } = optimizer.computeGradients(loss);
          const list = Object.entries(grads).map(([name, tensor]) => ({ name, tensor }));
          optimizer.applyGradients(form === 'map' ? grads : list);
          tf.dispose(grads);
          value.dispose();
        }
        tf.dispose([data.x, data.y]);
      }
      const weights = weightsOf(model);
      for (const one of [model, optimizer]) one.dispose();
      return weights;
    });
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  test('minimize gives the cost where it is asked for', () => {
    const [model, optimizer] = [perceptron(), sgd(tf)];
    const data = batch(0);
    const expected = tf.tidy(() => crossEntropy(model, data)().dataSync()[0]);
    const before = tf.memory().numTensors;
    const cost = optimizer.minimize(crossEntropy(model, data), true);
    expect(cost?.dataSync()[0]).toBeCloseTo(expected, 6);
    expect(optimizer.minimize(crossEntropy(model, data))).toBeNull();
    cost?.dispose();
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([data.x, data.y]);
    model.dispose();
  });

  test('frozen layers stay as they are', async () => {
    const model = perceptron();
    model.layers[1].trainable = false;
    model.compile({ optimizer: kfac(tf, CADENCE), loss: 'categoricalCrossentropy' });
    const before = model.layers.map((layer) => layerWeights(layer));
    const { x, y } = clouds(30);
    await model.fit(x, y, { epochs: 3, batchSize: 10 });
    const after = model.layers.map((layer) => layerWeights(layer));
    expect(after[0]).not.toEqual(before[0]);
    expect(after[1]).toEqual(before[1]);
    expect(after[2]).not.toEqual(before[2]);
    tf.dispose([x, y]);
    for (const one of [model, model.optimizer]) one.dispose();
  });

  test('variables of no dense layer take the rest of the chain', () => {
    const [plain, preconditioned] = [sgd(tf, SGD), nysact(tf, { ...NYSACT, rest: 'sgd' })].map(
      (optimizer) => {
        const scale = tf.layers.batchNormalization({ momentum: 0.5 });
        const model = perceptron();
        model.add(scale);
        train(model, optimizer, 0, 1);
        const weights = layerWeights(scale);
        const [kernel] = layerWeights(model.layers[0]);
        for (const one of [model, optimizer]) one.dispose();
        return { weights, kernel };
      },
    );
    expect(preconditioned.weights).toEqual(plain.weights);
    expect(preconditioned.kernel).not.toEqual(plain.kernel);
  });

  test('gradients from elsewhere are enough where no layer is looked at', () => {
    const w = tf.variable(tf.tensor1d([1, 2, 3]));
    const gradient = tf.tensor1d([1, 0, -1]);
    const optimizer = sgd(tf, { learningRate: 0.5 });
    optimizer.applyGradients({ [w.name]: gradient });
    expect(Array.from(w.dataSync())).toEqual([0.5, 2, 3.5]);
    expect(() => nysact(tf).applyGradients({ [w.name]: gradient })).toThrow(
      /step 0 looks at layers.*computeGradients\(f\), or use minimize or model\.fit/,
    );
    expect(() => optimizer.applyGradients({})).toThrow(
      /no gradients of .*an optimizer of its own, or call dispose\(\)/,
    );
    expect(() => sgd(tf).applyGradients({ unknown: gradient })).toThrow(/no variable 'unknown'/);
    optimizer.dispose();
    tf.dispose([w, gradient]);
  });

  test('a step that throws changes nothing and leaves nothing behind', () => {
    const [model, optimizer] = [perceptron(), nysact(tf, NYSACT)];
    train(model, optimizer, 0, 2);
    const weights = weightsOf(model);
    const { numTensors } = tf.memory();
    const x = tf.tensor2d([[1, 2, Number.NaN, 4, 5, 6]]);
    const y = tf.tensor2d([[1, 0, 0]]);
    expect(() => optimizer.minimize(crossEntropy(model, { x, y }))).toThrow(RangeError);
    tf.dispose([x, y]);
    expect(weightsOf(model)).toEqual(weights);
    expect(optimizer.iterations).toBe(2);
    expect(tf.memory().numTensors).toBe(numTensors);
    for (const one of [model, optimizer]) one.dispose();
  });

  test('a backend that reads asynchronously trains too, and can be awaited', async () => {
    const before = tf.memory().numTensors;
    const model = perceptron();
    const optimizer = makeOptimizer(tf, optimizers.nysact(NYSACT), {
      className: 'nysact',
      reading: 'async',
    });
    for (let k = 0; k < 12; k++) {
      train(model, optimizer, k, k + 1);
      await optimizer.flush();
    }
    expect(
      optimizer.diagnostics.map(({ failures, refreshes, found }) => [
        failures,
        refreshes,
        found.eigenvalues,
      ]),
    ).toEqual(Array.from({ length: 3 }, () => [0, 3, expect.objectContaining({ length: 3 })]));
    // Disposed of while a refresh is in flight.
    train(model, optimizer, 12, 13);
    for (const one of [model, optimizer]) one.dispose();
    await vi.waitFor(() => expect(tf.memory().numTensors).toBe(before), { timeout: 60_000 });
  });

  test('layers are looked at only in the steps that observe, and to get to know them', async () => {
    const options = { ...CADENCE, observeEvery: 3 };
    const [model, optimizer] = [perceptron(), kfac(tf, options)];
    const [layer] = model.layers;
    let tapped = false;
    const activation = {
      getClassName: () => 'own',
      apply(x: Tensor): Tensor {
        tapped = Reflect.get(layer, 'activation') !== activation;
        return tf.relu(x);
      },
    };
    Reflect.set(layer, 'activation', activation);
    const taps = (one: TfjsOptimizer, from: number, to: number): boolean[] =>
      Array.from({ length: to - from }, (_, k) => {
        train(model, one, from + k, from + k + 1);
        return tapped;
      });
    expect(taps(optimizer, 0, 4)).toEqual([true, false, false, true]);
    const other = kfac(tf, options);
    other.restoreState(await optimizer.exportState());
    // To get to know the layers their outputs are tapped, which an activation does not see.
    expect(taps(other, 4, 8)).toEqual([false, false, true, false]);
    expect(other.diagnostics).toHaveLength(model.layers.length);
    for (const one of [model, optimizer, other]) one.dispose();
  });

  test('a state saved before the first step is a fresh start', async () => {
    const [first, second] = [sgd(tf), sgd(tf)];
    second.restoreState(await first.exportState());
    await second.setWeights(await first.getWeights());
    const model = perceptron();
    train(model, second, 0, 1);
    expect(second.iterations).toBe(1);
    for (const one of [model, second]) one.dispose();
  });

  test('tells its name and configuration', () => {
    const optimizer = nysact(tf, { rank: 4, damping: 0.5, sketch: 'subcolumn' });
    expect(optimizer).toBeInstanceOf(tf.Optimizer);
    expect(optimizer.getClassName()).toBe('Nysact');
    expect(optimizer.getConfig()).toEqual({ rank: 4, damping: 0.5, sketch: 'subcolumn' });
    expect(() => sgd(tf, { learningRate: () => 1 }).getConfig()).toThrow(
      /learningRate is a function/,
    );
  });
});

/** Rounding errors of ten steps, relative to the weights: a hundred units in the last place. */
const CPU_TOLERANCE = 100 * EPSILON.float32;

/** The same training on the CPU, from the gradients that a model's own weights give. */
class Twin {
  readonly #backend = cpuBackend('float32');
  readonly #transform: Transform;
  readonly #model: Model;
  #parameters: readonly Slot<'float32'>[] | undefined;
  #optimizer: Optimizer<'float32'> | undefined;

  constructor(model: Model, transform: Transform) {
    this.#model = model;
    this.#transform = transform;
  }

  step(loss: () => Scalar): void {
    const options = { inputs: true, outputGradients: true };
    const { value, grads, blocks } = captureGradients(tf, loss, undefined, options);
    const names = Object.keys(grads);
    this.#parameters ??= this.#model.trainableWeights.map((weight) => this.#put(weight.read()));
    const parameters = this.#parameters;
    this.#optimizer ??= new Optimizer({
      backend: this.#backend,
      transform: this.#transform,
      parameters,
      layers: blocks.map(({ weight, bias }) => ({
        weight: names.indexOf(weight),
        bias: bias === undefined ? undefined : names.indexOf(bias),
      })),
    });
    const observations = blocks.map((block) => {
      const { X, D } = stacked(block);
      const { bias, examples } = block;
      const rows = {
        X: slotRows(this.#backend, this.#place(matrixOf(X)), { bias: bias !== undefined }),
        D: slotRows(this.#backend, this.#place(matrixOf(D))),
        examples,
      };
      tf.dispose([X, D]);
      return rows;
    });
    this.#optimizer.step(
      names.map((name) => this.#put(grads[name])),
      parameters,
      observations,
    );
    disposeCaptured(blocks);
    tf.dispose(grads);
    value.dispose();
  }

  /** The largest relative distance of a weight of the model from its twin. */
  distance(model: Model): number {
    const distances = model.trainableWeights.map((weight, i) => {
      const slot = this.#parameters?.[i];
      if (slot === undefined) throw new Error('no step was taken');
      const own = this.#backend.readSync(slot).data;
      const { data } = transposed(weight.read());
      const difference = Math.hypot(...data.map((w, j) => w - own[j]));
      return difference / Math.hypot(...own);
    });
    return Math.max(...distances);
  }

  #put(tensor: Tensor): Slot<'float32'> {
    return this.#place(transposed(tensor));
  }

  #place(A: Matrix): Slot<'float32'> {
    return place(this.#backend, A);
  }
}

function matrixOf(tensor: Tensor): Matrix {
  const rows = tensor.shape[0] ?? 1;
  const data = Float32Array.from(tensor.dataSync());
  return new DenseMatrix('float32', rows, data.length / rows, data);
}

/** A kernel as out×in, a bias as out×1. */
function transposed(tensor: Tensor): Matrix {
  if (tensor.rank !== 2) return matrixOf(tensor);
  const turned = tf.transpose(tensor);
  const matrix = matrixOf(turned);
  turned.dispose();
  return matrix;
}
