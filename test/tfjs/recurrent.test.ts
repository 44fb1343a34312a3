// Recurrent layers: what their kernels saw over all time steps makes the gradients of both.

import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { captureGradients } from '../../src/tfjs/capture.js';
import { foof, kfac, nysact, type TfjsOptimizer } from '../../src/tfjs/index.js';
import { integers } from '../rows/images.js';
import { onBackends, tf } from './backends.js';
import { dense, outputOf, weightsOf } from './models.js';
import { EVERYTHING, products } from './products.js';

type Layer = InstanceType<typeof tf.layers.Layer>;

const [BATCH, TIME, INPUTS, UNITS] = [3, 4, 2, 5];

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

/** Each layer, the number of its gates, and how often a time step uses its recurrent kernel. */
const LAYERS = [
  { kind: 'simpleRNN', make: tf.layers.simpleRNN, gates: 1, uses: 1 },
  { kind: 'lstm', make: tf.layers.lstm, gates: 4, uses: 1 },
  { kind: 'gru', make: tf.layers.gru, gates: 3, uses: 2 },
] as const;

/** What kernel and recurrent kernel of a layer show of so many steps of time. */
function shapesOf({ gates, uses }: (typeof LAYERS)[number], inputs = INPUTS, units = UNITS) {
  const m = BATCH * TIME;
  return [
    [m, inputs, m, gates * units, BATCH],
    [uses * m, units, uses * m, gates * units, BATCH],
  ];
}

/** The output, or the first of several. */
function firstOf(layer: Layer, x: Tensor, kwargs = {}): Tensor {
  const output = layer.apply(x, { training: true, ...kwargs });
  const [first] = Array.isArray(output) ? output : [output];
  if (!(first instanceof tf.Tensor)) throw new Error('expected tensors');
  return first;
}

/** A tensor of small integers, with which all sums are exact. */
function integer(shape: number[], seed: number): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return tf.tensor(integers('float32', size, seed), shape);
}

/** Two kinds of waves, with one-hot labels. */
function waves(examples: number) {
  const kinds = Array.from({ length: examples }, (_, i) => i % 2);
  const points = kinds.flatMap((kind, i) =>
    Array.from({ length: 6 }, (_, t) => Math.sin((1 + kind) * t + i)),
  );
  return {
    x: tf.tensor3d(points, [examples, 6, 1]),
    y: tf.tensor2d(kinds.map((kind) => [1 - kind, kind])),
  };
}

const initializers = (seed: number) => ({
  kernelInitializer: tf.initializers.glorotNormal({ seed }),
  recurrentInitializer: tf.initializers.glorotNormal({ seed: seed + 1 }),
});

/** A bidirectional LSTM, a GRU and a dense layer, the same weights every time. */
function network(): ReturnType<typeof tf.sequential> {
  return tf.sequential({
    layers: [
      tf.layers.bidirectional({
        inputShape: [6, 1],
        layer: tf.layers.simpleRNN({ units: 3, returnSequences: true, ...initializers(1) }),
        mergeMode: 'concat',
      }),
      tf.layers.lstm({ units: 4, returnSequences: true, ...initializers(3) }),
      tf.layers.gru({ units: 4, ...initializers(5) }),
      dense(2, 7),
    ],
  });
}

onBackends(['wasm', 'cpu'], () => {
  describe.each(LAYERS)('$kind: XᵀD is the gradient of both kernels', (entry) => {
    const { kind, make } = entry;

    test.each([
      {},
      { returnSequences: true },
      { goBackwards: true, returnSequences: true },
      { useBias: false },
      { activation: 'relu', recurrentActivation: 'sigmoid' },
      { dropout: 0.4, recurrentDropout: 0.3 },
      { dropout: 0.4, returnState: true },
      { implementation: 1 },
      { implementation: 2 },
    ] as const)('%o', (options) => {
      const layer = make({ units: UNITS, ...options });
      const x = normal([BATCH, TIME, INPUTS], 1);
      const loss = () => firstOf(layer, x).square().mean().asScalar();
      // The masks of dropout stay until the next use.
      loss().dispose();
      const seen = products(loss);
      expect(seen.map((one) => one.kind)).toEqual([kind, kind]);
      expect(seen.map(({ shapes }) => shapes)).toEqual(shapesOf(entry));
      x.dispose();
      layer.dispose();
    });

    test('to the last bit where all numbers are small integers', () => {
      const layer = make({ units: 2, activation: 'linear', recurrentActivation: 'linear' });
      const x = tf.tidy(() => integer([BATCH, 2, INPUTS], 1).clipByValue(-2, 2));
      firstOf(layer, x).dispose();
      layer.setWeights(
        layer.getWeights().map(({ shape }, i) => integer(shape, 7 + i).clipByValue(-1, 1)),
      );
      const R = integer([BATCH, 2], 3);
      const seen = products(() => firstOf(layer, x).mul(R).sum().asScalar(), { exact: true });
      expect(seen).toHaveLength(2);
      tf.dispose([x, R]);
      layer.dispose();
    });

    test('of a stateful layer, whose states go on from batch to batch', () => {
      const layer = make({
        units: UNITS,
        stateful: true,
        batchInputShape: [BATCH, TIME, INPUTS],
        returnSequences: true,
      });
      const x = normal([BATCH, TIME, INPUTS], 2);
      const loss = () => firstOf(layer, x, { training: false }).square().mean().asScalar();
      for (let k = 0; k < 2; k++) loss().dispose();
      expect(products(loss).map(({ shapes }) => shapes)).toEqual(shapesOf(entry));
      x.dispose();
    });

    test.each(['concat', 'sum', 'mul', 'ave'] as const)('in both directions, %s', (mergeMode) => {
      const layer = tf.layers.bidirectional({
        layer: make({ units: UNITS, returnSequences: true }),
        mergeMode,
      });
      const x = normal([BATCH, TIME, INPUTS], 3);
      firstOf(layer, x).dispose();
      const seen = products(() => firstOf(layer, x).square().mean().asScalar());
      expect(seen.map(({ shapes }) => shapes)).toEqual([...shapesOf(entry), ...shapesOf(entry)]);
      x.dispose();
    });

    test('and nothing is patched or kept where the loss throws', () => {
      const layer = make({ units: UNITS });
      const x = normal([BATCH, TIME, INPUTS], 4);
      firstOf(layer, x).dispose();
      const cell = Reflect.get(layer, 'cell');
      const fields = () => [
        Reflect.get(cell, 'activation'),
        Reflect.get(cell, 'recurrentActivation'),
      ];
      const own = fields();
      Reflect.get(own, 0).apply = () => {
        throw new Error('broken activation');
      };
      const loss = () => firstOf(layer, x).sum().asScalar();
      // TensorFlow.js itself loses what its tape saved.
      const [plainly, captured] = [
        () => tf.variableGrads(loss),
        () => captureGradients(tf, loss, undefined, EVERYTHING),
      ].map((run) => {
        const before = tf.memory().numTensors;
        expect(run).toThrow('broken activation');
        return tf.memory().numTensors - before;
      });
      expect(captured).toBe(plainly);
      expect(fields()).toEqual(own);
      x.dispose();
    });
  });

  test('cells one above the other in tf.layers.rnn are a kind each', () => {
    const layer = tf.layers.rnn({
      cell: [
        tf.layers.lstmCell({ units: 3 }),
        tf.layers.gruCell({ units: 2 }),
        tf.layers.simpleRNNCell({ units: 4 }),
      ],
      returnSequences: true,
    });
    const x = normal([BATCH, TIME, INPUTS], 5);
    firstOf(layer, x).dispose();
    const seen = products(() => firstOf(layer, x).square().mean().asScalar());
    const [simple, long, gated] = LAYERS;
    expect(seen.map(({ shapes }) => shapes)).toEqual([
      ...shapesOf(long, INPUTS, 3),
      ...shapesOf(gated, 3, 2),
      ...shapesOf(simple, 2, 4),
    ]);
    x.dispose();
  });

  test('a loss of the state alone leaves the output gate of the last step without a gradient', () => {
    const layer = tf.layers.lstm({ units: UNITS, returnState: true });
    const x = normal([BATCH, TIME, INPUTS], 6);
    const loss = () => {
      const output = layer.apply(x);
      const carry = Array.isArray(output) ? output[2] : output;
      if (!(carry instanceof tf.Tensor)) throw new Error('expected states');
      return carry.square().mean().asScalar();
    };
    loss().dispose();
    expect(products(loss).map(({ shapes }) => shapes)).toEqual(shapesOf(LAYERS[1]));
    x.dispose();
    layer.dispose();
  });

  const optimizers: readonly (readonly [string, () => TfjsOptimizer])[] = [
    ['nysact', () => nysact(tf, { observeEvery: 1, refreshEvery: 2, rank: 3, learningRate: 0.3 })],
    ['foof', () => foof(tf, { observeEvery: 1, refreshEvery: 2, learningRate: 0.3 })],
    ['kfac', () => kfac(tf, { observeEvery: 1, refreshEvery: 2, learningRate: 0.02 })],
  ];
  test.each(optimizers)(
    '%s trains a network of them, leaks nothing, and names all',
    async (_, make) => {
      const before = tf.memory().numTensors;
      const [model, optimizer, { x, y }] = [network(), make(), waves(8)];
      const loss = () => tf.losses.softmaxCrossEntropy(y, outputOf(model, x)).asScalar();
      const first = tf.tidy(() => loss().dataSync()[0]);
      for (let k = 0; k < 3; k++) optimizer.minimize(loss);
      const during = tf.memory().numTensors;
      for (let k = 0; k < 5; k++) optimizer.minimize(loss);
      expect(tf.memory().numTensors).toBe(during);
      expect(tf.tidy(() => loss().dataSync()[0])).toBeLessThan(first);
      const kinds = optimizer.report(model).map(({ kind, reason }) => kind ?? reason);
      const expected = ['simpleRNN', 'simpleRNN', 'lstm', 'gru'].flatMap((kind) => [
        kind,
        kind,
        kind,
      ]);
      expect(kinds).toEqual([...expected, 'dense', 'dense']);
      const [through, late, other] = [model, make(), network()];
      other.setWeights(through.getWeights());
      late.restoreState(await optimizer.exportState());
      for (let k = 0; k < 2; k++) {
        optimizer.minimize(loss);
        late.minimize(() => tf.losses.softmaxCrossEntropy(y, outputOf(other, x)).asScalar());
      }
      expect(weightsOf(other)).toEqual(weightsOf(through));
      tf.dispose([x, y]);
      for (const one of [model, other, optimizer, late]) one.dispose();
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  test('a frozen recurrent layer is reported so by its name, cell and all', () => {
    const model = network();
    model.layers[1].trainable = false;
    const optimizer = nysact(tf);
    const reasons = optimizer.report(model).map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === 'the layer is frozen')).toHaveLength(3);
    const names = optimizer.report(model).map(({ layer }) => layer);
    expect(names.slice(6, 9)).toEqual(Array.from({ length: 3 }, () => model.layers[1].name));
    for (const one of [model, optimizer]) one.dispose();
  });
});
