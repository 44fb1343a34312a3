// Masks: what is padding is no row.

import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { captureGradients } from '../../src/tfjs/capture.js';
import { disposeCaptured, rowsOf } from '../../src/tfjs/captured.js';
import { foof, kfac, nysact, type TfjsBackend, tfjsBackend } from '../../src/tfjs/index.js';
import { positionRows } from '../../src/tfjs/rows/masked.js';
import { onBackends, tf } from './backends.js';
import { dense, outputOf, weightsOf } from './models.js';
import { EVERYTHING, products } from './products.js';

type Model = ReturnType<typeof tf.sequential>;

const CADENCE = { observeEvery: 1, refreshEvery: 2, learningRate: 0.05 } as const;

const [BATCH, TIME, INPUTS] = [3, 4, 2];

/** How long each sequence is: one of all, one of none, and one between. */
const LENGTHS = [4, 0, 2];

const COUNTED = LENGTHS.reduce((sum, length) => sum + length, 0);

/** Sequences that end in zeros. */
function padded(): Tensor {
  return tf.tidy(() =>
    tf.randomNormal([BATCH, TIME, INPUTS], 3, 1, 'float32', 1).mul(mask().expandDims(2)),
  );
}

/** [BATCH, TIME] of ones and zeros. */
function mask(): Tensor {
  return tf.tensor2d(
    LENGTHS.map((length) => Array.from({ length: TIME }, (_, t) => (t < length ? 1 : 0))),
  );
}

function sequential(...layers: InstanceType<typeof tf.layers.Layer>[]): Model {
  return tf.sequential({
    layers: [tf.layers.masking({ inputShape: [TIME, INPUTS] }), ...layers],
  });
}

/** The sum of the squares of what is not masked. */
function maskedLoss(model: Model, x: Tensor) {
  return () =>
    tf.tidy(() => outputOf(model, x).square().mul(mask().expandDims(2)).sum().asScalar());
}

/** How many rows the first block shows, and what they sum to. */
function rowsAndSum(loss: () => ReturnType<typeof tf.scalar>, backend: TfjsBackend) {
  const { value, grads, blocks } = captureGradients(tf, loss, undefined, EVERYTHING);
  const made: { dispose(): void }[] = [];
  const seen = rowsOf({ tf, backend }, blocks[0], made);
  let found: { count: number; sum: number[]; gradients: number } | undefined;
  if (seen !== undefined) {
    const a = backend.allocate(1, seen.X.cols);
    seen.X.sum(1, 0, a);
    found = {
      count: seen.X.count,
      sum: Array.from(backend.readSync?.(a).data ?? []),
      gradients: seen.D?.rows ?? 0,
    };
    backend.free(a);
  }
  for (const one of made) one.dispose();
  disposeCaptured(blocks);
  tf.dispose(grads);
  value.dispose();
  return found;
}

onBackends(['wasm', 'cpu'], () => {
  describe.each([
    { kind: 'simpleRNN', make: tf.layers.simpleRNN, uses: 1 },
    { kind: 'lstm', make: tf.layers.lstm, uses: 1 },
    { kind: 'gru', make: tf.layers.gru, uses: 2 },
  ])('$kind', ({ make, uses }) => {
    test.each([false, true])('a masked time step has no row, goBackwards %s', (goBackwards) => {
      const model = sequential(make({ units: 5, goBackwards }));
      const x = padded();
      const loss = () => outputOf(model, x).square().mean().asScalar();
      const rows = products(loss).map(({ shapes }) => shapes[0]);
      expect(rows).toEqual([COUNTED, uses * COUNTED]);
      x.dispose();
      model.dispose();
    });

    test('in both directions', () => {
      const layer = make({ units: 5, returnSequences: true });
      const model = sequential(tf.layers.bidirectional({ layer, mergeMode: 'concat' }));
      const x = padded();
      const rows = products(() => outputOf(model, x).square().mean().asScalar()).map(
        ({ shapes }) => shapes[0],
      );
      expect(rows).toEqual([COUNTED, uses * COUNTED, COUNTED, uses * COUNTED]);
      x.dispose();
    });
  });

  test.each([
    ['dense', () => dense(3, 1)],
    ['a TimeDistributed dense layer', () => tf.layers.timeDistributed({ layer: dense(3, 1) })],
  ])('%s: a masked position has no row', (_, make) => {
    const model = sequential(make());
    const x = padded();
    expect(products(maskedLoss(model, x)).map(({ shapes }) => shapes)).toEqual([
      [COUNTED, INPUTS, COUNTED, 3, BATCH],
    ]);
    x.dispose();
    model.dispose();
  });

  test('a batch of padding alone shows nothing, and trains', () => {
    const model = sequential(tf.layers.gru({ units: 2, returnSequences: true }), dense(1, 2));
    const [x, none] = [padded(), tf.zeros([BATCH, TIME, INPUTS])];
    const backend = tfjsBackend(tf);
    const loss = (input: Tensor) => () => outputOf(model, input).square().mean().asScalar();
    expect(rowsAndSum(loss(none), backend)).toBeUndefined();
    const optimizer = kfac(tf, { observeEvery: 1, refreshEvery: 1, learningRate: 0.01 });
    for (const input of [none, x, none]) optimizer.minimize(loss(input));
    const before = tf.memory().numTensors;
    for (const input of [none, x, none]) optimizer.minimize(loss(input));
    expect(tf.memory().numTensors).toBe(before);
    expect(
      model.getWeights().every((weight) => tf.all(weight.isFinite()).dataSync()[0] === 1),
    ).toBe(true);
    tf.dispose([x, none]);
    for (const one of [model, optimizer]) one.dispose();
  });

  test.each([
    ['nysact', () => nysact(tf, { ...CADENCE, rank: 3 })],
    ['foof', () => foof(tf, CADENCE)],
    ['kfac', () => kfac(tf, CADENCE)],
  ])('%s takes the same steps on padded sequences as on those without padding', (_, make) => {
    const [long, short] = [TIME, 2].map((length) => {
      const model = tf.sequential({
        layers: [
          tf.layers.masking({ inputShape: [length, INPUTS] }),
          tf.layers.lstm({
            units: 3,
            returnSequences: true,
            kernelInitializer: tf.initializers.glorotNormal({ seed: 1 }),
            recurrentInitializer: tf.initializers.glorotNormal({ seed: 2 }),
          }),
          dense(2, 3),
        ],
      });
      const x = tf.tidy(() =>
        tf.concat(
          [
            tf.randomNormal([BATCH, 2, INPUTS], 3, 1, 'float32', 4),
            tf.zeros([BATCH, length - 2, INPUTS]),
          ],
          1,
        ),
      );
      const optimizer = make();
      const loss = () =>
        tf.slice(outputOf(model, x), [0, 0, 0], [BATCH, 2, 2]).square().mean().asScalar();
      for (let k = 0; k < 5; k++) optimizer.minimize(loss);
      const weights = weightsOf(model).flat();
      x.dispose();
      for (const one of [model, optimizer]) one.dispose();
      return weights;
    });
    // Masking multiplies by 1 and adds 0, so that sums over more steps round the same.
    long.forEach((weight, i) => {
      expect(Math.abs(weight - short[i])).toBeLessThanOrEqual(5 * 6 * 2 ** -23);
    });
  });

  test('a mask of another tensor is none of a layer: all its rows count', () => {
    const layer = dense(3, 1, [TIME]);
    const x = tf.ones([BATCH, TIME]);
    const given = mask();
    outputOf(layer, x).dispose();
    const loss = () => {
      const output = layer.apply(x, { mask: given });
      if (!(output instanceof tf.Tensor)) throw new Error('expected one output');
      return output.square().mean().asScalar();
    };
    expect(products(loss).map(({ shapes }) => shapes)).toEqual([[BATCH, TIME, BATCH, 3, BATCH]]);
    tf.dispose([x, given]);
    layer.dispose();
  });

  test.each([
    ['of a position', [BATCH, TIME, INPUTS], COUNTED],
    ['of several positions each', [BATCH, TIME, 5, INPUTS], 5 * COUNTED],
  ])('marks %s: read where they can be, else rows of zeros', (_, shape, count) => {
    const [x, marks] = [tf.ones(shape), mask()];
    const [reads, waits] = [tfjsBackend(tf), tfjsBackend(tf)];
    // As on a device: nothing tells without waiting.
    Reflect.set(waits, 'bound', undefined);
    const found = [reads, waits].map((backend) => {
      const rows = positionRows({ tf, backend }, x, true, { marks, step: undefined });
      if (rows === undefined) throw new Error('expected rows');
      const A = backend.allocate(INPUTS + 1, INPUTS + 1);
      rows.secondMoment(1, 0, A);
      const moment = backend.readSync?.(A).toArrays();
      rows.dispose();
      backend.dispose();
      return { count: rows.count, moment };
    });
    const moment = Array.from({ length: INPUTS + 1 }, () =>
      Array.from({ length: INPUTS + 1 }, () => count),
    );
    const all = shape.slice(0, -1).reduce((product, length) => product * length, 1);
    expect(found).toEqual([
      { count, moment },
      { count: all, moment },
    ]);
    tf.dispose([x, marks]);
  });
});

// The wasm backend has no gradient of an embedding.
onBackends(['cpu'], () => {
  test('an embedding with maskZero has no rows of its index 0, and hands its mask on', () => {
    const model = tf.sequential({
      layers: [
        tf.layers.embedding({ inputDim: 5, outputDim: 3, inputLength: TIME, maskZero: true }),
        dense(2, 1),
      ],
    });
    const x = tf.tidy(() => mask().mul(tf.range(1, 5)).toInt());
    const backend = tfjsBackend(tf);
    const before = tf.memory().numTensors;
    expect(rowsAndSum(maskedLoss(model, x), backend)).toEqual({
      count: COUNTED,
      // The words of a sequence are 1, 2, 3 …
      sum: [0, 1, 2, 3, 4].map((word) =>
        word === 0 ? 0 : LENGTHS.filter((l) => l >= word).length,
      ),
      gradients: COUNTED,
    });
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
    model.dispose();
  });
});
