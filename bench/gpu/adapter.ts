// What computes: the name that a driver gives its device.

import type { GpuMode } from '../../src/backend/gpujs/index.js';

/** What the host says that a mode computes on: for WebGPU the vendor, the architecture, the device. */
export async function adapterOf(mode: GpuMode): Promise<string> {
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
