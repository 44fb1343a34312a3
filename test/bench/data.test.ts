// MNIST and Fashion-MNIST: their file formats, and samples from them.

import { describe, expect, test } from 'vitest';
import { loadFashionMnist, parseImages, splitClasses } from '../../bench/data/fashion-mnist.js';
import { parseIdxImages, parseIdxLabels } from '../../bench/data/idx.js';
import { loadMnist } from '../../bench/data/mnist.js';
import { type Samples, takeRows } from '../../bench/data/samples.js';

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

function fileOf(...rows: unknown[]): string {
  return JSON.stringify({ data: rows });
}

function grey(value: number): Uint8Array {
  return new Uint8Array(784).fill(value);
}

describe('a file of Fashion-MNIST', () => {
  const row = Array.from({ length: 784 }, (_, j) => j % 256);

  test('gives its images, without the rows that are empty', () => {
    const images = parseImages(fileOf(row, [], row.toReversed()), '0.json');
    expect(images.map((image) => [...image])).toEqual([row, row.toReversed()]);
  });

  test.each([
    ['text', 'data', '0.json: not JSON'],
    ['a number', '7', '0.json: number, expected an object'],
    ['another object', '{"images": []}', '0.json: data is undefined, expected an array of images'],
    [
      'a short row',
      fileOf(row, row.slice(1)),
      '0.json: image 1 is 783 pixels, expected 784 pixels',
    ],
    ['no row', fileOf(row, 5), '0.json: image 1 is number, expected 784 pixels'],
    ['a large pixel', fileOf(row.with(3, 256)), '0.json: image 0 has the pixel 256, expected'],
    ['a fraction', fileOf(row.with(3, 0.5)), '0.json: image 0 has the pixel 0.5, expected'],
    [
      'a pixel in words',
      fileOf([...row.slice(1), 'black']),
      'image 0 has the pixel black, expected',
    ],
    ['a pixel too few', fileOf(row.map((v, j) => (j === 3 ? null : v))), 'has the pixel null'],
  ])('of %s is refused', (_, text, message) => {
    expect(() => parseImages(text, '0.json')).toThrow(message);
  });
});

describe('Fashion-MNIST', () => {
  test('no image is in two samples, though it occurs twice, and the seed alone decides', () => {
    const images = [
      [grey(1), grey(2), grey(1)],
      [grey(3), grey(2), grey(4)],
    ];
    const {
      train,
      validation,
      test: rest,
    } = splitClasses(images, {
      train: 2,
      validation: 1,
      test: 1,
      seed: 3,
    });
    const shown = [train, validation, rest].flatMap((samples) =>
      Array.from(samples.labels, (label, row) => [
        Math.round(255 * samples.images.at(row, 0)),
        label,
      ]),
    );
    expect(shown.toSorted(([a], [b]) => a - b)).toEqual([
      [1, 0],
      [2, 0],
      [3, 1],
      [4, 1],
    ]);
    const sizes = { train: 4, validation: 0, test: 0 };
    const [same, other] = [3, 4].map((seed) => splitClasses(images, { ...sizes, seed }).train);
    expect(bytes(splitClasses(images, { ...sizes, seed: 3 }).train)).toEqual(bytes(same));
    expect(bytes(other)).not.toEqual(bytes(same));
    expect(() => splitClasses(images, { train: 4, validation: 1, test: 0, seed: 3 })).toThrow(
      'loadFashionMnist: images is 5, expected an integer >= 0 and <= 4',
    );
  });

  test('samples have the sizes asked for, and all classes', () => {
    const sizes = { train: 400, validation: 100, test: 100, seed: 5 };
    const fashion = loadFashionMnist(sizes);
    for (const name of ['train', 'validation', 'test'] as const) {
      const { images, labels } = fashion[name];
      expect([images.rows, images.cols, labels.length]).toEqual([sizes[name], 784, sizes[name]]);
      expect(images.data.reduce((a, b) => Math.max(a, b))).toBe(1);
      expect(new Set(labels).size).toBe(10);
    }
  });
});
