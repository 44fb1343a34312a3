// Small tasks for recurrent layers and embeddings: seeded data, and models whose weights are seeded.

import type { LayersModel } from '@tensorflow/tfjs';
import { fillUniform, foldIn, randomKey } from '../../src/core/random.js';
import { loadMnist } from '../data/mnist.js';
import { classes, type Split } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { batchesOf } from '../demo/batches.js';
import { type Batch, toBatch } from '../demo/model.js';

/** Data of a task. The caller disposes of what it gives. */
export interface Source {
  /** The batch of a step. */
  batch(step: number): Batch;
  /** What is never trained on. */
  heldOut(): Batch;
}

/** What is learnt, and by what. */
export interface Task {
  /** What `--tasks` calls it. */
  readonly key: string;
  readonly name: string;
  source(tf: TensorFlow, seed: number): Source;
  model(tf: TensorFlow, seed: number): LayersModel;
}

/** Examples of a batch, and of what is held out. */
export const BATCH = 64;
const HELD_OUT = 512;

/** MNIST row by row: 28 steps of 28 pixels through a recurrent layer of 32 units. */
function rows(kind: 'lstm' | 'gru'): Task {
  return {
    key: kind,
    name: `MNIST by rows, ${kind.toUpperCase()} 32`,
    model(tf, seed) {
      const glorot = (k: number) => tf.initializers.glorotUniform({ seed: seed + k });
      const shared = {
        units: 32,
        kernelInitializer: glorot(1),
        recurrentInitializer: tf.initializers.orthogonal({ seed: seed + 2 }),
      };
      return tf.sequential({
        layers: [
          tf.layers.reshape({ inputShape: [784], targetShape: [28, 28] }),
          kind === 'lstm' ? tf.layers.lstm(shared) : tf.layers.gru(shared),
          tf.layers.dense({ units: classes, kernelInitializer: glorot(3), name: 'dense' }),
        ],
      });
    },
    source: digits,
  };
}

/** MNIST, in batches of rows of pixels. */
function digits(tf: TensorFlow, seed: number): Source {
  const { train, validation } = mnist(seed);
  return {
    batch: batchesOf(tf, train, { batchSize: BATCH, key: randomKey(seed) }),
    heldOut: () => toBatch(tf, validation),
  };
}

const loaded = new Map<number, Split>();

function mnist(seed: number): Split {
  const found = loaded.get(seed) ?? loadMnist({ train: 6400, validation: HELD_OUT, test: 0, seed });
  loaded.set(seed, found);
  return found;
}

/** Three convolutions with batch norm, whose scales and shifts are all that is not preconditioned. */
const normalised: Task = {
  key: 'norms',
  name: 'MNIST, three convolutions with batch norm',
  source: digits,
  model(tf, seed) {
    const { layers } = tf;
    const convolved = (filters: number, strides: number, k: number) => [
      layers.conv2d({
        filters,
        kernelSize: 3,
        strides,
        padding: 'same',
        useBias: false,
        kernelInitializer: tf.initializers.heNormal({ seed: seed + k }),
      }),
      // Few steps: the moments of a batch are forgotten soon.
      layers.batchNormalization({ momentum: 0.9 }),
      layers.reLU(),
    ];
    return tf.sequential({
      layers: [
        layers.reshape({ inputShape: [784], targetShape: [28, 28, 1] }),
        ...convolved(8, 2, 1),
        ...convolved(16, 2, 2),
        ...convolved(16, 1, 3),
        layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }),
        layers.dense({
          units: classes,
          kernelInitializer: tf.initializers.glorotUniform({ seed: seed + 4 }),
          name: 'dense',
        }),
      ],
    });
  },
};

const WORDS = 500;
const LENGTH = 16;

const GROUPS = 4;

/**
 * Which of four groups a text's words are of. Words are rare and common as in language, and half of them
 * are of any group.
 */
const texts: Task = {
  key: 'texts',
  name: 'texts of 500 words, embedding 16 and a dense layer',
  model(tf, seed) {
    const glorot = (k: number) => tf.initializers.glorotUniform({ seed: seed + k });
    return tf.sequential({
      layers: [
        tf.layers.embedding({
          inputDim: WORDS,
          outputDim: 16,
          inputLength: LENGTH,
          embeddingsInitializer: tf.initializers.randomUniform({
            minval: -0.05,
            maxval: 0.05,
            seed: seed + 1,
          }),
        }),
        tf.layers.globalAveragePooling1d({}),
        tf.layers.dense({
          units: 16,
          activation: 'relu',
          kernelInitializer: glorot(2),
          name: 'dense_hidden',
        }),
        tf.layers.dense({ units: GROUPS, kernelInitializer: glorot(3), name: 'dense_output' }),
      ],
    });
  },
  source(tf, seed) {
    const key = randomKey(seed);
    return {
      batch: (step) => textsOf(tf, foldIn(key, step), BATCH),
      heldOut: () => textsOf(tf, foldIn(key, 2 ** 31), HELD_OUT),
    };
  },
};

function textsOf(tf: TensorFlow, key: ReturnType<typeof randomKey>, count: number): Batch {
  const random = new Float64Array(2 * count * LENGTH);
  fillUniform(key, random);
  const groups = Int32Array.from({ length: count }, (_, i) => i % GROUPS);
  const words = Float32Array.from({ length: count * LENGTH }, (_, i) => {
    const [rank, chance] = [random[2 * i], random[2 * i + 1]];
    // Zipf's law: the logarithm of a word's rank is uniform.
    const word = Math.min(Math.floor(WORDS ** rank), WORDS - GROUPS) - 1;
    return chance < 0.5 ? word - (word % GROUPS) + groups[Math.floor(i / LENGTH)] : word;
  });
  return {
    x: tf.tensor2d(words, [count, LENGTH]),
    y: tf.tidy(() => tf.oneHot(tf.tensor1d(groups, 'int32'), GROUPS).toFloat().as2D(count, GROUPS)),
  };
}

/** Every task of the study. */
export const TASKS: readonly Task[] = [rows('lstm'), rows('gru'), texts, normalised];
