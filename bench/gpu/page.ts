// What the page of the benchmark does: it opens each mode of GPU.js, and measures.

import { GPU } from 'gpu.js';
import { type GpuMode, gpuBackend } from '../../src/backend/gpujs/index.js';
import { type KernelInfo, kernelInfo } from '../../src/kernels/selection.js';
import { gpuCases } from './cases.js';
import { type GpuRow, measureCases } from './measure.js';

/** What is to be measured. */
export interface PageOptions {
  /** Milliseconds for each measurement. */
  readonly time: number;
  /** The most rows or columns of a matrix. */
  readonly largest: number;
}

/** What one mode gave. */
export interface ModeReport {
  /** The mode of GPU.js that really ran, and on what. */
  readonly mode: string;
  readonly adapter: string;
  readonly error: number;
  readonly rows: readonly GpuRow[];
}

/** What the page gave: the modes that run here, and why others do not. */
export interface PageReport {
  readonly cpu: KernelInfo;
  readonly browser: string;
  readonly modes: readonly ModeReport[];
  readonly missing: readonly string[];
}

const MODES: readonly GpuMode[] = ['webgpu', 'webgl2'];

const clock = () => performance.now();

/** Measures every mode that a browser can have. */
export async function measure({ time, largest }: PageOptions): Promise<PageReport> {
  const modes: ModeReport[] = [];
  const missing: string[] = [];
  for (const mode of MODES) {
    try {
      const backend = await gpuBackend(GPU, { mode, reading: 'async' });
      try {
        const rows = await measureCases(backend, gpuCases(largest), time, clock);
        modes.push({
          mode: backend.info.variant,
          adapter: await adapterOf(mode),
          error: backend.info.error ?? Number.NaN,
          rows,
        });
      } finally {
        await backend.dispose();
      }
    } catch (error) {
      missing.push(`${mode}: ${String(error)}`);
    }
  }
  return { cpu: kernelInfo(), browser: navigator.userAgent, modes, missing };
}

/** What the browser says it computes on. */
async function adapterOf(mode: GpuMode): Promise<string> {
  if (mode === 'webgpu') return adapterOfWebGpu();
  const gl = document.createElement('canvas').getContext('webgl2');
  const names = gl?.getExtension('WEBGL_debug_renderer_info');
  return gl && names ? String(gl.getParameter(names.UNMASKED_RENDERER_WEBGL)) : 'unknown';
}

async function adapterOfWebGpu(): Promise<string> {
  const gpu: unknown = Reflect.get(navigator, 'gpu');
  if (typeof gpu !== 'object' || gpu === null) return 'unknown';
  const request: unknown = Reflect.get(gpu, 'requestAdapter');
  if (typeof request !== 'function') return 'unknown';
  const adapter: unknown = await Reflect.apply(request, gpu, []);
  if (typeof adapter !== 'object' || adapter === null) return 'unknown';
  const info: unknown = Reflect.get(adapter, 'info');
  if (typeof info !== 'object' || info === null) return 'unknown';
  return ['vendor', 'architecture', 'device', 'description']
    .map((name) => String(Reflect.get(info, name) ?? ''))
    .filter((part) => part !== '')
    .join(' ');
}
