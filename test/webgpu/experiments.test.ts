// Runs of experiments on WebGPU in plain Node: they end with the same bits however often they are cut off.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Images } from '../../bench/data/images.js';
import { openDevice } from '../../bench/experiments/device.js';
import { checkpointAt } from '../../bench/experiments/engine/checkpoint.js';
import type { Configuration } from '../../bench/experiments/engine/configuration.js';
import { machineOf } from '../../bench/experiments/engine/results.js';
import { type RunState, runConfiguration } from '../../bench/experiments/engine/run.js';
import { fillUniform, randomKey } from '../../src/core/random.js';
import { SEED } from '../support/seed.js';

const folder = mkdtempSync(join(tmpdir(), 'experiments-'));
afterAll(() => rmSync(folder, { recursive: true }));

function noise(count: number): Images {
  const uniform = new Float64Array(count * 8 * 8);
  fillUniform(randomKey(SEED), uniform);
  return {
    side: 8,
    channels: 1,
    classes: 2,
    pixels: Uint8Array.from(uniform, (u) => 255 * u),
    labels: Int32Array.from({ length: count }, (_, k) => k % 2),
  };
}

const CONFIGURATION: Configuration = {
  network: 'mlp',
  data: { name: 'noise', train: 8, validation: 4, test: 4 },
  optimizer: {
    name: 'nysact-g',
    options: { learningRate: 0.01, rank: 3, observeEvery: 1, refreshEvery: 2 },
  },
  seed: 1,
  batch: 4,
  pass: 2,
  steps: 4,
  validations: 2,
  augmentation: 'crop and flip',
};

class Cut extends Error {}

test('software is left alone unless it is asked for', async () => {
  const { tf, adapter } = await openDevice('auto');
  expect(adapter).toBeUndefined();
  expect(tf.getBackend()).toBe('wasm');
  expect(machineOf(tf, adapter).backend).toBe('wasm, kernels of nysact/tfjs-wasm');
});

test('a run that was cut off ends with the bits of one that was not', async () => {
  const { tf, adapter } = await openDevice('webgpu');
  expect(machineOf(tf, adapter).backend).toMatch(/^webgpu, .*swiftshader/i);
  const data = { train: noise(8), validation: noise(4), test: noise(4) };
  const run = async (name: string, cut: number, isDue: (step: number) => boolean) => {
    let weights: number[][] = [];
    const outcome = await runConfiguration(tf, CONFIGURATION, data, {
      checkpoint: checkpointAt<RunState>(join(folder, name)),
      isDue,
      onStep: (step) => {
        if (step === cut) throw new Cut();
      },
      onEnd: async (model) => {
        weights = await Promise.all(model.getWeights().map(async (w) => [...(await w.data())]));
      },
    });
    return { weights, outcome };
  };
  const whole = await run('whole', Number.POSITIVE_INFINITY, () => false);
  await expect(run('cut', 3, (step) => step === 1)).rejects.toThrow(Cut);
  const cut = await run('cut', Number.POSITIVE_INFINITY, () => false);
  expect(cut.weights).toEqual(whole.weights);
  expect(cut.outcome.findings).toEqual(whole.outcome.findings);
  expect(cut.outcome.curve).toEqual(whole.outcome.curve);
  expect(whole.outcome.findings.diverged).toBeUndefined();
});
