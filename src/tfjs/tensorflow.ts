// TensorFlow.js as types: the module itself is handed in, so that two copies of it never meet.

import { checkType, isObject } from '../core/check.js';

/** The module, as `import * as tf from '@tensorflow/tfjs'` gives it. */
export type TensorFlow = typeof import('@tensorflow/tfjs');

/** A tensor and the name that it is saved under. */
export type NamedTensor = Awaited<
  ReturnType<InstanceType<TensorFlow['Optimizer']>['getWeights']>
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
