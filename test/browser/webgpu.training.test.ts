// Methods, their formulas and training on WebGPU.

import { GPU } from 'gpu.js';
import { gpuBackend } from '../../src/backend/gpujs/index.js';
import { devicePreconditioners } from '../backend/gpujs/preconditioners.contract.js';
import { trainingLaws } from '../backend/gpujs/training.contract.js';
import { formulaLaws } from '../precondition/formulas.js';
import { testDevice } from '../support/gpu.js';
import { nativeWebGpu } from './native.js';
import { SIZES } from './selection.js';
import { variants } from './variants.js';

const { lose } = nativeWebGpu();
const { backend } = await testDevice({ mode: 'webgpu' });
devicePreconditioners('preconditioners on WebGPU', backend, variants('NysAct subcolumn, tail'));

formulaLaws('WebGPU', backend, SIZES, 2);

trainingLaws('WebGPU', async () => ({ backend: await gpuBackend(GPU, { mode: 'webgpu' }), lose }));
