// What is left of our gradients once the kernels were restored: nothing.

import { beforeAll, expect, test } from 'vitest';
import { registerKernels } from '../../src/tfjs-wasm/index.js';
import { computeOn, tf } from './backend.js';
import { roundingOf, wholes } from './values.js';

beforeAll(async () => {
  await tf.setBackend('wasm');
});

test('a step that outlives the kernels ends as it would without', async () => {
  const x = wholes([2, 3], 1);
  const kernels = await registerKernels(tf);
  expect(kernels.names).toContain('SoftmaxGrad');
  const [gradient] = computeOn('wasm', [x], (t) =>
    tf.grad((u) => {
      const y = tf.softmax(u).mul(tf.tile(u, [1, 1]));
      kernels.restore();
      return y.sum();
    })(t),
  );
  const [theirs] = computeOn('cpu', [x], (t) => tf.grad((u) => tf.softmax(u).mul(u).sum())(t));
  gradient.data.forEach((g, i) => {
    expect(Math.abs(g - theirs.data[i])).toBeLessThanOrEqual(64 * roundingOf(3));
  });
});

test('what was there before comes back', async () => {
  const theirs = tf.getGradient('Tile');
  const kernels = await registerKernels(tf);
  expect(tf.getGradient('Tile')).not.toBe(theirs);
  kernels.restore();
  expect(tf.getGradient('Tile')).toBe(theirs);
  expect(tf.getKernel('SoftmaxGrad', 'wasm')).toBeUndefined();
});

test('a gradient that somebody else has registered since stays', async () => {
  const theirs = tf.getGradient('Tile');
  const kernels = await registerKernels(tf);
  const own = { ...theirs };
  tf.unregisterGradient('Tile');
  tf.registerGradient(own);
  kernels.restore();
  expect(tf.getGradient('Tile')).toBe(own);
  tf.unregisterGradient('Tile');
  tf.registerGradient(theirs);
});
