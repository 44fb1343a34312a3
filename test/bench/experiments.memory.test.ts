// Peaks of memory.

import { afterAll, expect, test } from 'vitest';
import { startTensorflow } from '../../bench/data/tensorflow.js';
import { peakBytesOf, processPeakBytes } from '../../bench/experiments/engine/memory.js';
import { registerKernels } from '../../src/tfjs-wasm/index.js';

const tf = await startTensorflow();
const registered = await registerKernels(tf);
afterAll(() => registered.restore());

/** Numbers of 4 bytes: 1 MiB. */
const COUNT = 2 ** 18;
const MEBIBYTE = 4 * COUNT;

/** How far tensors' data rise above what is there at the start. */
async function riseOf(f: () => void | Promise<void>): Promise<number> {
  const before = tf.memory().numBytes;
  return (await peakBytesOf(tf, async () => f())) - before;
}

test('data that tensors share count once', async () => {
  const rise = await riseOf(() => {
    const x = tf.zeros([COUNT]);
    tf.dispose([x, tf.reshape(x, [512, 512]), tf.clone(x)]);
  });
  expect(rise).toBe(MEBIBYTE);
});

test('what is disposed of makes room: the peak is of what is there at once', async () => {
  const rise = await riseOf(() => {
    for (let k = 0; k < 3; k++) tf.dispose([tf.zeros([COUNT]), tf.zeros([COUNT])]);
    tf.zeros([COUNT]).dispose();
  });
  expect(rise).toBe(2 * MEBIBYTE);
  const old = tf.zeros([COUNT]);
  expect(
    await riseOf(() => {
      old.dispose();
      tf.zeros([COUNT / 2]).dispose();
    }),
  ).toBe(0);
});

test('the engine is left as it was, also where the work fails', async () => {
  const failure = new Error('no more');
  await expect(peakBytesOf(tf, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(Object.hasOwn(tf.engine(), 'trackTensor')).toBe(false);
  expect(Object.hasOwn(tf.engine(), 'removeDataId')).toBe(false);
});

test('the peak of the process is at least what it holds', () => {
  const held = Buffer.alloc(64 * MEBIBYTE, 1);
  expect(processPeakBytes()).toBeGreaterThan(held.length);
  // Read again: what is resident is told with some pages missing.
  expect(processPeakBytes()).toBeGreaterThan(0.9 * process.memoryUsage().rss);
});
