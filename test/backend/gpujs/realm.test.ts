// GPU.js of another realm, as under Jest: its arrays are none of this realm's classes.

import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { upload } from '../../../src/backend/backend.js';
import { backendOn } from '../../../src/backend/gpujs/backend.js';
import { Device } from '../../../src/backend/gpujs/device.js';
import type { GpuInstance } from '../../../src/backend/gpujs/library.js';
import { zeros } from '../../../src/core/matrix.js';
import { readNow } from '../../support/gpu.js';

test('rows of another realm are read', () => {
  const gpu: GpuInstance = {
    mode: 'webgl2',
    createKernel: (_, { pipeline }) =>
      Object.assign(() => (pipeline ? {} : runInNewContext('[Float32Array.of(1, 2)]')), {
        kernel: {},
        destroy: () => {},
      }),
    destroy: () => Promise.resolve(),
  };
  const device = new Device(gpu, { reading: 'sync', edge: 8, kernels: 8 });
  const backend = backendOn(device, { name: 'gpu.js', variant: 'a double', threads: 1 });
  const A = upload(backend, zeros('float32', 1, 2));
  expect(readNow(backend, A).toArrays()).toEqual([[1, 2]]);
});
