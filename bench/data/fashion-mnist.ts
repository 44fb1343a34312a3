// Fashion-MNIST from the files of the fashion-mnist package: a seeded split of all 70,000 images.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { checkInteger } from '../../src/core/check.js';
import { permutation, randomKey } from '../../src/core/random.js';
import { classes, type Samples, type Split, type SplitSizes, samplesFrom } from './samples.js';

const require = createRequire(import.meta.url);

const pixels = 28 * 28;

/**
 * Random samples without replacement. The package has the data set's training and test images merged, so
 * the split is our own, and accuracies are not those of the published one. Images that occur twice are
 * taken once: no two samples have one in common. The same seed gives the same images in the same order.
 *
 * @throws RangeError where more images are asked for than there are, or a file is malformed.
 */
export function loadFashionMnist(sizes: SplitSizes): Split {
  const files = Array.from({ length: classes }, (_, label) => `${label}.json`);
  return splitClasses(
    files.map((name) => parseImages(readFileSync(join(folder(), name), 'latin1'), name)),
    sizes,
  );
}

/**
 * Splits the distinct images of all classes.
 *
 * @throws RangeError where there are fewer than asked for.
 */
export function splitClasses(
  images: readonly (readonly Uint8Array[])[],
  { train, validation, test, seed }: SplitSizes,
): Split {
  const distinct = withoutRepeats(
    images.flatMap((ofClass, label) => ofClass.map((image) => ({ image, label }))),
  );
  checkInteger('loadFashionMnist', 'images', train + validation + test, 0, distinct.length);
  const order = permutation(randomKey(seed), distinct.length);
  const taken = (start: number, count: number): Samples => {
    const chosen = order.subarray(start, start + count);
    const labels = Int32Array.from(chosen, (source) => distinct[source].label);
    return samplesFrom(labels, pixels, (row) => distinct[chosen[row]].image);
  };
  return {
    train: taken(0, train),
    validation: taken(train, validation),
    test: taken(train + validation, test),
  };
}

/**
 * The images of one file, `{"data": [[784 pixels], …]}`. Rows that are empty are none: the file of the
 * first class has two.
 *
 * @throws RangeError where the text is another, or a row or a pixel is none.
 */
export function parseImages(text: string, name: string): Uint8Array[] {
  const { data } = parseObject(text, name);
  if (!Array.isArray(data)) {
    throw new RangeError(`${name}: data is ${typeof data}, expected an array of images`);
  }
  const rows: readonly unknown[] = data;
  return rows.flatMap((row, k) => {
    if (!Array.isArray(row) || (row.length !== 0 && row.length !== pixels)) {
      const found = Array.isArray(row) ? `${row.length} pixels` : typeof row;
      throw new RangeError(`${name}: image ${k} is ${found}, expected ${pixels} pixels`);
    }
    const image = Uint8Array.from(row);
    const wrong = image.findIndex((pixel, j) => pixel !== row[j]);
    if (wrong >= 0) {
      throw new RangeError(
        `${name}: image ${k} has the pixel ${row[wrong]}, expected an integer >= 0 and <= 255`,
      );
    }
    return row.length === 0 ? [] : [image];
  });
}

function parseObject(text: string, name: string): { readonly data?: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RangeError(`${name}: not JSON`);
  }
  if (typeof value === 'object' && value !== null) return value;
  throw new RangeError(`${name}: ${typeof value}, expected an object`);
}

function withoutRepeats<T extends { readonly image: Uint8Array }>(all: readonly T[]): T[] {
  const seen = new Set<string>();
  return all.filter(({ image }) => {
    const { size } = seen;
    return seen.add(Buffer.from(image).toString('latin1')).size > size;
  });
}

function folder(): string {
  return join(dirname(require.resolve('fashion-mnist/package.json')), 'src', 'clothes');
}
