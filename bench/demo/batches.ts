// The batch of a step.

import { foldIn, permutation, type RandomKey } from '../../src/core/random.js';
import { type Samples, takeRows } from '../data/samples.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { type Batch, toBatch } from './model.js';

/** Which batches: of what size, in what order. */
export interface BatchChoice {
  readonly batchSize: number;
  readonly key: RandomKey;
}

/**
 * The batch of every step. Every epoch has its own order of the training images. The caller disposes of the
 * batches.
 */
export function batchesOf(
  tf: TensorFlow,
  train: Samples,
  { batchSize, key }: BatchChoice,
): (step: number) => Batch {
  const perEpoch = Math.floor(train.images.rows / batchSize);
  const ordered = (epoch: number) => ({
    epoch,
    order: permutation(foldIn(key, epoch), train.images.rows),
  });
  let current = ordered(0);
  return (step) => {
    const epoch = Math.floor(step / perEpoch);
    // To shuffle takes longer than many a step.
    if (epoch !== current.epoch) current = ordered(epoch);
    const start = (step % perEpoch) * batchSize;
    return toBatch(tf, takeRows(train, current.order.subarray(start, start + batchSize)));
  };
}
