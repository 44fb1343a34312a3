// Backends on a device, and on the host in a device's stead.

import type { DenseMatrix } from '../../core/matrix.js';
import type { Backend, BackendInfo } from '../backend.js';
import { hostPrimitives } from '../cpu.js';
import type { Primitives } from '../primitives.js';
import { SlotBackend } from '../slot-backend.js';
import type { Device, DeviceMemory, Reading } from './device.js';
import { gpuPrimitives } from './primitives.js';
import type { Grid } from './tiles.js';

type F32 = 'float32';

/** A backend on a device, which has to be waited for and given back. */
export interface GpuBackend extends Backend<F32> {
  /** What lives on the device, of all backends that share it; all 0 if none is used. */
  memory(): DeviceMemory;
  /** Resolves when everything enqueued so far has run, and rejects if it failed. */
  settled(): Promise<void>;
  /** Gives the device back, and all slots with it. Nothing may be used afterwards. */
  dispose(): Promise<void>;
}

/**
 * A backend on `device`, with slots of its own. Kernels and memory are the device's.
 *
 * Its operations throw GpuContextLostError once the context is lost.
 */
export function backendOn(device: Device, info: BackendInfo): GpuBackend {
  return new DeviceBackend(device, info);
}

/** The CPU backend in a device's stead; its info says why. */
export function backendInstead(reason: string, reading: Reading): GpuBackend {
  return new InsteadBackend(reason, reading);
}

class DeviceBackend extends SlotBackend<F32, Grid> implements GpuBackend {
  readonly #device: Device;

  constructor(device: Device, info: BackendInfo) {
    super(gpuPrimitives(device, info));
    this.#device = device;
  }

  memory(): DeviceMemory {
    return this.#device.memory;
  }

  settled(): Promise<void> {
    return this.#device.settled();
  }

  dispose(): Promise<void> {
    return this.#device.dispose();
  }
}

class InsteadBackend extends SlotBackend<F32, DenseMatrix<F32>> implements GpuBackend {
  constructor(reason: string, reading: Reading) {
    super(insteadPrimitives(reason, reading));
  }

  memory(): DeviceMemory {
    return { textures: 0, bytes: 0, kernels: 0 };
  }

  settled(): Promise<void> {
    return Promise.resolve();
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}

/** Those of the host, read as the device would have been. */
function insteadPrimitives(reason: string, reading: Reading): Primitives<F32, DenseMatrix<F32>> {
  const host = hostPrimitives('float32');
  const info: BackendInfo = {
    name: host.info.name,
    get variant() {
      return host.info.variant;
    },
    get threads() {
      return host.info.threads;
    },
    handedOver: reason,
  };
  const instead: Primitives<F32, DenseMatrix<F32>> = { ...host, info };
  if (reading === 'async') delete instead.readSync;
  return instead;
}
