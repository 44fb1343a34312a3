// What is chosen in a browser, what GPU.js's own choice runs on, and devices that are read later.

import { GPU } from 'gpu.js';
import { describe, expect, test } from 'vitest';
import { readNow, upload } from '../../src/backend/engine.js';
import { gpuBackend, hybridBackend } from '../../src/backend/gpujs/index.js';
import { convert } from '../../src/core/matrix.js';
import { deviceLaws } from '../backend/gpujs/device.contract.js';
import { testDevice } from '../support/gpu.js';
import { build } from '../support/matrices.js';

const A = convert(
  build(8, 8, (i, j) => i - j),
  'float32',
);

describe('in a browser with both', () => {
  test('WebGPU comes first, and answers later', async () => {
    const backend = await gpuBackend(GPU);
    expect(backend.info.variant).toBe('webgpu');
    expect(backend.reading).toBe('async');
    await backend.dispose();
  });

  test('WebGL 2 answers at once', async () => {
    const backend = await gpuBackend(GPU, { reading: 'sync' });
    expect(backend.info.variant).toBe('webgl2');
    expect(readNow(backend, upload(backend, A))).toEqual(A);
    await backend.dispose();
  });

  test('a hybrid gives the same on either side of its crossover', async () => {
    const products = [0, Number.POSITIVE_INFINITY].map(async (crossover) => {
      const backend = await hybridBackend(GPU, { reading: 'sync', crossover });
      const [slot, C] = [upload(backend, A), backend.allocate(8, 8)];
      backend.gemm(1, slot, 'N', slot, 'T', 0, C);
      const textures = backend.memory().textures;
      const value = readNow(backend, C);
      await backend.dispose();
      return { textures, value };
    });
    const [device, host] = await Promise.all(products);
    // Sums of 8 products of small whole numbers are exact.
    expect(device.value).toEqual(host.value);
    expect([device.textures, host.textures]).toEqual([2, 0]);
  });
});

for (const options of [{ mode: 'async' }, { mode: 'webgl2', reading: 'async' }] as const) {
  const { device, backend } = await testDevice(options);
  console.log(`GPU mode that really ran for ${JSON.stringify(options)}: ${device.mode}`);
  deviceLaws(`GPU.js with ${JSON.stringify(options)}`, backend);
}
