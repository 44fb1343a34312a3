// What a gradient for TensorFlow.js is here: of a kernel of its own, by other formulas.

import type { GradFunc, NamedAttrMap, Tensor } from '@tensorflow/tfjs';
import type { TensorFlowKernels } from './tensorflow.js';

/** What TensorFlow.js calls the gradient of a kernel with. */
export interface GradientCall {
  readonly tf: TensorFlowKernels;
  /** The gradient of the kernel's one result. */
  readonly dy: Tensor;
  /** What TensorFlow.js saves for its own gradient of the kernel. */
  readonly saved: readonly (Tensor | undefined)[];
  readonly attrs: NamedAttrMap;
}

/** A gradient of our own, by the name of the kernel. */
export interface TrainingGradient {
  readonly name: string;
  /** The gradients by the inputs' names, or undefined where those that were there before compute. */
  run(call: GradientCall): ReturnType<GradFunc> | undefined;
}
