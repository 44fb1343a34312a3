// Memory and lost contexts on WebGL2, by the browser's own count.

import { GPU } from 'gpu.js';
import { gpuBackend } from '../../src/backend/gpujs/index.js';
import { lifetimeLaws } from '../backend/gpujs/lifetime.contract.js';
import { lossLaws } from '../backend/gpujs/loss.contract.js';
import { nativeWebGl2 } from './native.js';

const { existing, lose } = nativeWebGl2();

lifetimeLaws('WebGL2', async (options) => {
  return { backend: await gpuBackend(GPU, { mode: 'webgl2', ...options }), existing };
});
lossLaws('WebGL2', async () => ({ backend: await gpuBackend(GPU, { mode: 'webgl2' }), lose }));
