// Labelled images as bytes, of any size, and their split into samples without a common image.

import { checkInteger } from '../../src/core/check.js';
import { foldIn, permutation, randomKey } from '../../src/core/random.js';
import { type Samples, type SplitSizes, classes as tenClasses } from './samples.js';

/** Square images, one after another: row by row, the channels of a pixel together. */
export interface Images {
  readonly pixels: Uint8Array;
  /** One of 0 … classes − 1 for each image. */
  readonly labels: Int32Array;
  readonly side: number;
  readonly channels: number;
  readonly classes: number;
}

/** Three samples without a common image. */
export interface ImageSplit {
  readonly train: Images;
  readonly validation: Images;
  readonly test: Images;
}

/** Bytes of one image. */
export function bytesOf({ side, channels }: Pick<Images, 'side' | 'channels'>): number {
  return side * side * channels;
}

/** The images at the given rows, in that order. */
function takeImages(images: Images, rows: Int32Array): Images {
  const size = bytesOf(images);
  const pixels = new Uint8Array(rows.length * size);
  rows.forEach((row, k) => {
    pixels.set(images.pixels.subarray(row * size, (row + 1) * size), k * size);
  });
  return { ...images, pixels, labels: rows.map((row) => images.labels[row]) };
}

/**
 * Random samples without replacement: training and validation images of the first set; test images of the
 * second, and where there is none of the first too. The same seed gives the same images in the same order.
 *
 * @throws RangeError where more images are asked for than there are.
 */
export function splitImages(
  training: Images,
  testing: Images | undefined,
  { train, validation, test, seed }: SplitSizes,
): ImageSplit {
  const key = randomKey(seed);
  const shuffled = (images: Images, what: string, stream: number) => {
    const order = permutation(foldIn(key, stream), images.labels.length);
    return (start: number, count: number): Images => {
      checkInteger('splitImages', `images taken for ${what}`, start + count, 0, order.length);
      return takeImages(images, order.subarray(start, start + count));
    };
  };
  const first = shuffled(training, 'training, validation and test', 0);
  return {
    train: first(0, train),
    validation: first(train, validation),
    test:
      testing === undefined
        ? first(train + validation, test)
        : shuffled(testing, 'test', 1)(0, test),
  };
}

/** Rows of grey pixels as images. */
export function imagesOf({ images, labels }: Samples): Images {
  const pixels = Uint8Array.from(images.data, (pixel) => Math.round(255 * pixel));
  return { pixels, labels, side: Math.sqrt(images.cols), channels: 1, classes: tenClasses };
}
