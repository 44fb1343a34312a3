// The parts of the benchmark of training in TensorFlow.js.

import { beforeAll, describe, expect, test } from 'vitest';
import { startTensorflow, type TensorFlow } from '../../bench/data/tensorflow.js';
import { type Table, terminalTable } from '../../bench/report/table.js';
import { chosen, keysOf } from '../../bench/study/chosen.js';
import { registerComposed } from '../../bench/tfjs/composed.js';
import { timeConvolutions } from '../../bench/tfjs/convolutions.js';
import { measure } from '../../bench/tfjs/main.js';
import { classification, workloads } from '../../bench/tfjs/models.js';
import { cadence, over } from '../../bench/tfjs/optimizers.js';
import { convolutionTable } from '../../bench/tfjs/report.js';
import { weightsOf } from '../../bench/tfjs/steps.js';
import { registerKernels } from '../../src/tfjs-wasm/index.js';

let tf: TensorFlow;

beforeAll(async () => {
  tf = await startTensorflow();
});

describe('models', () => {
  /** In thousands or millions as published, and what ours have beside. */
  test.each([
    // 784·256 + 256·128 + 128·10 and biases.
    ['mlp', 200_960 + 32_896 + 1_290],
    // LeCun et al.: 61,706 where the second convolution sees all six channels.
    ['lenet', 61_706],
    // 0.078 M, with shortcuts of 1×1 and their batch norm: 75,290 without them.
    ['resnet8', 75_290 + 2_752],
    // 0.270 M with shortcuts that have no weights.
    ['resnet20', 269_722 + 2_752],
    // Tokens in, two blocks of attention and 64·256·64, five normalisations, and ten classes out.
    ['transformer', 3_136 + 2 * (12_480 + 4_160 + 16_640 + 16_448) + 5 * 128 + 650],
  ])('%s has %i weights', (key, expected) => {
    const [workload] = chosen('models', key, workloads);
    const training = workload.make(tf, 1);
    expect(weightsOf(training)).toBe(expected);
    training.dispose();
  });

  test('are the same for the same seed, and others for another', () => {
    const [workload] = chosen('models', 'lenet', workloads);
    const losses = [1, 1, 2].map((seed) => {
      const training = workload.make(tf, seed);
      const loss = tf.tidy(() => training.loss().dataSync()[0]);
      training.dispose();
      return loss;
    });
    expect(losses[0]).toBe(losses[1]);
    expect(losses[0]).not.toBe(losses[2]);
  });

  test('are chosen by their keys', () => {
    expect(chosen('models', keysOf(workloads), workloads)).toEqual(workloads);
    expect(() => chosen('models', 'lenet,alexnet', workloads)).toThrow(
      /--models: 'alexnet' is unknown, expected some of mlp/,
    );
  });
});

describe('the composed filter gradient', () => {
  test.each([
    { size: 7, stride: 1, pad: 'same' },
    { size: 7, stride: 2, pad: 'same' },
    { size: 8, stride: 2, pad: 'same' },
    { size: 7, stride: 1, pad: 'valid' },
    { size: 8, stride: 2, pad: 'valid' },
  ] as const)('is that of our kernel: $size, stride $stride, $pad', async (geometry) => {
    const { size, stride, pad } = geometry;
    const numbers = tf.memory().numTensors;
    const x = tf.randomUniform([2, size, size, 3], -1, 1, 'float32', 1);
    const filter = tf.zeros([3, 3, 3, 4]);
    const gradient = (): Float32Array =>
      tf.tidy(() =>
        tf
          .grad((F) =>
            tf.sum(
              tf.square(
                tf.add(tf.conv2d(x.as4D(2, size, size, 3), F.as4D(3, 3, 3, 4), stride, pad), 1),
              ),
            ),
          )(filter)
          .dataSync<'float32'>(),
      );
    const takeAway = registerComposed(tf);
    const theirs = gradient();
    takeAway();
    const kernels = await registerKernels(tf);
    const ours = gradient();
    kernels.restore();
    // Sums of at most 2·49 products of numbers below 2: rounding of 2⁻²⁴ in each of their sums.
    const bound = 98 * 98 * 2 * 2 ** -24;
    theirs.forEach((value, i) => {
      expect(Math.abs(value - ours[i])).toBeLessThanOrEqual(bound);
    });
    tf.dispose([x, filter]);
    expect(tf.memory().numTensors).toBe(numbers);
  });
});

describe('the mean step of a cycle', () => {
  const turnsInCycle = cadence.refreshEvery / cadence.observeEvery;
  const baseline = Array.from({ length: 2 * turnsInCycle }, () => 2);

  test('counts a refresh at its share', () => {
    const times = baseline.map((time, turn) => time * (turn % turnsInCycle === 0 ? 6 : 1.1));
    const { ratio, spread, refresh } = over(times, baseline);
    expect(Math.abs(ratio - (6 + (turnsInCycle - 1) * 1.1) / turnsInCycle)).toBeLessThan(1e-12);
    expect(spread.lower).toBe(spread.upper);
    expect(Math.abs(refresh - 4.9 * 2)).toBeLessThan(1e-12);
  });

  test('is not moved by one turn that was disturbed', () => {
    const times = baseline.map((time, turn) => (turn === 3 ? 100 : time));
    expect(over(times, baseline).ratio).toBe(1);
  });
});

/** A layer of fifty weights. */
const tiny = classification({
  key: 'tiny',
  name: 'tiny',
  batch: 2,
  stepsInARow: 5,
  input: [4],
  network: ({ sequential, layers }) =>
    sequential({ layers: [layers.dense({ units: 10, inputShape: [4] })] }),
});

test('a tiny run fills every table and leaves no tensor', async () => {
  const numbers = tf.memory().numTensors;
  const scope = {
    steps: { budget: 0, rounds: 1 },
    convolutions: 0,
    optimizers: { budget: 0, turns: 2 },
  };
  const tables: Table[] = [];
  const results = await measure(tf, [tiny], {
    scope,
    seed: 1,
    show: (table) => tables.push(table),
  });
  expect(results.convolutions).toEqual([]);
  const shown = tables.map(terminalTable).join('\n');
  for (const { name } of results.optimizers[0].over) expect(shown).toContain(name);
  expect(shown).not.toMatch(/NaN|undefined|Infinity/);
  expect(tf.memory().numTensors).toBe(numbers);
});

test('a convolution is timed in all three kernels', async () => {
  const kernels = await registerKernels(tf);
  const rows = timeConvolutions(tf, { size: 8, inputs: 4, outputs: 8, stride: 2 }, 0);
  kernels.restore();
  expect(rows.map(({ kernel }) => kernel)).toEqual([
    'forward',
    'filter gradient',
    'input gradient',
  ]);
  expect(terminalTable(convolutionTable(rows))).toMatch(
    /8×8, 4 → 8, stride 2.*\n(.*\n)*.*geometric mean/,
  );
});
