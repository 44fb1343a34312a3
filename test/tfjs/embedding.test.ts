// Embeddings: their rows make their gradient, element by element, and every optimiser trains them.

import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { captureGradients } from '../../src/tfjs/capture.js';
import { disposeCaptured, rowsOf } from '../../src/tfjs/captured.js';
import {
  ekfac,
  eva,
  foof,
  kfac,
  nysact,
  type TfjsOptimizer,
  tfjsBackend,
} from '../../src/tfjs/index.js';
import { integers } from '../rows/images.js';
import { build, distance, filled, map, product } from '../support/matrices.js';
import { onBackends, tf } from './backends.js';
import { crossEntropy, layerWeights, outputOf, weightsOf } from './models.js';
import { expectSameBitsAfterRestore } from './resume.js';

const [WORDS, DIMS] = [7, 3];
const EVERYTHING = { inputs: true, outputGradients: true };

/** Words of a shape; word 5 is never among them. */
function wordsOf(shape: readonly number[], seed: number, dtype: 'int32' | 'float32'): Tensor {
  const size = shape.reduce((count, length) => count * length, 1);
  const words = Array.from({ length: size }, (_, i) => [0, 4, 1, 1, 6, 2, 3][(i * i + seed) % 7]);
  return tf.tensor(words, [...shape], dtype);
}

/** Small integers, with which all sums are exact. */
function integerTensor(shape: readonly number[], seed: number): Tensor {
  const size = shape.reduce((count, length) => count * length, 1);
  return tf.tensor(integers('float32', size, seed), [...shape]);
}

/** Tensors as one matrix of `cols` columns, one below the other. */
function stackOf(tensors: readonly Tensor[], cols: number) {
  const data = tensors.flatMap((tensor) => Array.from(tensor.dataSync()));
  return build(data.length / cols, cols, (i, j) => data[i * cols + j]);
}

/** XᵀX of one-hot rows, the gradient XᵀD that rows give, and the one of TensorFlow.js, for inputs of a layer. */
function gradientsOf(inputs: readonly Tensor[], layer = newLayer()) {
  for (const input of inputs) outputOf(layer, input).dispose();
  const factors = inputs.map((input, i) => integerTensor([...input.shape, DIMS], 2 + i));
  const before = tf.memory().numTensors;
  const backend = tfjsBackend(tf);
  const loss = () =>
    tf.addN(inputs.map((input, i) => outputOf(layer, input).mul(factors[i]).sum())).asScalar();
  const { value, grads, blocks } = captureGradients(tf, loss, undefined, EVERYTHING);
  const made: { dispose(): void }[] = [];
  const gradients = blocks.map((block) => {
    const rows = rowsOf({ tf, backend }, block, made);
    if (rows?.D === undefined) throw new Error('expected X and D');
    const [A, B, a] = [
      backend.allocate(WORDS, WORDS),
      backend.allocate(DIMS, DIMS),
      backend.allocate(1, WORDS),
    ];
    rows.X.secondMoment(1, 0, A);
    rows.D.secondMoment(1, 0, B);
    rows.X.diagonal(1, 0, a);
    const [readA, readB, counts] = [A, B, a].map((slot) => backend.readSync?.(slot));
    if (readA === undefined || readB === undefined || counts === undefined)
      throw new Error('unread');
    return { block, A: readA, B: readB, counts, gradient: stackOf([grads[block.weight]], DIMS) };
  });
  for (const one of made) one.dispose();
  disposeCaptured(blocks);
  backend.dispose();
  tf.dispose(grads);
  value.dispose();
  expect(tf.memory().numTensors).toBe(before);
  const words = inputs.flatMap((input) => Array.from(input.dataSync()));
  const X = build(words.length, WORDS, (i, j) => (words[i] === j ? 1 : 0));
  const D = stackOf(factors, DIMS);
  tf.dispose([...inputs, ...factors]);
  layer.dispose();
  return { gradients, X, D };
}

function newLayer() {
  return tf.layers.embedding({ inputDim: WORDS, outputDim: DIMS });
}

const initializer = (seed: number) => tf.initializers.randomNormal({ seed, stddev: 0.5 });

/** Sentences of four words, whose kind is that of the words in them; word 9 is padding, word 10 not used. */
function sentences(examples: number) {
  const kinds = Array.from({ length: examples }, (_, i) => i % 3);
  const words = kinds.flatMap((kind, i) => [3 * kind + (i % 2), 3 * kind + 2, (i * 5) % 9, 9]);
  return {
    x: tf.tensor2d(words, [examples, 4], 'int32'),
    y: tf.tensor2d(kinds.map((kind) => [0, 1, 2].map((k) => (k === kind ? 1 : 0)))),
  };
}

/** Embedding, then a mean over the sentence or all of it, then dense; the same weights every time. */
function network(head: 'mean' | 'flat'): ReturnType<typeof tf.sequential> {
  return tf.sequential({
    layers: [
      tf.layers.embedding({
        inputDim: 11,
        outputDim: 5,
        inputLength: 4,
        embeddingsInitializer: initializer(1),
      }),
      head === 'mean' ? tf.layers.globalAveragePooling1d({}) : tf.layers.flatten(),
      tf.layers.dense({ units: 3, kernelInitializer: initializer(2) }),
    ],
  });
}

const CADENCE = { observeEvery: 1, refreshEvery: 2, learningRate: 0.5, momentum: 0.9 } as const;

const optimizers: readonly (readonly [string, number, () => TfjsOptimizer])[] = [
  ['nysact', 2 * 11, () => nysact(tf, { ...CADENCE, rank: 4 })],
  ['foof', 2 * 11, () => foof(tf, CADENCE)],
  ['kfac', 2 * (11 + 25) + 5, () => kfac(tf, { ...CADENCE, learningRate: 0.05 })],
  ['ekfac', 11 + 2 * 25 + 5 * 11, () => ekfac(tf, { ...CADENCE, learningRate: 0.05 })],
  [
    'kfac, factored',
    2 * (11 + 25),
    () => kfac(tf, { ...CADENCE, learningRate: 0.05, inverse: 'factored' }),
  ],
  ['eva', 11 + 5, () => eva(tf, { ...CADENCE, learningRate: 0.05 })],
];

// The wasm backend has no gradient of an embedding.
onBackends(['cpu'], () => {
  test.each([
    { shape: [5], dtype: 'int32' },
    { shape: [3, 4], dtype: 'int32' },
    { shape: [3, 4], dtype: 'float32' },
    { shape: [2, 3, 2], dtype: 'float32' },
  ] as const)('a row is a word, and XᵀD the gradient: %o', ({ shape, dtype }) => {
    const { gradients, X, D } = gradientsOf([wordsOf(shape, 1, dtype)]);
    expect(gradients).toHaveLength(1);
    const [{ block, A, B, counts, gradient }] = gradients;
    expect(block).toMatchObject({ kind: 'embedding', bias: undefined, rows: 'oneHot' });
    expect(block.examples).toBe(shape[0]);
    expect(distance(gradient, product(X, 'T', D, 'N'))).toBe(0);
    expect(distance(A, product(X, 'T', X, 'N'))).toBe(0);
    expect(distance(B, product(D, 'T', D, 'N'))).toBe(0);
    expect(distance(counts, product(filled(X.rows, 1, 1), 'T', X, 'N'))).toBe(0);
  });

  test('a layer that is used twice has the rows of both uses', () => {
    const inputs = [wordsOf([3, 2], 0, 'int32'), wordsOf([2, 5], 3, 'float32')];
    const { gradients, X, D } = gradientsOf(inputs);
    expect(gradients).toHaveLength(1);
    const [{ block, A, B, gradient }] = gradients;
    expect(block.uses).toHaveLength(2);
    expect(distance(gradient, product(X, 'T', D, 'N'))).toBe(0);
    expect(distance(A, product(X, 'T', X, 'N'))).toBe(0);
    expect(distance(B, product(D, 'T', D, 'N'))).toBe(0);
  });

  describe.each(optimizers)('%s', (_, numbers, make) => {
    test.each(['mean', 'flat'] as const)(
      'trains it with a %s head, leaks nothing, and says what it holds',
      (head) => {
        const before = tf.memory().numTensors;
        const [model, optimizer, { x, y }] = [network(head), make(), sentences(12)];
        const loss = crossEntropy(model, { x, y });
        const first = tf.tidy(() => loss().dataSync()[0]);
        for (let k = 0; k < 5; k++) optimizer.minimize(loss);
        const during = tf.memory().numTensors;
        for (let k = 0; k < 10; k++) optimizer.minimize(loss);
        expect(tf.memory().numTensors).toBe(during);
        expect(tf.tidy(() => loss().dataSync()[0])).toBeLessThan(0.8 * first);
        const [words, kernel, bias] = optimizer.report(model);
        expect(words).toMatchObject({
          kind: 'embedding',
          reason: undefined,
          shape: [11, 5],
          inputs: 11,
          outputs: 5,
          rank: undefined,
          bytes: 4 * numbers,
        });
        expect([kernel.kind, bias.kind]).toEqual(['dense', 'dense']);
        expect(optimizer.diagnostics.map(({ failures }) => failures)).toEqual([0, 0]);
        tf.dispose([x, y]);
        for (const one of [model, optimizer]) one.dispose();
        expect(tf.memory().numTensors).toBe(before);
      },
    );

    test('goes on from a saved state bit for bit', async () => {
      const batch = sentences(6);
      await expectSameBitsAfterRestore({ network: () => network('mean'), make, batch });
      tf.dispose([batch.x, batch.y]);
    });

    test('leaves a frozen embedding alone, and goes on without it', () => {
      const [model, optimizer, { x, y }] = [network('mean'), make(), sentences(6)];
      // A sequential model is built by its first use, which would undo the freezing.
      outputOf(model, x).dispose();
      model.layers[0].trainable = false;
      const frozen = layerWeights(model.layers[0]);
      for (let k = 0; k < 3; k++) optimizer.minimize(crossEntropy(model, { x, y }));
      expect(layerWeights(model.layers[0])).toEqual(frozen);
      expect(optimizer.report(model)[0]).toMatchObject({
        kind: undefined,
        reason: 'the layer is frozen',
      });
      expect(optimizer.diagnostics).toHaveLength(1);
      tf.dispose([x, y]);
      for (const one of [model, optimizer]) one.dispose();
    });
  });

  test('FOOF divides the gradient of a word by its share of the rows, and the damping', () => {
    const [learningRate, damping] = [0.25, 0.5];
    const layer = newLayer();
    const words = tf.tensor1d([4, 1, 1, 4, 4, 4, 2, 0], 'int32');
    const R = integerTensor([8, DIMS], 1);
    outputOf(layer, words).dispose();
    const [before] = layer.getWeights().map((weight) => stackOf([weight], DIMS));
    const optimizer = foof(tf, { learningRate, damping });
    optimizer.minimize(() => outputOf(layer, words).mul(R).sum().asScalar());
    const [after] = layer.getWeights().map((weight) => stackOf([weight], DIMS));
    const D = stackOf([R], DIMS);
    const shares = [1 / 8, 2 / 8, 1 / 8, 0, 4 / 8, 0, 0];
    const X = build(8, WORDS, (i, j) => (words.dataSync()[i] === j ? 1 : 0));
    const G = product(X, 'T', D, 'N');
    const expected = build(
      WORDS,
      DIMS,
      (i, j) => before.at(i, j) - (learningRate * G.at(i, j)) / (shares[i] + damping),
    );
    const largest = Math.max(...map(G, Math.abs).data);
    expect(distance(after, expected)).toBeLessThanOrEqual(
      16 * 2 ** -23 * largest * Math.sqrt(WORDS * DIMS),
    );
    // A word that did not come stays to the bit.
    expect([3, 5, 6].map((i) => after.at(i, 0))).toEqual([3, 5, 6].map((i) => before.at(i, 0)));
    tf.dispose([words, R]);
    for (const one of [layer, optimizer]) one.dispose();
  });

  test('an index that is no word is refused by the layer, with nothing changed', async () => {
    const [model, optimizer, { x, y }] = [network('mean'), nysact(tf, CADENCE), sentences(6)];
    const step = (words: Tensor) => optimizer.minimize(crossEntropy(model, { x: words, y }));
    step(x);
    const bad = x.add(tf.scalar(2, 'int32'));
    const [weights, state] = [weightsOf(model), await optimizer.exportState()];
    expect(() => step(bad)).toThrow('the index value 11 is not in [0, 10]');
    expect(weightsOf(model)).toEqual(weights);
    expect(await optimizer.exportState()).toEqual(state);
    step(x);
    tf.dispose([x, y, bad]);
    for (const one of [model, optimizer]) one.dispose();
  });
});
