// What the page of the benchmark does: it measures every mode that a browser can have.

import { kernelInfo } from '../../src/kernels/selection.js';
import { type HostReport, type MeasureOptions, measureModes } from './modes.js';

/** What this browser gives. */
export async function measure(options: MeasureOptions): Promise<HostReport> {
  const reports = await measureModes(['webgpu', 'webgl2'], options);
  return { cpu: kernelInfo(), host: navigator.userAgent, ...reports };
}
