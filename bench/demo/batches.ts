// The batch of a step.

import { foldIn, permutation, type RandomKey } from '../../src/core/random.js';
import { type Samples, takeRows } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { type Batch, toBatch } from './model.js';

/** Which batch: of what size, in what order, and the step that it is for. */
export interface BatchChoice {
  readonly batchSize: number;
  readonly key: RandomKey;
  readonly step: number;
}

/** Every epoch has its own order of the training images. The caller disposes of the batch. */
export function batchOf(
  tf: TensorFlow,
  train: Samples,
  { batchSize, key, step }: BatchChoice,
): Batch {
  const perEpoch = Math.floor(train.images.rows / batchSize);
  const order = permutation(foldIn(key, Math.floor(step / perEpoch)), train.images.rows);
  const start = (step % perEpoch) * batchSize;
  return toBatch(tf, takeRows(train, order.subarray(start, start + batchSize)));
}
