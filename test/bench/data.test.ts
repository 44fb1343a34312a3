// MNIST: its file format, and samples from it.

import { describe, expect, test } from 'vitest';
import { parseIdxImages, parseIdxLabels } from '../../bench/data/idx.js';
import { loadMnist, type Samples, takeRows } from '../../bench/data/mnist.js';

function idx(magic: number, sizes: number[], content: number[]): Uint8Array {
  const header = Buffer.alloc(4 * (sizes.length + 1));
  for (const [i, value] of [magic, ...sizes].entries()) header.writeUInt32BE(value, 4 * i);
  return Buffer.concat([header, Buffer.from(content)]);
}

function isEqual(a: Samples, b: Samples): boolean {
  return bytes(a).equals(bytes(b));
}

function bytes({ images, labels }: Samples): Buffer {
  return Buffer.concat([images.data, labels].map((array) => Buffer.from(array.buffer)));
}

describe('IDX', () => {
  test('images and labels are read where they lie', () => {
    const images = parseIdxImages(idx(0x803, [2, 1, 3], [1, 2, 3, 4, 5, 255]), 'images');
    expect(images).toMatchObject({ count: 2, height: 1, width: 3 });
    expect([...images.pixels]).toEqual([1, 2, 3, 4, 5, 255]);
    expect([...parseIdxLabels(idx(0x801, [3], [7, 0, 9]), 'labels')]).toEqual([7, 0, 9]);
  });

  test.each([
    ['a short header', idx(0x803, [2, 1], []), 'images: 12 bytes, expected a header of 16'],
    ['an empty file', new Uint8Array(), 'images: 0 bytes, expected a header of 16'],
    ['the magic of labels', idx(0x801, [2, 1, 1], [1, 2]), 'magic number 2049, expected 2051'],
    [
      'too few pixels',
      idx(0x803, [2, 1, 3], [1, 2, 3]),
      '3 bytes follow the header, expected 2×1×3',
    ],
    ['too many pixels', idx(0x803, [1, 1, 1], [1, 2]), '2 bytes follow the header, expected 1×1×1'],
    ['an absurd count', idx(0x803, [2 ** 32 - 1, 28, 28], [1]), 'expected 4294967295×28×28'],
  ])('%s is refused', (_, file, message) => {
    expect(() => parseIdxImages(file, 'images')).toThrow(message);
  });

  test('labels of the wrong length are refused', () => {
    expect(() => parseIdxLabels(idx(0x801, [3], [1, 2]), 'labels')).toThrow(
      'labels: 2 bytes follow the header, expected 3',
    );
  });
});

describe('MNIST', () => {
  const sizes = { train: 300, validation: 100, test: 100, seed: 5 };
  const mnist = loadMnist(sizes);

  test('samples have the sizes asked for, pixels in [0, 1] and digits for labels', () => {
    for (const name of ['train', 'validation', 'test'] as const) {
      const { images, labels } = mnist[name];
      expect([images.rows, images.cols, labels.length]).toEqual([sizes[name], 784, sizes[name]]);
      expect(images.data.reduce((a, b) => Math.min(a, b))).toBe(0);
      expect(images.data.reduce((a, b) => Math.max(a, b))).toBe(1);
      expect(new Set(labels)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    }
  });

  test('the seed alone decides, and the training sample is no part of the validation sample', () => {
    expect(isEqual(loadMnist(sizes).train, mnist.train)).toBe(true);
    expect(isEqual(loadMnist({ ...sizes, seed: 6 }).train, mnist.train)).toBe(false);
    const joint = loadMnist({ ...sizes, train: 400, validation: 0 }).train;
    const rows = Int32Array.from({ length: 100 }, (_, i) => 300 + i);
    expect(isEqual(takeRows(joint, rows), mnist.validation)).toBe(true);
  });

  test('more images than there are is refused', () => {
    expect(() => loadMnist({ ...sizes, train: 60_000 })).toThrow(
      'loadMnist: images taken from train is 60100, expected an integer >= 0 and <= 60000',
    );
  });
});
