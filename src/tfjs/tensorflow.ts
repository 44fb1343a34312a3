// TensorFlow.js as types: the module itself is handed in, so that two copies of it never meet.

/** The module, as `import * as tf from '@tensorflow/tfjs'` gives it. */
export type TensorFlow = typeof import('@tensorflow/tfjs');

/** A tensor and the name that it is saved under. */
export type NamedTensor = Awaited<
  ReturnType<InstanceType<TensorFlow['Optimizer']>['getWeights']>
>[number];
