// TensorFlow.js and its wasm backend, as far as they are used.

import type { GradConfig, KernelConfig, TensorInfo } from '@tensorflow/tfjs';
import { checkType, isObject } from '../core/check.js';
import type { WasmMemory } from '../kernels/wasm/platform.js';

type Union = typeof import('@tensorflow/tfjs');

/** What is used of `@tensorflow/tfjs` or `@tensorflow/tfjs-core`. */
export type TensorFlowKernels = Pick<
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
    _malloc(bytes: number): number;
    _free(address: number): void;
  };
  getMemoryOffset(dataId: object): number;
  /** One tensor more holds these data. */
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

/** A backend, and where its tensors lie. */
export interface WithMemory {
  readonly backend: WasmBackend;
  readonly memory: WasmMemory;
}

/**
 * A backend as that of `@tensorflow/tfjs-backend-wasm` 4, with its memory.
 *
 * @throws TypeError where it lacks what is used of it.
 */
export function asWasmBackend(where: string, backend: unknown, version: string): WithMemory {
  const memory = memoryOf(backend);
  if (memory !== undefined && isWasmBackend(backend)) return { backend, memory };
  throw new TypeError(
    `${where}: the wasm backend of TensorFlow.js ${version} keeps its memory elsewhere than that of 4.22, expected wasm.asm.memory or wasm.wasmMemory, wasm._malloc, wasm._free, getMemoryOffset, incRef and makeOutput`,
  );
}

/** The module exports it, or has it beside its exports in the build that shares it with threads. */
function memoryOf(backend: unknown): WasmMemory | undefined {
  const wasm = property(backend, 'wasm');
  return [property(property(wasm, 'asm'), 'memory'), property(wasm, 'wasmMemory')].find(isMemory);
}

function property(value: unknown, name: string): unknown {
  return isObject(value) ? Reflect.get(value, name) : undefined;
}

function isMemory(value: unknown): value is WasmMemory {
  return isObject(value) && 'buffer' in value;
}

function isWasmBackend(backend: unknown): backend is WasmBackend {
  const wasm = property(backend, 'wasm');
  return (
    ['_malloc', '_free'].every((name) => typeof property(wasm, name) === 'function') &&
    ['getMemoryOffset', 'incRef', 'makeOutput'].every(
      (name) => typeof property(backend, name) === 'function',
    )
  );
}
