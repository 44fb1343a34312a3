// TensorFlow.js is measured where it may compute in half floats: what it says of itself decides nothing
// there.

import { beforeAll, describe, expect, test, vi } from 'vitest';
import { LARGEST_ERROR } from '../../src/backend/accuracy.js';
import { tfjsBackend } from '../../src/tfjs/backend.js';
import { adam, type TfjsOptimizer } from '../../src/tfjs/index.js';
import { tf } from './backends.js';
import { doubleOf } from './half-floats.js';

beforeAll(() => tf.setBackend('cpu'));

describe('on WebGL', () => {
  test.each([16, 32] as const)('half floats that call themselves %i bits are refused', (says) => {
    const half = doubleOf({ variant: 'webgl', says, rounds: true });
    const before = tf.memory().numTensors;
    for (const reading of ['sync', 'async'] as const) {
      expect(() => tfjsBackend(half, { reading })).toThrow(TypeError);
      expect(() => tfjsBackend(half, { reading })).toThrow(
        /^tfjsBackend: tf computes in half floats, with relative errors of 0\.000\d+ on its webgl backend, expected float32, at most 0\.0000076: .*'cpu'.*WEBGL_FORCE_F16_TEXTURES/,
      );
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test.each([16, 32] as const)('float32 that calls itself %i bits is taken', (says) => {
    const single = doubleOf({ variant: 'webgl', says, rounds: false });
    const before = tf.memory().numTensors;
    const backend = tfjsBackend(single);
    expect(backend.info.variant).toBe('webgl');
    expect(tf.memory().numTensors).toBe(before);
    // An element is off by less than the bound, and a half float's by up to 2⁻¹¹.
    expect(LARGEST_ERROR).toBeLessThan(2 ** -11 / 50);
    backend.dispose();
  });

  test('a device is measured once', () => {
    const single = doubleOf({ variant: 'webgl', says: 16, rounds: false });
    tfjsBackend(single).dispose();
    const made = vi.spyOn(single, 'tensor2d');
    tfjsBackend(single).dispose();
    expect(made).not.toHaveBeenCalled();
  });

  test('an optimiser refuses half floats at its first step, and changes nothing', () => {
    const half = doubleOf({ variant: 'webgl', says: 32, rounds: true });
    const w = tf.variable(tf.tensor1d([1]));
    const optimizer: TfjsOptimizer = adam(half);
    expect(() => optimizer.minimize(() => w.square().sum())).toThrow(/tf computes in half floats/);
    expect(Array.from(w.dataSync())).toEqual([1]);
    w.dispose();
    optimizer.dispose();
  });
});

describe('elsewhere', () => {
  test('a device that cannot be read at once is believed, and not waited for', () => {
    const [half, single] = ([16, 32] as const).map((says) =>
      doubleOf({ variant: 'webgpu', says, rounds: true }),
    );
    const made = vi.spyOn(single, 'tensor2d');
    expect(() => tfjsBackend(half)).toThrow(
      /^tfjsBackend: tf computes in float16 on its webgpu backend, expected float32: /,
    );
    tfjsBackend(single).dispose();
    expect(made).not.toHaveBeenCalled();
  });

  test("the host's memory is float32, and is not measured", () => {
    const host = doubleOf({ variant: 'wasm', says: 16, rounds: true });
    const made = vi.spyOn(host, 'tensor2d');
    tfjsBackend(host).dispose();
    expect(made).not.toHaveBeenCalled();
  });
});
