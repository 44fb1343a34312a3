// Where experiments compute: in WebAssembly, or on a GPU through WebGPU.

import { registerKernels } from '../../src/tfjs-wasm/index.js';
import { startTensorflow, type TensorFlow } from '../data/tensorflow.js';
import { adapterOf } from '../gpu/adapter.js';
import { provideWebGpu } from '../gpu/dawn.js';

/** The backends of TensorFlow.js that experiments run on. */
export const BACKENDS = ['wasm', 'webgpu'] as const;
export type Backend = (typeof BACKENDS)[number];

/** TensorFlow.js, ready to compute. */
export interface Device {
  readonly tf: TensorFlow;
  /** What WebGPU computes on, where it does. */
  readonly adapter?: string;
}

/** Adapters that compute on the processor, for tests. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render/i;

/**
 * The backend that is asked for; 'auto' is WebGPU where there is an adapter that is not of software, and
 * WebAssembly otherwise. WebAssembly, with the kernels of this library, is always there beside it.
 *
 * @throws Error where it is asked for and does not start.
 */
export async function openDevice(asked: Backend | 'auto'): Promise<Device> {
  const adapter = asked === 'wasm' ? undefined : await adapterFor(asked);
  const tf = await startTensorflow();
  await registerKernels(tf);
  if (adapter === undefined) return { tf };
  await import('@tensorflow/tfjs-backend-webgpu');
  if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js: no WebGPU backend');
  return { tf, adapter };
}

async function adapterFor(asked: 'webgpu' | 'auto'): Promise<string | undefined> {
  try {
    await provideWebGpu();
  } catch (error) {
    if (asked === 'webgpu') throw error;
    return undefined;
  }
  const adapter = await adapterOf('webgpu');
  return asked === 'auto' && SOFTWARE.test(adapter) ? undefined : adapter;
}
