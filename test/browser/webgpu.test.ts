// The backend of GPU.js keeps its contract on WebGPU, and steps into none of GPU.js's traps.

import { expect, test } from 'vitest';
import { backendContract } from '../backend/backend.contract.js';
import { deviceLaws } from '../backend/gpujs/device.contract.js';
import { testDevice } from '../support/gpu.js';
import { SIZES } from './selection.js';

const { device, backend } = await testDevice({ mode: 'webgpu' });

test('the mode that runs is webgpu', () => {
  console.log(`GPU mode that really ran: ${device.mode}, error ${backend().info.error}`);
  expect(device.mode).toBe('webgpu');
});

backendContract('GPU.js on WebGPU', backend, SIZES);
deviceLaws('WebGPU', backend);
