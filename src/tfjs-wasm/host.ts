// Our kernels on the memory of TensorFlow.js's wasm backend, so that no tensor is ever copied.

import type { TensorInfo } from '@tensorflow/tfjs';
import { isObject } from '../core/check.js';
import { asShared } from '../kernels/wasm/instance.js';
import { decodeBase64, type WasmModule, webAssembly } from '../kernels/wasm/platform.js';
import { BINARIES } from './binaries.js';
import type { WasmBackend, WithMemory } from './tensorflow.js';

type Addresses = readonly [...numbers: number[]];

/** What assembly/index.ts exports; pointers and sizes are numbers. */
export interface Exports {
  multiplyWorkspace(): number;
  multiply(...args: Addresses): void;
  finish(m: number, n: number, C: number, bias: number, activation: number, alpha: number): void;
  convolve(...args: Addresses): void;
  convolveWorkspace(...args: Addresses): number;
  filterGradient(...args: Addresses): void;
  filterGradientWorkspace(...args: Addresses): number;
  inputGradient(...args: Addresses): void;
  inputGradientWorkspace(...args: Addresses): number;
  maxPoolGradient(...args: Addresses): void;
  averagePoolGradient(...args: Addresses): void;
  depthwiseWorkspace(pixels: number, inputs: number, multiplier: number): number;
  depthwiseFilterGradient(...args: Addresses): void;
  depthwiseInputGradient(...args: Addresses): void;
  segmentSum(...args: Addresses): void;
  copyStrided(...args: Addresses): void;
  sumAxes(...args: Addresses): void;
  normalise(...args: Addresses): void;
  normaliseGradient(...args: Addresses): void;
  softmaxGradient(...args: Addresses): void;
}

/** The module, for memories of both kinds. */
export interface Modules {
  readonly plain: WasmModule;
  readonly shared: WasmModule;
}

/**
 * Compiles the module.
 *
 * @throws (rejects) Error where the platform has no WebAssembly, or no SIMD.
 */
export async function compileModules(): Promise<Modules> {
  const api = webAssembly();
  if (api === undefined) throw new Error('registerKernels: this platform has no WebAssembly');
  const bytes = decodeBase64(BINARIES.strict);
  const [plain, shared] = await Promise.all([
    api.compile(bytes),
    api.compile(asShared(bytes.slice())),
  ]);
  return { plain, shared };
}

/** Bytes of workspace that are asked for at most: TensorFlow.js's kernels need less for what needs more. */
const LARGEST = 2 ** 30;

/** The kernels of one backend. */
export class Host {
  readonly exports: Exports;
  readonly #backend: WasmBackend;
  /** Kept apart: a backend that is disposed of forgets it. */
  readonly #wasm: WasmBackend['wasm'];
  #scratch = { address: 0, bytes: 0 };

  /** @throws Error where the memory is none that the module can compute in. */
  constructor({ backend, memory }: WithMemory, { plain, shared }: Modules) {
    const api = webAssembly();
    if (api === undefined) throw new Error('registerKernels: this platform has no WebAssembly');
    const isShared = Object.prototype.toString.call(memory.buffer) === '[object SharedArrayBuffer]';
    const { exports } = new api.Instance(isShared ? shared : plain, { env: { memory } });
    if (!isExports(exports)) throw new Error('registerKernels: the module exports other kernels');
    this.exports = exports;
    this.#backend = backend;
    this.#wasm = backend.wasm;
  }

  /** Where a tensor lies. */
  at({ dataId }: TensorInfo): number {
    return this.#backend.getMemoryOffset(dataId);
  }

  /** A new tensor, with any content. */
  output(shape: readonly number[], dtype: TensorInfo['dtype'] = 'float32'): TensorInfo {
    return this.#backend.makeOutput([...shape], dtype);
  }

  /** The same data as a tensor of another shape: no kernel changes a tensor, so nothing is copied. */
  share({ dataId, dtype }: TensorInfo, shape: readonly number[]): TensorInfo {
    this.#backend.incRef(dataId);
    return { dataId, dtype, shape: [...shape] };
  }

  /**
   * Memory for the call that asks, with any content: it stays as long as nobody asks for more. Undefined where
   * there is none.
   */
  scratch(bytes: number): number | undefined {
    if (bytes <= this.#scratch.bytes) return this.#scratch.address;
    if (bytes > LARGEST) return undefined;
    this.release();
    const address = this.#wasm._malloc(bytes) >>> 0;
    if (address === 0) return undefined;
    this.#scratch = { address, bytes };
    return address;
  }

  /** Gives the scratch memory back. */
  release(): void {
    const { address } = this.#scratch;
    this.#scratch = { address: 0, bytes: 0 };
    if (address !== 0) this.#wasm._free(address);
  }
}

function isExports(exports: unknown): exports is Exports {
  return isObject(exports) && 'inputGradient' in exports;
}
