// What GPU.js finds in plain Node, and what it runs on by its own choice.

import { GPU } from 'gpu.js';
import { expect, test } from 'vitest';
import { gpuBackend } from '../../src/backend/gpujs/index.js';
import { deviceLaws } from '../backend/gpujs/device.contract.js';
import { testDevice } from '../support/gpu.js';

test('WebGPU comes first, and answers later', async () => {
  const backend = await gpuBackend(GPU);
  expect(backend.info).toMatchObject({ name: 'gpu.js', variant: 'webgpu' });
  expect(backend.readSync === undefined).toBe(true);
  await backend.dispose();
});

test('nothing else answers at once, so that the CPU backend does the work', async () => {
  const backend = await gpuBackend(GPU, { reading: 'sync' });
  expect(backend.info.name).toBe('cpu');
  expect(backend.info.handedOver).toBeDefined();
  await backend.dispose();
});

const { device, backend } = await testDevice({ mode: 'async' });

test("GPU.js's own choice is WebGPU", () => {
  expect(device.mode).toBe('webgpu');
});

deviceLaws('GPU.js with its own choice', backend);
