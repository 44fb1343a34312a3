// Images as batches of tensors: in an order and with an augmentation that a key decides, normalised.

import { foldIn, permutation, type RandomKey } from '../../../src/core/random.js';
import { bytesOf, type Images } from '../../data/images.js';
import type { TensorFlow } from '../../data/tensorflow.js';
import type { Labelled } from '../../demo/model.js';
import { cropAndFlip, drawCropAndFlip } from './augment.js';
import type { Configuration } from './configuration.js';

/** For each channel the normalised value of each byte: channel c begins at 256·c. */
export type Normalisation = Float32Array;

/** Each channel shifted and scaled to mean 0 and variance 1 over the given images. */
export function normalisationOf({ pixels, channels }: Images): Normalisation {
  const counts = Array.from({ length: channels }, () => new Float64Array(256));
  for (let i = 0; i < pixels.length; i++) counts[i % channels][pixels[i]] += 1;
  const table = new Float32Array(256 * channels);
  for (const [channel, count] of counts.entries()) {
    const moment = (f: (byte: number) => number): number =>
      (count.reduce((sum, n, byte) => sum + n * f(byte), 0) * channels) / pixels.length;
    const mean = moment((byte) => byte);
    const deviation = Math.sqrt(moment((byte) => (byte - mean) ** 2)) || 1;
    for (let byte = 0; byte < 256; byte++) table[256 * channel + byte] = (byte - mean) / deviation;
  }
  return table;
}

/** How training batches are made. */
export interface BatchPlan extends Pick<Configuration, 'batch' | 'augmentation'> {
  readonly key: RandomKey;
}

/** The training batch of each step. The caller disposes of them. */
export type Batches = (step: number) => Labelled;

/**
 * Every epoch has an order of its own, and every image of an epoch a crop and a flip of its own, which depend on
 * nothing but the key, the epoch and the image.
 *
 * @throws RangeError for a recipe, which is for files.
 */
export function trainingBatches(
  tf: TensorFlow,
  images: Images,
  normalisation: Normalisation,
  { batch, augmentation, key }: BatchPlan,
): Batches {
  if (typeof augmentation === 'object') {
    throw new RangeError('trainingBatches: a recipe is for images in files, not for bytes');
  }
  const perEpoch = Math.floor(images.labels.length / batch);
  const [orders, draws] = [foldIn(key, 0), foldIn(key, 1)];
  let current: { readonly epoch: number; readonly order: Int32Array } = {
    epoch: -1,
    order: new Int32Array(),
  };
  return (step) => {
    const epoch = Math.floor(step / perEpoch);
    if (current.epoch !== epoch) {
      current = { epoch, order: permutation(foldIn(orders, epoch), images.labels.length) };
    }
    const start = (step % perEpoch) * batch;
    const ofEpoch = foldIn(draws, epoch);
    return toBatch(
      tf,
      images,
      current.order.subarray(start, start + batch),
      normalisation,
      (image, row) =>
        augmentation === 'none'
          ? image
          : cropAndFlip(image, images, drawCropAndFlip(foldIn(ofEpoch, row))),
    );
  };
}

/** All images as they are, in batches of at most `size`. The caller disposes of them. */
export function* allBatches(
  tf: TensorFlow,
  images: Images,
  normalisation: Normalisation,
  size: number,
): Generator<Labelled> {
  for (let start = 0; start < images.labels.length; start += size) {
    const count = Math.min(size, images.labels.length - start);
    const rows = Int32Array.from({ length: count }, (_, k) => start + k);
    yield toBatch(tf, images, rows, normalisation, (image) => image);
  }
}

function toBatch(
  tf: TensorFlow,
  images: Images,
  rows: Int32Array,
  normalisation: Normalisation,
  changed: (image: Uint8Array, row: number) => Uint8Array,
): Labelled {
  const { side, channels, classes } = images;
  const size = bytesOf(images);
  const x = new Float32Array(rows.length * size);
  const y = new Float32Array(rows.length * classes);
  for (const [k, row] of rows.entries()) {
    const image = changed(images.pixels.subarray(row * size, (row + 1) * size), row);
    for (let i = 0; i < size; i++) x[k * size + i] = normalisation[256 * (i % channels) + image[i]];
    y[k * classes + images.labels[row]] = 1;
  }
  return {
    x: tf.tensor4d(x, [rows.length, side, side, channels]),
    y: tf.tensor2d(y, [rows.length, classes]),
  };
}
