// Methods, their formulas and training on WebGL2.

import { GPU } from 'gpu.js';
import { gpuBackend } from '../../src/backend/gpujs/index.js';
import { devicePreconditioners } from '../backend/gpujs/preconditioners.contract.js';
import { trainingLaws } from '../backend/gpujs/training.contract.js';
import { formulaLaws } from '../precondition/formulas.js';
import { testDevice } from '../support/gpu.js';
import { nativeWebGl2 } from './native.js';
import { SIZES } from './selection.js';
import { variants } from './variants.js';

const { backend } = await testDevice({ mode: 'webgl2' });
devicePreconditioners(
  'preconditioners on WebGL2',
  backend,
  variants('NysAct gaussian, restart', 'KFAC'),
);

formulaLaws('WebGL2', backend, SIZES, 2);

const { lose } = nativeWebGl2();
trainingLaws('WebGL2', async () => ({ backend: await gpuBackend(GPU, { mode: 'webgl2' }), lose }));
