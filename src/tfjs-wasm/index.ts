// The entry nysact/tfjs-wasm: TensorFlow.js's wasm backend trains on the kernels of this library.

export { type RegisteredKernels, registerKernels } from './register.js';
export type { TensorFlowKernels } from './tensorflow.js';
