// The work that was meant for a device, on this library's own CPU backend.

import type { DenseMatrix } from '../../core/matrix.js';
import { cpuBackend } from '../cpu.js';
import type { BackendInfo, Reading, Slot } from '../slot.js';
import type { GpuBackend } from './backend.js';
import { checkFloat32 } from './errors.js';

/**
 * The CPU backend with a device's manners; its info says what it stands for and why.
 *
 * @throws GpuDTypeError (its `write`) for elements that are no float32, as a device does.
 */
export function handOver(reason: string, reading: Reading): GpuBackend {
  const cpu = cpuBackend('float32');
  const info: BackendInfo = {
    name: cpu.info.name,
    get variant() {
      return cpu.info.variant;
    },
    get threads() {
      return cpu.info.threads;
    },
    handedOver: reason,
  };
  const shared = {
    ...cpu,
    info,
    write(A: Slot<'float32'>, value: DenseMatrix<'float32'>) {
      checkFloat32('write', 'value', value);
      cpu.write(A, value);
    },
    memory: () => ({ textures: 0, bytes: 0, kernels: 0 }),
    settled: () => Promise.resolve(),
    dispose: () => Promise.resolve(),
  };
  if (reading === 'sync') return shared;
  return { ...shared, reading: 'async', read: async (A) => cpu.read(A) };
}
