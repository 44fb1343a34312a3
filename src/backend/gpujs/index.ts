// The entry nysact/gpu: backends on a GPU, through GPU.js.

export type { GpuBackend } from './backend.js';
export type { DeviceMemory } from './device.js';
export {
  GpuContextLostError,
  GpuDisposedError,
  GpuFallbackError,
  GpuPrecisionError,
  GpuUnavailableError,
} from './errors.js';
export { gpuBackend } from './gpu-backend.js';
export type {
  GpuInstance,
  GpuJs,
  GpuJsMode,
  GpuKernel,
  GpuKernelSettings,
  GpuMode,
} from './library.js';
export type { GpuOptions } from './open.js';
