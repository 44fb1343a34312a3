// The parts of the study of sketches.

import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadMnist } from '../../bench/data/mnist.js';
import { startTensorflow, type TensorFlow } from '../../bench/data/tensorflow.js';
import { CONTENDERS } from '../../bench/sketches/contenders.js';
import { resultTable } from '../../bench/sketches/report.js';
import { type Run, runsOf, study } from '../../bench/sketches/study.js';
import { TASKS } from '../../bench/sketches/tasks.js';
import { Ledger } from '../../bench/study/ledger.js';
import { trained } from '../../bench/study/trial.js';
import { sgd } from '../../src/tfjs/index.js';
import { type RegisteredKernels, registerKernels } from '../../src/tfjs-wasm/index.js';

let tf: TensorFlow;
let kernels: RegisteredKernels;
const folder = mkdtempSync(join(tmpdir(), 'sketches-'));
const silent = { update() {}, stop() {} };

beforeAll(async () => {
  tf = await startTensorflow();
  kernels = await registerKernels(tf);
});

afterAll(() => {
  kernels.restore();
  rmSync(folder, { recursive: true });
});

test('every contender is tried with as many settings', () => {
  expect(new Set(CONTENDERS.map(({ settings }) => settings.length)).size).toBe(1);
  expect(new Set(CONTENDERS.map(({ name }) => name)).size).toBe(CONTENDERS.length);
});

test('a short study runs every task once, and is not made again', () => {
  const small = {
    data: loadMnist({ train: 64, validation: 32, test: 48, seed: 1 }),
    tasks: TASKS.map((task) => ({ ...task, batch: 8, steps: 2 })),
    // The baseline, and two that differ in policy and damping.
    contenders: [0, 4, 8].map((k) => {
      const { settings, ...contender } = CONTENDERS[k];
      return { ...contender, settings: settings.slice(0, 2) };
    }),
    seeds: [1],
  };
  const before = tf.memory().numTensors;
  const path = join(folder, 'runs.jsonl');
  const runs = study(tf, small, new Ledger(path), silent);
  expect(tf.memory().numTensors).toBe(before);
  expect(runs).toHaveLength(runsOf(small));
  for (const { task, contender, learningRate } of runs.filter(({ on }) => on === 'test')) {
    const tried = runs.filter(
      (one) => one.on === 'validation' && one.task === task && one.contender === contender,
    );
    const [best] = tried.toSorted((a, b) => a.loss - b.loss);
    expect(tried.map(({ seed }) => seed)).not.toContain(1);
    expect(learningRate).toBe(best.learningRate);
  }
  const written = readFileSync(path);
  expect(study(tf, small, new Ledger(path), silent)).toEqual(runs);
  expect(readFileSync(path)).toEqual(written);
});

test('a ledger keeps what ended, a divergence too, and skips a line that was cut off', () => {
  const path = join(folder, 'ledger.jsonl');
  let made = 0;
  const once = (seed: number) =>
    new Ledger(path).once({ seed }, () => ({ loss: [Infinity, 0.5][made++], accuracy: 0.25 }));
  const first = once(1);
  expect(first.loss).toBe(Infinity);
  expect(once(1)).toEqual(first);
  expect(made).toBe(1);
  appendFileSync(path, '{"subject":{"seed":2},"lo');
  expect(once(2).loss).toBe(0.5);
  expect(once(2).loss).toBe(0.5);
  expect(made).toBe(2);
});

test('a run that diverges is a result, and leaves no tensor', () => {
  const before = tf.memory().numTensors;
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 10, inputShape: [4] })] });
  const batch = () => ({
    x: tf.tensor2d(new Float32Array(8).fill(1e38), [2, 4]),
    y: tf.tidy(() => tf.oneHot([1, 2], 10).toFloat().as2D(2, 10)),
  });
  const optimizer = sgd(tf, { learningRate: 1 });
  expect(
    trained(tf, { model, optimizer, steps: 3, batch }, () => ({ loss: 1, accuracy: 1 })),
  ).toEqual({ loss: Infinity, accuracy: 0 });
  expect(tf.memory().numTensors).toBe(before);
});

/** A run of the test. */
function ended(contender: string, seed: number, loss: number): Run {
  return {
    task: 'mlp',
    contender,
    batch: 1,
    steps: 1,
    damping: 1,
    learningRate: 0.1,
    seed,
    on: 'test',
    loss,
    accuracy: 0.5,
    seconds: 1,
  };
}

test('a table has means and deviations over seeds, and differences seed by seed', () => {
  const runs = CONTENDERS.flatMap(({ name }, k) => [
    ended(name, 1, (1 + k) / 8),
    ended(name, 2, name === 'track, absolute' ? Infinity : (2 + k) / 8),
    ended(name, 3, (3 - k) / 8),
  ]);
  const { rows } = resultTable('mlp', 'MLP', runs);
  expect(rows[0].slice(0, 5)).toEqual([
    'SGD',
    '1, η 0.1',
    '0.250 ± 0.125',
    '50.0 ± 0.0 %',
    '0 of 3',
  ]);
  const found = new Map(rows.map((row) => [row[0], row]));
  expect(found.get('track, absolute')?.slice(2)).toEqual([
    '0.250 ± 0.530',
    '50.0 ± 0.0 %',
    '1 of 3',
    '0.000 ± 0.530 (1 of 3 less)',
    '',
  ]);
  expect(found.get('restart, relative')?.slice(-2)).toEqual(['', '0.042 ± 0.144 (1 of 3 less)']);
});
