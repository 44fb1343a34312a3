// Memory and lost contexts on WebGPU, by the browser's own count.

import { GPU } from 'gpu.js';
import { gpuBackend } from '../../src/backend/gpujs/index.js';
import { lifetimeLaws } from '../backend/gpujs/lifetime.contract.js';
import { lossLaws } from '../backend/gpujs/loss.contract.js';
import { nativeWebGpu } from './native.js';

const { existing, lose } = nativeWebGpu();

lifetimeLaws('WebGPU', async (options) => {
  return { backend: await gpuBackend(GPU, { mode: 'webgpu', ...options }), existing };
});
lossLaws('WebGPU', async () => ({ backend: await gpuBackend(GPU, { mode: 'webgpu' }), lose }));
