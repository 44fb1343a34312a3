// Opens each mode of GPU.js that a host may have, and measures.

import { GPU } from 'gpu.js';
import { type GpuMode, gpuBackend } from '../../src/backend/gpujs/index.js';
import type { KernelInfo } from '../../src/kernels/selection.js';
import { adapterOf } from './adapter.js';
import { gpuCases } from './cases.js';
import { type GpuRow, measureCases } from './measure.js';
import type { StepRow } from './steps.js';

/** What is to be measured. */
export interface MeasureOptions {
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

/** The modes that run, and why others do not. */
export interface ModeReports {
  readonly modes: readonly ModeReport[];
  readonly missing: readonly string[];
}

/** What a browser or Node gave. */
export interface HostReport extends ModeReports {
  readonly cpu: KernelInfo;
  /** What the browser or Node calls itself. */
  readonly host: string;
  /** Steps of TensorFlow.js, where they were measured. */
  readonly steps?: readonly StepRow[];
}

/** Measures every one of `names` that runs here. */
export async function measureModes(
  names: readonly GpuMode[],
  { time, largest }: MeasureOptions,
): Promise<ModeReports> {
  const modes: ModeReport[] = [];
  const missing: string[] = [];
  for (const mode of names) {
    try {
      const backend = await gpuBackend(GPU, { mode, reading: 'async' });
      try {
        const rows = await measureCases(backend, gpuCases(largest), time, () => performance.now());
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
  return { modes, missing };
}
