// WebGL 1, which has a language and limits of its own: the contract of backends in a few shapes, and
// the traps of GPU.js.

import { expect, test } from 'vitest';
import { backendContract } from '../backend/backend.contract.js';
import { deviceLaws } from '../backend/gpujs/device.contract.js';
import { testDevice } from '../support/gpu.js';
import { SIZES } from './selection.js';

const { device, backend } = await testDevice({ mode: 'webgl' });

test('the mode that runs is webgl', () => {
  console.log(`GPU mode that really ran: ${device.mode}, error ${backend().info.error}`);
  expect(device.mode).toBe('webgl');
});

backendContract('GPU.js on WebGL 1', backend, SIZES);
deviceLaws('WebGL 1', backend);
