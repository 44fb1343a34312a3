// The backend of GPU.js keeps its contract on WebGL2, and steps into none of GPU.js's traps.

import { expect, test } from 'vitest';
import { backendContract } from '../backend/backend.contract.js';
import { deviceLaws } from '../backend/gpujs/device.contract.js';
import { testDevice } from '../support/gpu.js';
import { SIZES } from './selection.js';

const { device, backend } = await testDevice({ mode: 'webgl2' });

test('the mode that runs is webgl2', () => {
  console.log(`GPU mode that really ran: ${device.mode}, error ${backend().info.error}`);
  expect(device.mode).toBe('webgl2');
});

backendContract('GPU.js on WebGL2', backend, SIZES);
deviceLaws('WebGL2', backend);
