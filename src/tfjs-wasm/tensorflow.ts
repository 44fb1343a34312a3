// TensorFlow.js and its wasm backend, as far as they are used.

import type { GradConfig, KernelConfig, TensorInfo } from '@tensorflow/tfjs';
import { checkType, isObject } from '../core/check.js';
import type { WasmMemory } from '../kernels/wasm/platform.js';

type Union = typeof import('@tensorflow/tfjs');

/** What is used of `@tensorflow/tfjs` or `@tensorflow/tfjs-core`. */
export type TensorFlow = Pick<
  Union,
  | 'backend_util'
  | 'broadcastTo'
  | 'div'
  | 'engine'
  | 'findBackend'
  | 'getBackend'
  | 'getGradient'
  | 'getKernel'
  | 'registerGradient'
  | 'registerKernel'
  | 'reshape'
  | 'slice_util'
  | 'sum'
  | 'unregisterGradient'
  | 'unregisterKernel'
  | 'util'
  | 'version_core'
>;

/** A kernel that TensorFlow.js knows. */
export type Kernel = KernelConfig;

/** The gradient of a kernel that TensorFlow.js knows, on any backend. */
export type Gradient = GradConfig;

/** The wasm backend. What follows is no documented interface, and is looked at before it is used. */
export interface WasmBackend {
  readonly wasm: {
    readonly asm: { readonly memory: WasmMemory };
    _malloc(bytes: number): number;
    _free(address: number): void;
  };
  getMemoryOffset(dataId: object): number;
  incRef(dataId: object): void;
  makeOutput(shape: readonly number[], dtype: TensorInfo['dtype']): TensorInfo;
}

/**
 * `tf` must be the module: without types it is easily left out.
 *
 * @throws TypeError where it is not.
 */
export function checkTensorFlow(where: string, tf: unknown): void {
  const fits = isObject(tf) && 'registerKernel' in tf && 'findBackend' in tf;
  checkType(where, 'tf', tf, fits, 'the TensorFlow.js module');
}

/**
 * A backend as that of `@tensorflow/tfjs-backend-wasm` 4.
 *
 * @throws TypeError where it lacks what is used of it.
 */
export function asWasmBackend(where: string, backend: unknown, version: string): WasmBackend {
  if (isWasmBackend(backend)) return backend;
  throw new TypeError(
    `${where}: the wasm backend of TensorFlow.js ${version} keeps its memory elsewhere than that of 4.22, expected wasm.asm.memory, wasm._malloc, wasm._free, getMemoryOffset, incRef and makeOutput`,
  );
}

function isWasmBackend(backend: unknown): backend is WasmBackend {
  if (!isObject(backend) || !('wasm' in backend) || !isObject(backend.wasm)) return false;
  const { wasm } = backend;
  const memory: unknown =
    'asm' in wasm && isObject(wasm.asm) ? Reflect.get(wasm.asm, 'memory') : undefined;
  return (
    isObject(memory) &&
    'buffer' in memory &&
    ['_malloc', '_free'].every((name) => typeof Reflect.get(wasm, name) === 'function') &&
    ['getMemoryOffset', 'incRef', 'makeOutput'].every(
      (name) => typeof Reflect.get(backend, name) === 'function',
    )
  );
}
