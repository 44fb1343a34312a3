// A network of every kind of layer with a weight matrix: what the report says, and that it trains.

import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { ekfac, foof, kfac, nysact, skfac, type TfjsOptimizer } from '../../src/tfjs/index.js';
import { onBackends, tf } from './backends.js';
import { crossEntropy, layerWeights } from './models.js';

type Layer = InstanceType<typeof tf.layers.Layer>;

const [WORDS, TIME, WIDTH] = [8, 4, 6];

/** The symbol that a layer makes of one or more. */
function of(layer: Layer, ...inputs: SymbolicTensor[]): SymbolicTensor {
  const output = layer.apply(inputs.length === 1 ? inputs[0] : inputs);
  if (!(output instanceof tf.SymbolicTensor)) throw new Error('expected one symbol');
  return output;
}

/** Initializers that are seeded, a number after the other. */
function seeded() {
  let seed = 0;
  const next = () => tf.initializers.glorotNormal({ seed: ++seed });
  return {
    dense: () => ({ kernelInitializer: next() }),
    recurrent: () => ({ kernelInitializer: next(), recurrentInitializer: next() }),
    next,
  };
}

/** Words → attention of dense layers → norm → TimeDistributed → Bidirectional LSTM → GRU → dense. */
function network(): ReturnType<typeof tf.model> {
  const initial = seeded();
  const words = tf.input({ shape: [TIME] });
  const x = of(
    tf.layers.embedding({
      inputDim: WORDS,
      outputDim: WIDTH,
      embeddingsInitializer: initial.next(),
    }),
    words,
  );
  const [queries, keys, values] = Array.from({ length: 3 }, () =>
    of(tf.layers.dense({ units: WIDTH, useBias: false, ...initial.dense() }), x),
  );
  const scores = of(
    tf.layers.activation({ activation: 'softmax' }),
    of(tf.layers.dot({ axes: [2, 2] }), queries, keys),
  );
  const attended = of(tf.layers.dot({ axes: [2, 1] }), scores, values);
  const normed = of(tf.layers.layerNormalization({}), of(tf.layers.add(), x, attended));
  const fed = of(
    tf.layers.timeDistributed({
      layer: tf.layers.dense({ units: WIDTH, activation: 'relu', ...initial.dense() }),
    }),
    normed,
  );
  const both = of(
    tf.layers.bidirectional({
      layer: tf.layers.lstm({ units: 3, returnSequences: true, ...initial.recurrent() }),
      mergeMode: 'concat',
    }),
    fed,
  );
  const last = of(tf.layers.gru({ units: 4, ...initial.recurrent() }), both);
  const inner = tf.sequential({
    layers: [tf.layers.dense({ inputShape: [4], units: 3, ...initial.dense() })],
  });
  const output = of(inner, of(tf.layers.batchNormalization(), last));
  return tf.model({ inputs: words, outputs: output });
}

/** Sentences whose kind is that of their first word. */
function sentences(examples: number) {
  const words = Array.from({ length: examples * TIME }, (_, i) => (i * i + 3 * i) % WORDS);
  return {
    x: tf.tensor2d(words, [examples, TIME]),
    y: tf.tidy(() =>
      tf
        .oneHot(
          tf.tensor1d(
            Array.from({ length: examples }, (_, i) => words[i * TIME] % 3),
            'int32',
          ),
          3,
        )
        .toFloat()
        .as2D(examples, 3),
    ),
  };
}

const CADENCE = { observeEvery: 1, refreshEvery: 2, learningRate: 0.1 } as const;

const optimizers: readonly (readonly [string, () => TfjsOptimizer])[] = [
  ['nysact', () => nysact(tf, { ...CADENCE, rank: 3 })],
  ['foof', () => foof(tf, CADENCE)],
  ['kfac', () => kfac(tf, { ...CADENCE, learningRate: 0.02 })],
  // Bases that are new hold one layout until a batch has been shown to them: counted two batches after a refresh.
  ['ekfac', () => ekfac(tf, { ...CADENCE, refreshEvery: 5, learningRate: 0.02 })],
  ['skfac', () => skfac(tf, { ...CADENCE, learningRate: 0.02 })],
];

const norm = (name: string) =>
  `${name} scales and shifts each feature alone, and trains with the rest`;

const KINDS = [
  'embedding',
  'dense',
  'dense',
  'dense',
  ...Array.from({ length: 2 }, () => norm('LayerNormalization')),
  'dense',
  'dense',
  ...Array.from({ length: 6 }, () => 'lstm'),
  ...Array.from({ length: 3 }, () => 'gru'),
  ...Array.from({ length: 2 }, () => norm('BatchNormalization')),
  'it is not trained',
  'it is not trained',
  'dense',
  'dense',
];

// The wasm backend has no gradient of an embedding.
onBackends(['cpu'], () => {
  test.each(optimizers)(
    '%s trains it, leaks nothing, reports on all and goes on from a state',
    async (_, make) => {
      const before = tf.memory().numTensors;
      const [model, optimizer, { x, y }] = [network(), make(), sentences(9)];
      const told = () => optimizer.report(model).map(({ kind, reason }) => kind ?? reason);
      expect(told()).toEqual(KINDS);
      const loss = crossEntropy(model, { x, y });
      const first = tf.tidy(() => loss().dataSync()[0]);
      for (let k = 0; k < 3; k++) optimizer.minimize(loss);
      const during = tf.memory().numTensors;
      for (let k = 0; k < 5; k++) optimizer.minimize(loss);
      expect(tf.memory().numTensors).toBe(during);
      expect(tf.tidy(() => loss().dataSync()[0])).toBeLessThan(first);
      expect(told()).toEqual(KINDS);
      // Of a recurrent layer both kernels are blocks: 1 embedding, 5 dense layers, 2 LSTMs, a GRU.
      expect(optimizer.diagnostics).toHaveLength(1 + 5 + 2 * 3);
      expect(optimizer.diagnostics.every(({ failures }) => failures === 0)).toBe(true);
      const [other, late] = [network(), make()];
      const weights: Tensor[] = model.getWeights();
      other.setWeights(weights);
      late.restoreState(await optimizer.exportState());
      for (let k = 0; k < 2; k++) {
        optimizer.minimize(loss);
        late.minimize(crossEntropy(other, { x, y }));
      }
      expect(layerWeights(other)).toEqual(layerWeights(model));
      tf.dispose([x, y]);
      for (const one of [model, other, optimizer, late]) one.dispose();
      expect(tf.memory().numTensors).toBe(before);
    },
  );
});
