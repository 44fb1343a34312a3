// TensorFlow.js as types: the module itself is handed in, so that two copies of it never meet.

import { checkType, isObject } from '../core/check.js';

type Union = typeof import('@tensorflow/tfjs');

/** What is used of `@tensorflow/tfjs-core`. Only functions: chained methods are another import. */
export type TensorFlowCore = Pick<
  Union,
  | 'Optimizer'
  | 'Tensor'
  | 'Variable'
  | 'add'
  | 'backend'
  | 'cast'
  | 'clone'
  | 'concat'
  | 'conv2d'
  | 'customGrad'
  | 'depthwiseConv2d'
  | 'dispose'
  | 'div'
  | 'engine'
  | 'expandDims'
  | 'eye'
  | 'gather'
  | 'getBackend'
  | 'getKernel'
  | 'greaterEqual'
  | 'keep'
  | 'less'
  | 'lessEqual'
  | 'logicalAnd'
  | 'matMul'
  | 'maximum'
  | 'mul'
  | 'neg'
  | 'notEqual'
  | 'ones'
  | 'pad'
  | 'reshape'
  | 'scatterND'
  | 'serialization'
  | 'slice'
  | 'sqrt'
  | 'square'
  | 'stack'
  | 'stridedSlice'
  | 'sub'
  | 'sum'
  | 'tensor1d'
  | 'tensor2d'
  | 'tidy'
  | 'tile'
  | 'transpose'
  | 'variableGrads'
  | 'where'
  | 'zeros'
>;

/**
 * TensorFlow.js with layers: what `import * as tf from '@tensorflow/tfjs'` gives, or
 * `{ ...core, ...layers }` of `@tensorflow/tfjs-core` and `@tensorflow/tfjs-layers`.
 */
export type TensorFlow = TensorFlowCore & Pick<Union, 'layers' | 'LayersModel'>;

/** A tensor and the name that it is saved under. */
export type NamedTensor = Awaited<
  ReturnType<InstanceType<TensorFlowCore['Optimizer']>['getWeights']>
>[number];

/**
 * `tf` must be the module: without types it is easily left out.
 *
 * @throws TypeError where it is not.
 */
export function checkTensorFlow(where: string, tf: unknown): void {
  const fits = isObject(tf) && 'Optimizer' in tf;
  checkType(where, 'tf', tf, fits, 'the TensorFlow.js module as first argument');
}

/** Whether TensorFlow.js has layers. */
export function hasLayers(tf: TensorFlowCore): tf is TensorFlow {
  return 'layers' in tf;
}

/**
 * `tf` must have layers, for what looks at them.
 *
 * @throws TypeError where it has none.
 */
export function checkLayers(where: string, tf: TensorFlowCore): asserts tf is TensorFlow {
  if (hasLayers(tf)) return;
  throw new TypeError(
    `${where}: tf is TensorFlow.js without layers, expected @tensorflow/tfjs, or { ...core, ...layers } of @tensorflow/tfjs-core and @tensorflow/tfjs-layers`,
  );
}
