// Puts our kernels in the place of those of TensorFlow.js, and takes them back.

import type { NamedAttrMap, NamedTensorInfoMap } from '@tensorflow/tfjs';
import type { TrainingGradient } from './gradient.js';
import { fusedBatchNormGradient } from './gradients/normalisation.js';
import { softmaxGradient } from './gradients/softmax.js';
import { meanGradient, sumGradient } from './gradients/sums.js';
import { tileGradient } from './gradients/tile.js';
import { compileModules, Host, type Modules } from './host.js';
import type { TrainingKernel } from './kernel.js';
import {
  conv2d,
  conv2dBackpropFilter,
  conv2dBackpropInput,
  fusedConv2d,
} from './kernels/convolutions.js';
import {
  cast,
  concat,
  identity,
  pack,
  slice,
  splitV,
  tile,
  transpose,
  unpack,
} from './kernels/copies.js';
import {
  depthwiseConv2dNativeBackpropFilter,
  depthwiseConv2dNativeBackpropInput,
} from './kernels/depthwise.js';
import { fusedBatchNorm, fusedBatchNormGrad } from './kernels/normalisation.js';
import { avgPoolGrad, maxPoolGrad } from './kernels/pooling.js';
import { batchMatMul, fusedMatMul } from './kernels/products.js';
import { unsortedSegmentSum } from './kernels/segments.js';
import { softmaxGrad } from './kernels/softmax.js';
import { mean, sum } from './kernels/sums.js';
import {
  asWasmBackend,
  checkTensorFlow,
  type Gradient,
  type Kernel,
  type TensorFlowKernels,
} from './tensorflow.js';

/** Every kernel: adding one is a file in kernels/ and a line here. */
const KERNELS: readonly TrainingKernel[] = [
  batchMatMul,
  fusedMatMul,
  conv2d,
  fusedConv2d,
  conv2dBackpropFilter,
  conv2dBackpropInput,
  depthwiseConv2dNativeBackpropFilter,
  depthwiseConv2dNativeBackpropInput,
  maxPoolGrad,
  avgPoolGrad,
  unsortedSegmentSum,
  cast,
  concat,
  identity,
  pack,
  slice,
  splitV,
  tile,
  transpose,
  unpack,
  mean,
  sum,
  fusedBatchNorm,
  fusedBatchNormGrad,
  softmaxGrad,
];

/** Every gradient of a kernel of TensorFlow.js: adding one is a file in gradients/ and a line here. */
const GRADIENTS: readonly TrainingGradient[] = [
  fusedBatchNormGradient,
  meanGradient,
  softmaxGradient,
  sumGradient,
  tileGradient,
];

const BACKEND = 'wasm';

/** The kernels that were registered. */
export interface RegisteredKernels {
  /** Their names, as TensorFlow.js has them. */
  readonly names: readonly string[];
  /** Puts back what was there before, and frees memory. Further calls do nothing. */
  restore(): void;
}

/** By the engine, which all modules of one TensorFlow.js share, as they do its kernels. */
const registered = new WeakMap<object, RegisteredKernels>();

/**
 * Makes the wasm backend of TensorFlow.js train on the kernels of this library: products in all
 * transpositions, convolutions and their gradients, those of poolings, depthwise convolutions and embeddings,
 * normalisation, softmax, sums, and copies of all sorts. They compute in TensorFlow.js's own memory, in
 * float32. What one does not know (another dtype, an activation) computes as it did before. So do gradients on
 * other backends, and gradients of gradients.
 *
 * TensorFlow.js documents none of what this rests on; it is looked at first, and was tested with 4.22. Where
 * the kernels are registered already, nothing happens, and the handle is the same.
 *
 * @example
 * await tf.setBackend('wasm');
 * const kernels = await registerKernels(tf);
 * await model.fit(x, y);
 * kernels.restore();
 * @param tf TensorFlow.js itself, the copy whose wasm backend is ready.
 * @throws (rejects) TypeError where `tf` is missing, or its wasm backend is another than is known; RangeError
 *   where there is no wasm backend yet; Error where the platform lacks WebAssembly or its SIMD.
 */
export async function registerKernels(tf: TensorFlowKernels): Promise<RegisteredKernels> {
  const where = 'registerKernels';
  checkTensorFlow(where, tf);
  const backend: unknown = tf.findBackend(BACKEND);
  if (backend === null || backend === undefined) {
    throw new RangeError(
      `${where}: TensorFlow.js has no wasm backend that is ready, expected await tf.setBackend('wasm') before`,
    );
  }
  const known = asWasmBackend(where, backend, tf.version_core).backend;
  const modules = await compileModules();
  const already = registered.get(tf.engine());
  if (already !== undefined) return already;
  const hosts = new Hosts(modules, tf.version_core);
  // Refused here, not at the first step, if the memory is another.
  hosts.of(known);
  const handle = replace(tf, hosts);
  registered.set(tf.engine(), handle);
  return handle;
}

/** The host of every wasm backend that calls: one that was removed and set up anew is another. */
class Hosts {
  readonly #modules: Modules;
  readonly #version: string;
  readonly #hosts = new Map<object, Host>();

  constructor(modules: Modules, version: string) {
    this.#modules = modules;
    this.#version = version;
  }

  of(backend: object): Host {
    const known = this.#hosts.get(backend);
    if (known !== undefined) return known;
    const host = new Host(asWasmBackend('registerKernels', backend, this.#version), this.#modules);
    // An earlier backend has gone, and its memory with it.
    this.#hosts.clear();
    this.#hosts.set(backend, host);
    return host;
  }

  release(): void {
    for (const host of this.#hosts.values()) host.release();
    this.#hosts.clear();
  }
}

/** Registers every kernel, and keeps what it replaces. */
function replace(tf: TensorFlowKernels, hosts: Hosts): RegisteredKernels {
  const changes = KERNELS.map((kernel) => {
    const before: Kernel | undefined = tf.getKernel(kernel.name, BACKEND);
    const ours = kernelOf(tf, kernel, hosts, before);
    if (before !== undefined) tf.unregisterKernel(kernel.name, BACKEND);
    tf.registerKernel(ours);
    return { ours, before };
  });
  const restoreGradients = replaceGradients(tf);
  const handle: RegisteredKernels = {
    names: KERNELS.map(({ name }) => name),
    restore() {
      if (registered.get(tf.engine()) !== handle) return;
      registered.delete(tf.engine());
      for (const { ours, before } of changes) {
        // What somebody else has put there since stays.
        if (tf.getKernel(ours.kernelName, BACKEND) !== ours) continue;
        tf.unregisterKernel(ours.kernelName, BACKEND);
        if (before !== undefined) tf.registerKernel(before);
      }
      restoreGradients();
      hosts.release();
    },
  };
  return handle;
}

/** Registers every gradient, and gives what puts back those that were there before. */
function replaceGradients(tf: TensorFlowKernels): () => void {
  let isRestored = false;
  const changes = GRADIENTS.flatMap((gradient) => {
    const before: Gradient | undefined = tf.getGradient(gradient.name);
    if (before === undefined) return [];
    const ours = gradientOf(tf, gradient, before, () => isRestored);
    // TensorFlow.js warns of gradients that are overwritten.
    tf.unregisterGradient(gradient.name);
    tf.registerGradient(ours);
    return [{ ours, before }];
  });
  return () => {
    isRestored = true;
    for (const { ours, before } of changes) {
      if (tf.getGradient(ours.kernelName) !== ours) continue;
      tf.unregisterGradient(ours.kernelName);
      tf.registerGradient(before);
    }
  };
}

/**
 * A gradient for all backends: that from before computes on others, where a step has outlived the kernels,
 * and for gradients of gradients, which ours have not.
 */
function gradientOf(
  tf: TensorFlowKernels,
  gradient: TrainingGradient,
  before: Gradient,
  isRestored: () => boolean,
): Gradient {
  return {
    ...before,
    gradFunc(dy, saved, attrs) {
      const isOurs = !isRestored() && tf.getBackend() === BACKEND && !tf.engine().isTapeOn();
      const result =
        isOurs && !Array.isArray(dy) ? gradient.run({ tf, dy, saved, attrs }) : undefined;
      return result ?? before.gradFunc(dy, saved, attrs);
    },
  };
}

function kernelOf(
  tf: TensorFlowKernels,
  kernel: TrainingKernel,
  hosts: Hosts,
  before: Kernel | undefined,
): Kernel {
  return {
    kernelName: kernel.name,
    backendName: BACKEND,
    ...(before?.setupFunc === undefined ? {} : { setupFunc: before.setupFunc }),
    ...(before?.disposeFunc === undefined ? {} : { disposeFunc: before.disposeFunc }),
    kernelFunc({ inputs, backend, attrs = {} }: KernelArguments) {
      const result = kernel.run({ tf, host: hosts.of(backend), inputs, attrs });
      if (result !== undefined) return result;
      if (before !== undefined) return before.kernelFunc({ inputs, backend, attrs });
      throw new RangeError(
        `${kernel.name}: these arguments are not known to the kernel of nysact/tfjs-wasm, or need more memory than there is, and TensorFlow.js has no kernel of that name on wasm`,
      );
    },
  };
}

interface KernelArguments {
  readonly inputs: NamedTensorInfoMap;
  readonly backend: object;
  readonly attrs?: NamedAttrMap;
}
