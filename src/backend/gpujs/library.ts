// What this library needs of GPU.js 2, as types of its own: the package is never imported.

/** The modes of GPU.js that compute on a device. */
export type GpuMode = 'webgpu' | 'webgl2' | 'webgl' | 'headlessgl';

/** Every mode of GPU.js that can be asked for by name. */
export type GpuJsMode = GpuMode | 'async' | 'webasm' | 'cpu';

/** The settings with which kernels are made. */
export interface GpuKernelSettings {
  readonly output: number[];
  readonly pipeline: boolean;
  readonly immutable: boolean;
  readonly asyncMode: boolean;
  readonly precision: 'single';
  readonly tactic: 'precision';
  readonly fixIntegerDivisionAccuracy: boolean;
}

/** A compiled kernel: called with textures, typed arrays and numbers. */
export interface GpuKernel {
  (...operands: never[]): unknown;
  /** What runs it; replaced if GPU.js falls back to another mode. */
  readonly kernel: object;
  destroy(): void;
}

/** An instance of GPU.js: one context of one device. */
export interface GpuInstance {
  /** The mode that it was asked for, or chose. */
  readonly mode: string;
  createKernel(source: string, settings: GpuKernelSettings): GpuKernel;
  destroy(): Promise<void>;
}

/**
 * The class `GPU` of the package gpu.js. It is taken as an argument, so that this library depends on
 * nothing and two copies never meet.
 */
export interface GpuJs {
  new (settings: { mode?: GpuJsMode }): GpuInstance;
  isWebGPUAvailable(): Promise<boolean>;
}
