// The mood of a text: an embedding, and a convolution, a recurrent layer or two of them behind it.

import type { layers, Tensor } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { nysact } from '../../../src/tfjs/index.js';
import { uniform } from '../../support/matrices.js';
import { onBackends, tf } from '../backends.js';
import { expectTraining, kindsOf } from './trains.js';

const WORDS = 30;
const LENGTH = 12;

/** Texts of up to 12 words, padded at the front. The mood is that of the words below 10 against the rest. */
function texts(count: number): { x: Tensor; y: Tensor } {
  const random = uniform(5);
  const all = Array.from({ length: count }, (_, i) => {
    const length = 6 + Math.floor(random() * (LENGTH - 5));
    const words = Array.from({ length }, () => {
      const good = random() < (i % 2 === 0 ? 0.8 : 0.1);
      return good ? 1 + Math.floor(random() * 9) : 10 + Math.floor(random() * (WORDS - 10));
    });
    return [...Array.from({ length: LENGTH - length }, () => 0), ...words];
  });
  return { x: tf.tensor2d(all), y: tf.tensor2d(all.map((_, i) => [i % 2])) };
}

const glorot = (seed: number) => tf.initializers.glorotUniform({ seed });
const seeded = (seed: number) => ({
  kernelInitializer: glorot(seed),
  recurrentInitializer: tf.initializers.orthogonal({ seed: seed + 1 }),
});

interface Architecture {
  readonly name: string;
  readonly maskZero: boolean;
  readonly body: () => layers.Layer[];
  readonly kinds: Readonly<Record<string, readonly string[]>>;
}

const architectures: readonly Architecture[] = [
  {
    name: 'cnn',
    maskZero: false,
    body: () => [
      tf.layers.dropout({ rate: 0.2, seed: 1 }),
      tf.layers.conv1d({
        name: 'conv',
        filters: 10,
        kernelSize: 3,
        activation: 'relu',
        kernelInitializer: glorot(2),
      }),
      tf.layers.globalMaxPool1d(),
      tf.layers.dense({
        name: 'hidden',
        units: 8,
        activation: 'relu',
        kernelInitializer: glorot(3),
      }),
    ],
    kinds: { conv: ['conv1d', 'conv1d'], hidden: ['dense', 'dense'] },
  },
  {
    name: 'simpleRNN',
    maskZero: true,
    body: () => [tf.layers.simpleRNN({ name: 'rnn', units: 8, ...seeded(4) })],
    kinds: { rnn: ['simpleRNN', 'simpleRNN', 'simpleRNN'] },
  },
  {
    name: 'lstm',
    maskZero: true,
    body: () => [tf.layers.lstm({ name: 'rnn', units: 8, ...seeded(6) })],
    kinds: { rnn: ['lstm', 'lstm', 'lstm'] },
  },
  {
    name: 'bidirectional lstm',
    maskZero: true,
    body: () => [
      tf.layers.bidirectional({
        layer: tf.layers.lstm({ name: 'rnn', units: 6, ...seeded(8) }),
        mergeMode: 'concat',
      }),
    ],
    kinds: { forward_rnn: ['lstm', 'lstm', 'lstm'], backward_rnn: ['lstm', 'lstm', 'lstm'] },
  },
];

// The wasm backend has no gradient of an embedding.
onBackends(['cpu'], () => {
  describe.each(architectures)('$name', ({ maskZero, body, kinds }) => {
    test('NysAct trains it', async () => {
      const before = tf.memory().numTensors;
      const embedding = tf.layers.embedding({
        name: 'words',
        inputDim: WORDS,
        outputDim: 8,
        inputLength: LENGTH,
        maskZero,
        embeddingsInitializer: tf.initializers.randomUniform({
          minval: -0.05,
          maxval: 0.05,
          seed: 1,
        }),
      });
      const output = tf.layers.dense({
        name: 'mood',
        units: 1,
        activation: 'sigmoid',
        kernelInitializer: glorot(9),
      });
      const model = tf.sequential({ layers: [embedding, ...body(), output] });
      const optimizer = nysact(tf, { damping: 0.1, momentum: 0.9 });
      model.compile({ optimizer, loss: 'binaryCrossentropy' });
      const { x, y } = texts(32);
      await expectTraining(async () => Number(await model.trainOnBatch(x, y)), 30, 0.8);
      expect(kindsOf(optimizer, model)).toEqual({
        words: ['embedding'],
        ...kinds,
        mood: ['dense', 'dense'],
      });
      tf.dispose([x, y]);
      for (const part of [model, optimizer]) part.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  });
});
