// Dates in many forms are translated into ISO 8601: two LSTMs, and attention from one to the other.

import type { LayersModel, SymbolicTensor, Tensor } from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { nysact } from '../../../src/tfjs/index.js';
import { uniform } from '../../support/matrices.js';
import { onBackends, tf } from '../backends.js';
import { expectTraining, kindsOf } from './trains.js';

const MONTHS = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ');

/** The empty place is 0, the start of an output 1. */
const LETTERS = ' ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-.,';
const DIGITS = '\u0001\u0002-0123456789';

const INPUT_LENGTH = 12;
const OUTPUT_LENGTH = 10;

/** A date in one of four forms, and in that of ISO 8601. */
function date(random: () => number): readonly [string, string] {
  const whole = (n: number) => Math.floor(random() * n);
  const [year, month, day] = [1950 + whole(100), 1 + whole(12), 1 + whole(28)];
  const [yyyy, mm, dd] = [
    String(year),
    String(month).padStart(2, '0'),
    String(day).padStart(2, '0'),
  ];
  const forms = [
    `${mm}/${dd}/${yyyy}`,
    `${dd}.${mm}.${yyyy}`,
    `${dd}${MONTHS[month - 1]}${yyyy}`,
    `${MONTHS[month - 1]} ${dd}, ${yyyy}`,
  ];
  return [forms[whole(forms.length)], `${yyyy}-${mm}-${dd}`];
}

function encoded(text: string, alphabet: string, length: number): number[] {
  return Array.from({ length }, (_, i) => (i < text.length ? alphabet.indexOf(text[i]) : 0));
}

/** What enters the encoder and the decoder, and what the decoder is to say, one-hot. */
function batch(size: number): { xs: Tensor[]; ys: Tensor } {
  const random = uniform(11);
  const dates = Array.from({ length: size }, () => date(random));
  const said = dates.map(([, iso]) => encoded(iso, DIGITS, OUTPUT_LENGTH));
  const heard = said.map((digits) => [1, ...digits.slice(0, -1)]);
  return {
    xs: [
      tf.tensor2d(dates.map(([given]) => encoded(given, LETTERS, INPUT_LENGTH))),
      tf.tensor2d(heard),
    ],
    ys: tf.tidy(() => tf.oneHot(tf.tensor2d(said, undefined, 'int32'), DIGITS.length)),
  };
}

/** The state after the last step of a sequence. */
class LastStep extends tf.layers.Layer {
  static readonly className = 'LastStep';

  override computeOutputShape([batchSize, , features]: number[]): number[] {
    return [batchSize, features];
  }

  override call(inputs: Tensor | Tensor[]): Tensor {
    const [states] = Array.isArray(inputs) ? inputs : [inputs];
    return tf.tidy(() => states.gather([INPUT_LENGTH - 1], 1).squeeze([1]));
  }
}

const one = (output: SymbolicTensor | SymbolicTensor[] | Tensor | Tensor[]): SymbolicTensor => {
  if (output instanceof tf.SymbolicTensor) return output;
  throw new TypeError('expected one symbolic tensor');
};

const orthogonal = (seed: number) => tf.initializers.orthogonal({ seed });
const glorot = (seed: number) => tf.initializers.glorotUniform({ seed });

/** A dense layer over every step of a sequence. */
const dense = (name: string, size: number, activation: 'tanh' | 'softmax', seed: number) =>
  tf.layers.timeDistributed({
    name: `each_${name}`,
    layer: tf.layers.dense({ name, units: size, activation, kernelInitializer: glorot(seed) }),
  });

function translator(embedding: number, units: number): LayersModel {
  const lstm = (name: string, seed: number) =>
    tf.layers.lstm({
      name,
      units,
      returnSequences: true,
      kernelInitializer: glorot(seed),
      recurrentInitializer: orthogonal(seed + 1),
    });
  const embedded = (name: string, inputDim: number, inputLength: number, seed: number) =>
    tf.layers.embedding({
      name,
      inputDim,
      inputLength,
      outputDim: embedding,
      maskZero: true,
      embeddingsInitializer: tf.initializers.randomUniform({ minval: -0.05, maxval: 0.05, seed }),
    });
  const given = tf.input({ shape: [INPUT_LENGTH] });
  const heard = tf.input({ shape: [OUTPUT_LENGTH] });
  const encoder = one(
    lstm('encoder', 1).apply(
      one(embedded('letters', LETTERS.length, INPUT_LENGTH, 3).apply(given)),
    ),
  );
  const last = one(new LastStep({ name: 'last' }).apply(encoder));
  const digits = one(embedded('digits', DIGITS.length, OUTPUT_LENGTH, 4).apply(heard));
  const decoder = one(lstm('decoder', 5).apply(digits, { initialState: [last, last] }));
  const scores = one(tf.layers.dot({ axes: [2, 2] }).apply([decoder, encoder]));
  const attention = one(tf.layers.activation({ activation: 'softmax' }).apply(scores));
  const context = one(tf.layers.dot({ axes: [2, 1] }).apply([attention, encoder]));
  const both = one(tf.layers.concatenate().apply([context, decoder]));
  const hidden = one(dense('hidden', units, 'tanh', 7).apply(both));
  const output = one(dense('output', DIGITS.length, 'softmax', 8).apply(hidden));
  return tf.model({ inputs: [given, heard], outputs: output });
}

// The wasm backend has no gradient of an embedding.
onBackends(['cpu'], () => {
  test('NysAct trains it', async () => {
    const before = tf.memory().numTensors;
    const model = translator(8, 12);
    const optimizer = nysact(tf, { damping: 0.1, momentum: 0.9 });
    model.compile({ optimizer, loss: 'categoricalCrossentropy' });
    const { xs, ys } = batch(16);
    await expectTraining(async () => Number(await model.trainOnBatch(xs, ys)), 30, 0.8);
    expect(kindsOf(optimizer, model)).toEqual({
      letters: ['embedding'],
      digits: ['embedding'],
      encoder: ['lstm', 'lstm', 'lstm'],
      decoder: ['lstm', 'lstm', 'lstm'],
      hidden: ['dense', 'dense'],
      output: ['dense', 'dense'],
    });
    tf.dispose([...xs, ys]);
    for (const part of [model, optimizer]) part.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
