// A backend on the GPU where there is one, and on the CPU where there is none.

import {
  type AsyncGpuBackend,
  backendOn,
  type GpuBackend,
  type SyncGpuBackend,
} from './backend.js';
import { measureCrossover } from './crossover.js';
import { handOver } from './handover.js';
import { hybridOf } from './hybrid.js';
import type { GpuJs } from './library.js';
import { type GpuOptions, openDevice } from './open.js';

/** Options of a backend that answers at once: all modes but those that cannot. */
export interface SyncGpuOptions extends GpuOptions {
  readonly mode?: 'webgl2' | 'webgl' | 'headlessgl' | 'webasm' | 'cpu';
  readonly reading: 'sync';
}

/** Options of a backend that answers later: any mode read so, or one that has no other way. */
export type AsyncGpuOptions =
  | (GpuOptions & { readonly reading: 'async' })
  | (GpuOptions & { readonly mode: 'webgpu' | 'async'; readonly reading?: 'async' });

/** Options that leave it to the device how it answers. */
export type AnyGpuOptions = GpuOptions & { readonly reading?: undefined };

/**
 * A backend on the GPU, through GPU.js: `engineFrom(await gpuBackend(GPU))` is an engine for every
 * algorithm of this library.
 *
 * It takes the class `GPU` of the package gpu.js, tries webgpu, webgl2, webgl and headlessgl in that
 * order, and measures what it finds against float64. `info` names the mode that really runs and that
 * error. Where GPU.js has nothing but its modes on the host, which are no GPU, the work goes to this
 * library's CPU backend, and `info.handedOver` says so.
 *
 * Everything computes in float32. Matrices stay on the device until they are read or freed; those
 * with more than `tile` rows or columns are held in tiles. After a lost context everything throws
 * `GpuContextLostError`; see docs/backends.md for the way back.
 *
 * @throws GpuUnavailableError where a mode by name is not to be had, or nothing is and `fallback` is
 *   'refuse'; GpuPrecisionError where the device is off by more than `maxError`; GpuDTypeError for
 *   a dtype other than float32; RangeError or TypeError for other options out of range.
 *
 * @example
 * import { GPU } from 'gpu.js';
 * const backend = await gpuBackend(GPU, { reading: 'sync' });
 * const engine = engineFrom(backend);
 * console.log(engine.info); // { name: 'gpu.js', variant: 'webgl2', threads: 1, error: 3e-7 }
 */
export function gpuBackend(GPU: GpuJs, options: SyncGpuOptions): Promise<SyncGpuBackend>;
export function gpuBackend(GPU: GpuJs, options: AsyncGpuOptions): Promise<AsyncGpuBackend>;
export function gpuBackend(GPU: GpuJs, options?: AnyGpuOptions): Promise<GpuBackend>;
export function gpuBackend(GPU: GpuJs, options: GpuOptions = {}): Promise<GpuBackend> {
  return openBackend(GPU, options);
}

/** {@link gpuBackend}, for options of which the types say nothing. */
export async function openBackend(GPU: GpuJs, options: GpuOptions): Promise<GpuBackend> {
  const opened = await openDevice(GPU, options);
  if ('device' in opened) {
    const { device, error } = opened;
    return backendOn(device, { name: 'gpu.js', variant: device.mode, threads: 1, error });
  }
  const { mode, reading = mode === 'async' ? 'async' : 'sync' } = options;
  const because = opened.reasons.length === 0 ? '' : ` (${opened.reasons.join('; ')})`;
  return handOver(`GPU.js offers ${opened.offered} here, which is no GPU${because}`, reading);
}

/** What a hybrid needs besides a device. */
export interface HybridOptions {
  /**
   * The multiply-adds from which a product goes to the device: what `measureCrossover` found, or
   * any number ≥ 0 (default: measured now, which takes about half a second).
   */
  readonly crossover?: number;
}

/**
 * A backend that sends a product to the device where that is faster, transfers included, and keeps
 * small work on the CPU. It looks for a device as {@link gpuBackend} does, and measures from how much
 * work on it pays; without a device the CPU does everything, and `info.handedOver` says so.
 *
 * Element-wise work goes where its operands are. What only the device holds stays there until it is
 * read or overwritten. `info.crossover` is what was measured; Infinity where the device never won.
 *
 * @throws what {@link gpuBackend} throws; RangeError unless `crossover` is a number ≥ 0.
 */
export function hybridBackend(
  GPU: GpuJs,
  options: SyncGpuOptions & HybridOptions,
): Promise<SyncGpuBackend>;
export function hybridBackend(
  GPU: GpuJs,
  options: AsyncGpuOptions & HybridOptions,
): Promise<AsyncGpuBackend>;
export function hybridBackend(
  GPU: GpuJs,
  options?: AnyGpuOptions & HybridOptions,
): Promise<GpuBackend>;
export async function hybridBackend(
  GPU: GpuJs,
  options: GpuOptions & HybridOptions = {},
): Promise<GpuBackend> {
  const { crossover: given, ...rest } = options;
  if (given !== undefined && !(given >= 0)) {
    throw new RangeError(`hybridBackend: crossover is ${given}, expected a number >= 0`);
  }
  const backend = await openBackend(GPU, rest);
  if (backend.info.handedOver !== undefined) return backend;
  return hybridOf(backend, given ?? (await measureCrossover(backend)).multiplyAdds);
}
