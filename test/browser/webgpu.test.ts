// The backend of GPU.js keeps its contract on WebGPU, and the preconditioners give what they should.

import { expect, test } from 'vitest';
import { engineFrom } from '../../src/backend/compose.js';
import { backendContract } from '../backend/backend.contract.js';
import { deviceLaws } from '../backend/gpujs/device.contract.js';
import { devicePreconditioners } from '../backend/gpujs/preconditioners.contract.js';
import { rankOneLaws } from '../backend/rank-one.contract.js';
import { testDevice } from '../support/gpu.js';
import { LARGEST_RANK_ONE, SIZES, variants } from './selection.js';

const { device, backend } = await testDevice({ mode: 'webgpu' });

test('the mode that runs is webgpu', () => {
  console.log(`GPU mode that really ran: ${device.mode}, error ${backend().info.error}`);
  expect(device.mode).toBe('webgpu');
});

backendContract('GPU.js on WebGPU', backend, SIZES);
// Of the engine's contract, what depends on the device: the range of its numbers.
rankOneLaws(() => engineFrom(backend()), LARGEST_RANK_ONE);
devicePreconditioners(
  'preconditioners on WebGPU',
  () => engineFrom(backend()),
  variants('NysAct subcolumn, tail'),
);
deviceLaws('WebGPU', backend);
