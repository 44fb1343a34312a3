// TensorFlow.js on its WebAssembly backend.

import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

/** All of TensorFlow.js: models and losses, beside what optimisers need. */
export type TensorFlow = typeof tf;

/**
 * TensorFlow.js, ready to compute in WebAssembly.
 *
 * @throws Error where the backend does not start.
 */
export async function startTensorflow(): Promise<TensorFlow> {
  const root = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json');
  setWasmPaths(join(dirname(root), 'dist') + sep);
  if (!(await tf.setBackend('wasm'))) throw new Error('TensorFlow.js: no WebAssembly backend');
  return tf;
}
