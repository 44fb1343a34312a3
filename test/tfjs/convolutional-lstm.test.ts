// Convolutional LSTMs: what their kernels saw over all time steps makes the gradients of both.

import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import type { Rows } from '../../src/rows/rows.js';
import { captureGradients } from '../../src/tfjs/capture.js';
import { disposeCaptured, rowsOf } from '../../src/tfjs/captured.js';
import { eva, foof, kfac, nysact, type TfjsOptimizer, tfjsBackend } from '../../src/tfjs/index.js';
import { build, distance, type Matrix, norm, product } from '../support/matrices.js';
import { onBackends, tf } from './backends.js';
import { outputOf } from './models.js';
import { EVERYTHING } from './products.js';
import { expectSameBitsAfterRestore } from './resume.js';
import { stripes } from './stripes.js';
import { expectTraining } from './trains.js';

const [BATCH, TIME, SIZE, INPUTS, FILTERS] = [2, 2, 3, 2, 2];

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

/** The matrix of rows: each is what it adds to the sum over all before it. */
function matrixOf(rows: Rows<'float32'>): Matrix {
  const a = rows.backend.allocate(1, rows.cols);
  const sums = Array.from({ length: rows.rows }, (_, i) => {
    rows.sum(1, 0, a, i + 1);
    const sum = rows.backend.readSync?.(a);
    if (sum === undefined) throw new Error('expected a backend that is read at once');
    return sum;
  });
  rows.backend.free(a);
  return build(
    rows.rows,
    rows.cols,
    (i, j) => sums[i].at(0, j) - (i === 0 ? 0 : sums[i - 1].at(0, j)),
  );
}

/** The sums of magnitudes over rows, 1×cols. */
function magnitudes(X: Matrix): Matrix {
  return build(1, X.cols, (_, j) => {
    let sum = 0;
    for (let i = 0; i < X.rows; i++) sum += Math.abs(X.at(i, j));
    return sum;
  });
}

/** Gradients with the outputs as their last axis, one below the other. */
function gradientMatrix(gradients: readonly Tensor[], outputs: number): Matrix {
  const data = gradients.flatMap((gradient) => Array.from(gradient.dataSync()));
  return build(data.length / outputs, outputs, (i, j) => data[i * outputs + j]);
}

const initializer = (seed: number) => tf.initializers.glorotNormal({ seed });

/** A convolutional LSTM and a dense layer, the same weights every time. */
function network(): ReturnType<typeof tf.sequential> {
  return tf.sequential({
    layers: [
      // Two strips of an image, one after the other.
      tf.layers.reshape({ inputShape: [8, 8, 1], targetShape: [2, 4, 8, 1] }),
      tf.layers.convLstm2d({
        filters: 3,
        kernelSize: 3,
        padding: 'same',
        kernelInitializer: initializer(1),
        recurrentInitializer: initializer(2),
      }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, kernelInitializer: initializer(3) }),
    ],
  });
}

const CADENCE = { observeEvery: 1, refreshEvery: 2, momentum: 0.9 } as const;

const optimizers: readonly (readonly [string, () => TfjsOptimizer])[] = [
  ['nysact', () => nysact(tf, { ...CADENCE, learningRate: 0.1, rank: 4 })],
  ['foof', () => foof(tf, { ...CADENCE, learningRate: 0.1 })],
  ['kfac', () => kfac(tf, { ...CADENCE, learningRate: 0.01 })],
  ['eva', () => eva(tf, { ...CADENCE, learningRate: 0.01 })],
];

// The wasm backend has no gradient of a convolution.
onBackends(['cpu'], () => {
  test.each([
    {},
    { returnSequences: true },
    { goBackwards: true, returnSequences: true },
    { useBias: false },
    { padding: 'same' },
    { padding: 'same', strides: 2 },
    { dataFormat: 'channelsFirst', padding: 'same' },
    { activation: 'relu', recurrentActivation: 'sigmoid' },
    { dropout: 0.4, recurrentDropout: 0.3 },
    { dropout: 0.4, dataFormat: 'channelsFirst' },
  ] as const)('XᵀD is the gradient of both kernels, and 1ᵀD that of the bias: %o', (options) => {
    const layer = tf.layers.convLstm2d({ filters: FILTERS, kernelSize: [2, 3], ...options });
    const isFirst = 'dataFormat' in options;
    const pixels = isFirst ? [INPUTS, SIZE, SIZE] : [SIZE, SIZE, INPUTS];
    const x = normal([BATCH, TIME, ...pixels], 1);
    const loss = () => outputOf(layer, x).square().mean().asScalar();
    // The masks of dropout stay until the next use.
    loss().dispose();
    const before = tf.memory().numTensors;
    const backend = tfjsBackend(tf);
    const { value, grads, blocks } = captureGradients(tf, loss, undefined, EVERYTHING);
    expect(blocks.map(({ kind }) => kind)).toEqual(['convLstm2d', 'convLstm2d']);
    const { length: biases } = blocks.filter(({ bias }) => bias !== undefined);
    expect(biases).toBe('useBias' in options ? 0 : 1);
    blocks.forEach((block, i) => {
      const made: { dispose(): void }[] = [];
      const rows = rowsOf({ tf, backend }, block, made);
      if (rows?.D === undefined) throw new Error('expected X and D');
      const [X, D] = [matrixOf(rows.X), matrixOf(rows.D)];
      for (const one of made) one.dispose();
      expect([X.cols, D.cols]).toEqual([
        2 * 3 * (i === 0 ? INPUTS : FILTERS) + (block.bias === undefined ? 0 : 1),
        4 * FILTERS,
      ]);
      const names = [block.weight, ...(block.bias === undefined ? [] : [block.bias])];
      const gradient = gradientMatrix(
        names.map((name) => grads[name]),
        4 * FILTERS,
      );
      // A row is a difference of two sums over m rows, so it has the error of both.
      const bound = norm(magnitudes(X)) * norm(magnitudes(D));
      expect(distance(gradient, product(X, 'T', D, 'N'))).toBeLessThanOrEqual(
        8 * X.rows * 2 ** -23 * bound,
      );
    });
    disposeCaptured(blocks);
    backend.dispose();
    tf.dispose(grads);
    value.dispose();
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
    layer.dispose();
  });

  describe.each(optimizers)('%s', (_, make) => {
    test('trains it, leaks nothing, and reports p and q', () => {
      expectTraining({ network, make, batch: () => stripes(9) }, (model, optimizer) => {
        expect(optimizer.report(model)).toMatchObject([
          { kind: 'convLstm2d', inputs: 3 * 3 + 1, outputs: 4 * 3 },
          { kind: 'convLstm2d', inputs: 3 * 3 * 3, outputs: 4 * 3 },
          { kind: 'convLstm2d' },
          { kind: 'dense', inputs: 4 * 8 * 3 + 1, outputs: 3 },
          { kind: 'dense' },
        ]);
      });
    });

    test('goes on from a saved state bit for bit', async () => {
      const batch = stripes(6);
      await expectSameBitsAfterRestore({ network, make, batch });
      tf.dispose([batch.x, batch.y]);
    });
  });
});
