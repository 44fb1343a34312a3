// The public names of the subpath nysact/gpu.

export type { AsyncGpuBackend, GpuBackend, GpuResources, SyncGpuBackend } from './backend.js';
export {
  type Crossover,
  type CrossoverOptions,
  type CrossoverRow,
  measureCrossover,
} from './crossover.js';
export type { DeviceMemory } from './device.js';
export {
  GpuContextLostError,
  GpuDisposedError,
  GpuDTypeError,
  GpuFallbackError,
  GpuPrecisionError,
  GpuUnavailableError,
} from './errors.js';
export {
  type AnyGpuOptions,
  type AsyncGpuOptions,
  gpuBackend,
  type HybridOptions,
  hybridBackend,
  type SyncGpuOptions,
} from './gpu-backend.js';
export type {
  GpuInstance,
  GpuJs,
  GpuJsMode,
  GpuKernel,
  GpuKernelSettings,
  GpuMode,
} from './library.js';
export type { GpuOptions } from './open.js';
