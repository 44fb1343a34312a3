// Devices of GPU.js for tests: one context for all backends of a file, because a browser allows few.

import { GPU } from 'gpu.js';
import type { Slot } from '../../src/backend/backend.js';
import { backendOn, type GpuBackend } from '../../src/backend/gpujs/backend.js';
import type { Device } from '../../src/backend/gpujs/device.js';
import { type GpuOptions, openDevice } from '../../src/backend/gpujs/open.js';
import type { DenseMatrix } from '../../src/core/matrix.js';

/** A device, and backends on it. */
export interface TestDevice {
  readonly device: Device;
  readonly backend: () => GpuBackend;
}

/** The device that the options ask for, wherever it runs. */
export async function testDevice(options: GpuOptions): Promise<TestDevice> {
  const opened = await openDevice(GPU, { fallback: 'gpu.js', ...options });
  if (!('device' in opened)) throw new Error(`GPU.js offers ${opened.offered}`);
  const { device, error } = opened;
  const info = { name: 'gpu.js', variant: device.mode, threads: 1, error };
  return { device, backend: () => backendOn(device, info) };
}

/** What a slot holds, of a backend that must read at once. */
export function readNow(backend: GpuBackend, A: Slot<'float32'>): DenseMatrix<'float32'> {
  if (backend.readSync === undefined) throw new Error('expected a device that reads at once');
  return backend.readSync(A);
}
