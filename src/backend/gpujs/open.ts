// Opens the device that is asked for by name, or the first that works, and measures it.

import { checkInteger, checkType } from '../../core/check.js';
import {
  choice,
  integer,
  type OptionsOf,
  optionList,
  positive,
  type SettingsOf,
} from '../../core/options.js';
import { LARGEST_ERROR } from '../accuracy.js';
import { measureError } from './accuracy.js';
import { Device, type Reading } from './device.js';
import { GpuPrecisionError, GpuUnavailableError } from './errors.js';
import type { GpuJs, GpuJsMode } from './library.js';

/** The options of {@link gpuBackend}. */
const GPU_OPTIONS = optionList({
  /**
   * A mode of GPU.js by name, or 'async', which lets GPU.js choose. Without it, the first of webgpu,
   * webgl2, webgl and headlessgl that works here.
   */
  mode: choice('webgpu', 'webgl2', 'webgl', 'headlessgl', 'async', 'webasm', 'cpu'),
  /** Whether reads answer at once. WebGPU always answers later: without `mode`, 'sync' leaves it out. */
  reading: choice('sync', 'async'),
  /**
   * What to do if GPU.js offers no device but its own modes on the host, webasm and cpu: 'cpu'
   * (default) hands the work to this library's CPU backend, which is faster; 'refuse' throws; 'gpu.js'
   * takes what it offers.
   */
  fallback: choice('cpu', 'refuse', 'gpu.js').default('cpu'),
  /** The largest relative error that is accepted of a device (default 64·2⁻²³). */
  maxError: positive.default(LARGEST_ERROR),
  /** The most rows and columns of a matrix that is held in one piece (default 4096, or the device's). */
  tile: integer(1),
  /** Compiled kernels that are kept at most (default 1024). */
  kernels: integer(1).default(1024),
});

/** Options of {@link gpuBackend}. @interface */
export type GpuOptions = OptionsOf<typeof GPU_OPTIONS>;

type GpuSettings = SettingsOf<typeof GPU_OPTIONS>;

/** A device that computes, and how far it is from float64. */
export interface Opened {
  readonly device: Device;
  readonly error: number;
}

/** There is no device, but a mode of GPU.js on the host. */
export interface HostOnly {
  readonly offered: string;
  /** Why no device would do, one for each mode that was tried. */
  readonly reasons: readonly string[];
}

/** The modes that are devices, the best first. */
const DEVICES = ['webgpu', 'webgl2', 'webgl', 'headlessgl'] as const;
const HOSTS = ['webasm', 'cpu'] as const;

/** Up to 2²⁴ elements have indices that WebGL 1 counts without rounding. */
const TILE = 4096;

/**
 * The device that `options` ask for, measured, or what there is instead.
 *
 * @throws As {@link gpuBackend} does.
 */
export async function openDevice(GPU: GpuJs, options: GpuOptions): Promise<Opened | HostOnly> {
  checkLibrary(GPU);
  const settings = GPU_OPTIONS.read('gpuBackend', options);
  const { mode, reading, fallback } = settings;
  if (reading === 'sync' && (mode === 'webgpu' || mode === 'async')) {
    throw new TypeError(
      `gpuBackend: reading is 'sync', but ${mode} answers later: expected reading 'async' or another mode`,
    );
  }
  const reasons: string[] = [];
  for (const candidate of candidates(mode, reading)) {
    const opened = await attempt(GPU, candidate, settings);
    if ('device' in opened) return accepted(opened, settings);
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
  const opened = await attempt(GPU, offered, settings, true);
  if ('device' in opened) return accepted(opened, settings);
  throw new GpuUnavailableError(offered, [opened.reason]);
}

/** `GPU` must be the class of GPU.js 2.24 or later. */
function checkLibrary(GPU: GpuJs): void {
  const fits = typeof GPU === 'function' && typeof GPU.isWebGPUAvailable === 'function';
  checkType('gpuBackend', 'GPU', GPU, fits, 'the class GPU of gpu.js 2.24 or later');
}

function candidates(mode: GpuJsMode | undefined, reading: Reading | undefined): GpuJsMode[] {
  if (mode !== undefined) return isHost(mode) ? [] : [mode];
  return DEVICES.filter((device) => reading !== 'sync' || device !== 'webgpu');
}

function isHost(mode: string | undefined): mode is 'webasm' | 'cpu' {
  return HOSTS.some((host) => host === mode);
}

/** The mode on the host that GPU.js chooses if it finds no device. */
async function hostMode(GPU: GpuJs): Promise<'webasm' | 'cpu'> {
  const gpu = new GPU({});
  await gpu.destroy();
  return gpu.mode === 'webasm' ? 'webasm' : 'cpu';
}

/** A device in one mode, or why not. */
async function attempt(
  GPU: GpuJs,
  mode: GpuJsMode,
  { reading = 'sync', tile = TILE, kernels }: GpuSettings,
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

async function accepted(opened: Opened, { maxError, tile = 1 }: GpuSettings): Promise<Opened> {
  const { device, error } = opened;
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
