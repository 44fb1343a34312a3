// Which device there is: asked for by name or looked for, measured, and refused where it is none.

import {
  checkChoice,
  checkInteger,
  checkOptions,
  checkPositive,
  checkType,
} from '../../core/check.js';
import type { Reading } from '../slot.js';
import { LARGEST_ERROR, measureError } from './accuracy.js';
import { Device } from './device.js';
import { GpuDTypeError, GpuPrecisionError, GpuUnavailableError } from './errors.js';
import type { GpuJs, GpuJsMode } from './library.js';

/** Options of {@link gpuBackend}. */
export interface GpuOptions {
  /**
   * A mode of GPU.js by name, or 'async', which lets GPU.js choose. Without it the first of webgpu,
   * webgl2, webgl and headlessgl that works here.
   */
  readonly mode?: GpuJsMode;
  /**
   * Whether reads answer at once. WebGPU always answers later; without `mode`, 'sync' leaves it out.
   */
  readonly reading?: Reading;
  /**
   * What to do where GPU.js offers no device but its own modes on the host, webasm and cpu: 'cpu'
   * (default) hands the work to this library's CPU backend, which is faster; 'refuse' throws; 'gpu.js'
   * takes what it offers.
   */
  readonly fallback?: 'cpu' | 'refuse' | 'gpu.js';
  /** Nothing but 'float32', which is all that a device computes in. */
  readonly dtype?: 'float32';
  /** The largest relative error that is accepted of a device (default 64·2⁻²³). */
  readonly maxError?: number;
  /** The most rows and columns of a matrix that is held in one piece (default 4096). */
  readonly tile?: number;
  /** Compiled kernels that are kept at most (default 1024). */
  readonly kernels?: number;
}

/** A device that computes, and how far it is from float64. */
export interface Opened {
  readonly device: Device;
  readonly error: number;
}

/** No device, and what GPU.js would run on instead. */
export interface HostOnly {
  readonly offered: string;
  /** Why no device would do, one for each mode that was tried. */
  readonly reasons: readonly string[];
}

/** The modes that are devices, the best first. */
const DEVICES = ['webgpu', 'webgl2', 'webgl', 'headlessgl'] as const;
const HOSTS = ['webasm', 'cpu'] as const;
const MODES: readonly string[] = [...DEVICES, 'async', ...HOSTS];

/** More than the shapes of a deep network; a kernel that is compiled at every step costs a step. */
const KERNELS = 1024;

/** Up to 2²⁴ elements have indices that WebGL 1 counts without rounding. */
const TILE = 4096;

/**
 * The device that `options` ask for, measured, or what there is instead.
 *
 * @throws GpuDTypeError for a dtype other than float32; RangeError or TypeError for options that are
 *   none, and for a tile that the device cannot hold.
 * @throws GpuUnavailableError where a mode by name is not to be had, or nothing is and that is to be
 *   refused.
 * @throws GpuPrecisionError where the device is off by more than `maxError`.
 */
export async function openDevice(GPU: GpuJs, options: GpuOptions): Promise<Opened | HostOnly> {
  checkGpuOptions(GPU, options);
  const { mode, reading, fallback = 'cpu' } = options;
  const reasons: string[] = [];
  for (const candidate of candidates(mode, reading)) {
    const opened = await attempt(GPU, candidate, options);
    if ('device' in opened) return accepted(opened, options);
    reasons.push(`${candidate}: ${opened.reason}`);
  }
  if (mode !== undefined && mode !== 'async' && !isHost(mode)) {
    throw new GpuUnavailableError(mode, reasons);
  }
  const offered = isHost(mode) ? mode : await hostMode(GPU);
  if (fallback === 'refuse') {
    const because = [...reasons, `GPU.js offers ${offered}, which is no GPU`];
    throw new GpuUnavailableError('a GPU', because);
  }
  if (fallback === 'cpu') return { offered, reasons };
  const opened = await attempt(GPU, offered, options, true);
  if ('device' in opened) return accepted(opened, options);
  throw new GpuUnavailableError(offered, [opened.reason]);
}

/**
 * The options must be in range.
 *
 * @throws GpuDTypeError, RangeError or TypeError where they are not.
 */
function checkGpuOptions(GPU: GpuJs, options: GpuOptions): void {
  checkType('gpuBackend', 'GPU', GPU, typeof GPU === 'function', 'the class GPU of gpu.js');
  checkOptions('gpuBackend', options);
  const { mode, reading, fallback = 'cpu', maxError = LARGEST_ERROR, tile = TILE } = options;
  const dtype: string = options.dtype ?? 'float32';
  if (dtype !== 'float32') throw new GpuDTypeError('gpuBackend', 'dtype', dtype);
  if (mode !== undefined) checkChoice('gpuBackend', 'mode', mode, MODES);
  if (reading !== undefined) checkChoice('gpuBackend', 'reading', reading, ['sync', 'async']);
  checkChoice('gpuBackend', 'fallback', fallback, ['cpu', 'refuse', 'gpu.js']);
  checkPositive('gpuBackend', 'maxError', maxError);
  checkInteger('gpuBackend', 'tile', tile, 1);
  checkInteger('gpuBackend', 'kernels', options.kernels ?? 1, 1);
  if (reading === 'sync' && (mode === 'webgpu' || mode === 'async')) {
    throw new TypeError(
      `gpuBackend: reading is 'sync', but ${mode} answers later: expected reading 'async' or another mode`,
    );
  }
}

function candidates(mode: GpuJsMode | undefined, reading: Reading | undefined): GpuJsMode[] {
  if (mode !== undefined) return isHost(mode) ? [] : [mode];
  return DEVICES.filter((device) => reading !== 'sync' || device !== 'webgpu');
}

function isHost(mode: string | undefined): mode is 'webasm' | 'cpu' {
  return HOSTS.some((host) => host === mode);
}

/** The mode on the host that GPU.js chooses where it finds no device. */
async function hostMode(GPU: GpuJs): Promise<'webasm' | 'cpu'> {
  const gpu = new GPU({});
  await gpu.destroy();
  return gpu.mode === 'webasm' ? 'webasm' : 'cpu';
}

/** A device in one mode, or why not. */
async function attempt(
  GPU: GpuJs,
  mode: GpuJsMode,
  { reading = 'sync', tile = TILE, kernels = KERNELS }: GpuOptions,
  hostToo = false,
): Promise<Opened | { readonly reason: string }> {
  const later = mode === 'webgpu' || mode === 'async' ? 'async' : reading;
  let device: Device | undefined;
  try {
    if (mode === 'webgpu' && !(await GPU.isWebGPUAvailable())) return { reason: 'no adapter' };
    device = new Device(new GPU({ mode }), { reading: later, edge: tile, kernels });
    const error = await measureError(device);
    if (hostToo || !isHost(device.mode)) return { device, error };
    const reason = `it runs on ${device.mode}`;
    await device.dispose();
    return { reason };
  } catch (error) {
    await device?.dispose();
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

async function accepted(opened: Opened, options: GpuOptions): Promise<Opened> {
  const { device, error } = opened;
  const { maxError = LARGEST_ERROR, tile = 1 } = options;
  try {
    // Written so that NaN is too much.
    if (!(error <= maxError)) throw new GpuPrecisionError(device.mode, error, maxError);
    checkInteger('gpuBackend', 'tile', tile, 1, device.largestEdge);
  } catch (refusal) {
    await device.dispose();
    throw refusal;
  }
  return opened;
}
