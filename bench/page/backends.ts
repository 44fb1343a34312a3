// The backends of TensorFlow.js that a page can compute on, and why one is missing.

/// <reference types="vite/client" />
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import '@tensorflow/tfjs-backend-webgpu';
import { registerKernels } from '../../src/tfjs-wasm/index.js';
import type { TensorFlow } from '../data/tensorflow.js';

/** What TensorFlow.js calls a backend, and what the page says of it. */
export interface PageBackend {
  readonly name: string;
  readonly title: string;
  /** What a browser lacks without which there is no such backend. */
  readonly needs: string;
}

/** Best first. */
export const pageBackends: readonly PageBackend[] = [
  { name: 'wasm', title: 'wasm, our kernels', needs: 'WebAssembly with SIMD' },
  { name: 'webgpu', title: 'WebGPU', needs: 'WebGPU' },
  { name: 'webgl', title: 'WebGL', needs: 'WebGL' },
];

setWasmPaths({
  'tfjs-backend-wasm.wasm': plain,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threaded,
});

/**
 * TensorFlow.js on that backend; on wasm, training computes on our kernels.
 *
 * @throws (rejects) Error where the browser does not have it.
 */
export async function openBackend({ name, title, needs }: PageBackend): Promise<TensorFlow> {
  if (tf.findBackendFactory(name) === null || !(await tf.setBackend(name))) {
    throw new Error(
      `${title} is missing: this browser has no ${needs}, or keeps it from this page`,
    );
  }
  if (name === 'wasm') await registerKernels(tf);
  return tf;
}
