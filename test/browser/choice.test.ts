// What is chosen in a browser, what GPU.js's own choice runs on, and devices that are read later.

import { GPU } from 'gpu.js';
import { describe, expect, test } from 'vitest';
import { upload } from '../../src/backend/backend.js';
import { gpuBackend } from '../../src/backend/gpujs/index.js';
import { convert } from '../../src/core/matrix.js';
import { deviceLaws } from '../backend/gpujs/device.contract.js';
import { readNow, testDevice } from '../support/gpu.js';
import { build } from '../support/matrices.js';

const A = convert(
  build(8, 8, (i, j) => i - j),
  'float32',
);

describe('in a browser with both', () => {
  test('WebGPU comes first, and answers later', async () => {
    const backend = await gpuBackend(GPU);
    expect(backend.info.variant).toBe('webgpu');
    expect(backend.readSync === undefined).toBe(true);
    await backend.dispose();
  });

  test('WebGL 2 answers at once', async () => {
    const backend = await gpuBackend(GPU, { reading: 'sync' });
    expect(backend.info.variant).toBe('webgl2');
    expect(readNow(backend, upload(backend, A))).toEqual(A);
    await backend.dispose();
  });
});

for (const options of [{ mode: 'async' }, { mode: 'webgl2', reading: 'async' }] as const) {
  const { device, backend } = await testDevice(options);
  console.log(`GPU mode that really ran for ${JSON.stringify(options)}: ${device.mode}`);
  deviceLaws(`GPU.js with ${JSON.stringify(options)}`, backend);
}
