// Preconditioners and training on WebGPU.

import { GPU } from 'gpu.js';
import { engineFrom } from '../../src/backend/compose.js';
import { gpuBackend } from '../../src/backend/gpujs/index.js';
import { devicePreconditioners } from '../backend/gpujs/preconditioners.contract.js';
import { trainingLaws } from '../backend/gpujs/training.contract.js';
import { testDevice } from '../support/gpu.js';
import { nativeWebGpu } from './native.js';
import { variants } from './variants.js';

const { backend } = await testDevice({ mode: 'webgpu' });
devicePreconditioners(
  'preconditioners on WebGPU',
  () => engineFrom(backend()),
  variants('NysAct subcolumn, tail'),
);

const { lose } = nativeWebGpu();
trainingLaws('WebGPU', async () => ({ backend: await gpuBackend(GPU, { mode: 'webgpu' }), lose }));
