// The traps of GPU.js, on its modes on the host; memory and lost contexts, on a double of a device.

import { describe, expect, test } from 'vitest';
import { upload } from '../../../src/backend/backend.js';
import { GpuFallbackError, gpuBackend } from '../../../src/backend/gpujs/index.js';
import { convert } from '../../../src/core/matrix.js';
import { testDevice } from '../../support/gpu.js';
import { doubleOf } from '../../support/gpujs-double.js';
import { build } from '../../support/matrices.js';
import { deviceLaws } from './device.contract.js';
import { lifetimeLaws } from './lifetime.contract.js';
import { lossLaws } from './loss.contract.js';

for (const options of [
  { mode: 'cpu' },
  { mode: 'webasm' },
  { mode: 'webasm', reading: 'async' },
] as const) {
  const { backend } = await testDevice(options);
  const read = 'reading' in options ? 'later' : 'at once';
  deviceLaws(`GPU.js on ${options.mode}, read ${read}`, backend);
}

for (const options of [
  { mode: 'webgl2' },
  { mode: 'webgl2', reading: 'async' },
  { mode: 'webgpu' },
] as const) {
  const name = `a double of ${options.mode}${'reading' in options ? ', read later' : ''}`;
  lifetimeLaws(name, async (more) => {
    const { GPU, textures } = doubleOf({ devices: [options.mode] });
    const backend = await gpuBackend(GPU, { ...options, ...more });
    return { backend, existing: textures };
  });
  lossLaws(name, async () => {
    const { GPU, lose } = doubleOf({ devices: [options.mode] });
    return { backend: await gpuBackend(GPU, options), lose };
  });
}

const clipsOnCpu = (source: string) => (source.includes('limit') ? 'cpu' : undefined);

describe('a kernel that GPU.js runs elsewhere', () => {
  const value = convert(
    build(1, 1, () => 4),
    'float32',
  );

  test('is an error at the call', async () => {
    const { GPU, textures } = doubleOf({ devices: ['webgl2'], ranOn: clipsOnCpu });
    const backend = await gpuBackend(GPU, { mode: 'webgl2', reading: 'sync' });
    const [s, C] = [upload(backend, value), upload(backend, value)];
    expect(() => backend.clip(s, 1, C)).toThrow(
      new GpuFallbackError('gpu', 'cpu', 'the double was told so'),
    );
    await backend.dispose();
    expect(textures()).toBe(0);
  });

  test('is an error of the next read and the next call where that is later', async () => {
    const { GPU, textures } = doubleOf({ devices: ['webgpu'], ranOn: clipsOnCpu });
    const backend = await gpuBackend(GPU, { mode: 'webgpu' });
    const [s, C] = [upload(backend, value), upload(backend, value)];
    backend.clip(s, 1, C);
    await expect(backend.read(s)).rejects.toThrow(GpuFallbackError);
    await expect(backend.settled()).rejects.toThrow(GpuFallbackError);
    expect(() => backend.axpby(1, s, 0, C)).toThrow(GpuFallbackError);
    await backend.dispose();
    expect(textures()).toBe(0);
  });
});
