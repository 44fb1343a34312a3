// Labelled images as rows of a matrix, and their split into samples without a common image.

import { copyInto, type DenseMatrix, zeros } from '../../src/core/matrix.js';

/** Images of 28×28 pixels as rows in [0, 1], and the classes that they show. */
export interface Samples {
  readonly images: DenseMatrix<'float32'>;
  readonly labels: Int32Array;
}

/** Three samples without a common image. */
export interface Split {
  readonly train: Samples;
  readonly validation: Samples;
  readonly test: Samples;
}

/** How many images each sample gets, and the seed that chooses them. */
export interface SplitSizes {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  readonly seed: number;
}

/** Number of classes, of digits as of clothes. */
export const classes = 10;

/** Bytes as pixels: row `i` of the images is what `imageAt(i)` holds, over 255. */
export function samplesFrom(
  labels: Int32Array,
  pixels: number,
  imageAt: (row: number) => ArrayLike<number>,
): Samples {
  const images = zeros('float32', labels.length, pixels);
  for (let row = 0; row < labels.length; row++) {
    const image = imageAt(row);
    for (let j = 0; j < pixels; j++) images.set(row, j, image[j] / 255);
  }
  return { images, labels };
}

/** The samples at the given rows, in that order. */
export function takeRows({ images, labels }: Samples, rows: Int32Array): Samples {
  const taken = zeros('float32', rows.length, images.cols);
  rows.forEach((source, row) => {
    copyInto(images.view(source, 0, 1, images.cols), taken.view(row, 0, 1, images.cols));
  });
  return { images: taken, labels: rows.map((source) => labels[source]) };
}
