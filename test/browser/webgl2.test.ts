// The backend of GPU.js keeps both contracts on WebGL2, and the preconditioners theirs.

import { expect, test } from 'vitest';
import { engineFrom } from '../../src/backend/compose.js';
import { backendContract } from '../backend/backend.contract.js';
import { engineContract } from '../backend/engine.contract.js';
import { deviceLaws } from '../backend/gpujs/device.contract.js';
import { devicePreconditioners } from '../backend/gpujs/preconditioners.contract.js';
import { testDevice } from '../support/gpu.js';
import { LARGEST_RANK_ONE, SIZES, variants } from './selection.js';

const { device, backend } = await testDevice({ mode: 'webgl2' });

test('the mode that runs is webgl2', () => {
  console.log(`GPU mode that really ran: ${device.mode}, error ${backend().info.error}`);
  expect(device.mode).toBe('webgl2');
});

backendContract('GPU.js on WebGL2', backend, SIZES);
engineContract('its engine', () => engineFrom(backend()), SIZES, LARGEST_RANK_ONE);
devicePreconditioners(
  'preconditioners on WebGL2',
  () => engineFrom(backend()),
  variants('NysAct gaussian, restart', 'KFAC'),
);
deviceLaws('WebGL2', backend);
