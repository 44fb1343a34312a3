// A backend on the GPU, or on the CPU if there is no GPU.

import { backendInstead, backendOn, type GpuBackend } from './backend.js';
import type { GpuJs } from './library.js';
import { type GpuOptions, openDevice } from './open.js';

/**
 * A backend on the GPU, through GPU.js.
 *
 * It takes the class `GPU` of the package gpu.js, tries webgpu, webgl2, webgl and headlessgl in that
 * order, and measures what it finds against float64. `info` names the mode that really runs, and that
 * error. If GPU.js finds no device, the work goes to this library's CPU backend, and `info.handedOver`
 * says so.
 *
 * Everything computes in float32. Matrices stay on the device until they are freed; those with more
 * than `tile` rows or columns are held in tiles. `readSync` is there if the device answers at once, as
 * `reading: 'sync'` demands. After a lost context everything throws
 * `GpuContextLostError`; docs/backends.md shows the way back.
 *
 * @throws GpuUnavailableError if the mode asked for does not run here, or none does and `fallback` is
 *   'refuse'.
 * @throws GpuPrecisionError if the device is off by more than `maxError`.
 * @throws RangeError or TypeError for other options than there are, or out of range.
 *
 * @example
 * import { GPU } from 'gpu.js';
 * const backend = await gpuBackend(GPU);
 * console.log(backend.info); // { name: 'gpu.js', variant: 'webgl2', threads: 1, error: 3e-7 }
 */
export async function gpuBackend(GPU: GpuJs, options: GpuOptions = {}): Promise<GpuBackend> {
  const opened = await openDevice(GPU, options);
  if ('device' in opened) {
    const { device, error } = opened;
    return backendOn(device, { name: 'gpu.js', variant: device.mode, threads: 1, error });
  }
  const { mode, reading = mode === 'async' ? 'async' : 'sync' } = options;
  const because = opened.reasons.length === 0 ? '' : ` (${opened.reasons.join('; ')})`;
  const reason = `GPU.js offers ${opened.offered} here, which is no GPU${because}`;
  return backendInstead(reason, reading);
}
