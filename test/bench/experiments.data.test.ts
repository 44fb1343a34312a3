// The images of experiments: their files, their samples, and what augmentation does to them.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fc, test } from '@fast-check/vitest';
import sharp from 'sharp';
import { afterAll, describe, expect } from 'vitest';
import { filesOfArchive } from '../../bench/data/archive.js';
import {
  CIFAR10,
  CIFAR100,
  type CifarLayout,
  loadCifar,
  parseCifar,
} from '../../bench/data/cifar.js';
import { loadCifarFolders } from '../../bench/data/cifar-folders.js';
import { loadClassFolders } from '../../bench/data/class-folders.js';
import { type Images, splitImages } from '../../bench/data/images.js';
import { startTensorflow } from '../../bench/data/tensorflow.js';
import { loadData } from '../../bench/experiments/data.js';
import { cropAndFlip, drawCropAndFlip, PADDING } from '../../bench/experiments/engine/augment.js';
import { normalisationOf, trainingBatches } from '../../bench/experiments/engine/loader.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { SEED } from '../support/seed.js';
import { chiSquare, chiSquareLimit, normalLimit, SIGNIFICANCE } from '../support/statistics.js';

const tf = await startTensorflow();
const folder = mkdtempSync(join(tmpdir(), 'images-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A record of CIFAR: labels, then a red, a green and a blue plane, each of one brightness. */
function record(labels: readonly number[], colours: readonly [number, number, number]): Buffer {
  return Buffer.concat([
    Buffer.from(labels),
    ...colours.map((colour) => Buffer.alloc(1024, colour)),
  ]);
}

/** CIFAR-10 with two images a file. */
const TINY: CifarLayout = { ...CIFAR10, perFile: { train: 2, test: 2 } };

function tinyFile(first: number): Buffer {
  return Buffer.concat([record([first], [first, 1, 2]), record([first + 1], [9, 8, 7])]);
}

/** A tar archive of regular files. */
function tarOf(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts = Object.entries(files).flatMap(([name, content]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(content.length.toString(8).padStart(11, '0'), 124);
    header.write('0', 156);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

describe('CIFAR', () => {
  test('pixels of a record have their colours together', () => {
    const images = parseCifar(CIFAR100, record([3, 77], [1, 2, 3]), 'train.bin', 1);
    expect([...images.labels]).toEqual([77]);
    expect(images).toMatchObject({ side: 32, channels: 3, classes: 100 });
    expect([...images.pixels.subarray(0, 6)]).toEqual([1, 2, 3, 1, 2, 3]);
  });

  test.each([
    ['too short', record([1], [0, 0, 0]).subarray(1), '3072 bytes, expected 3073 for 1 images'],
    ['too long', Buffer.alloc(3074), '3074 bytes, expected 3073'],
    ['empty', Buffer.alloc(0), '0 bytes, expected 3073'],
    ['of another class', record([10], [0, 0, 0]), 'image 0 is of class 10, expected < 10'],
  ])('a file that is %s is refused', (_, file, message) => {
    expect(() => parseCifar(CIFAR10, file, 'test_batch.bin', 1)).toThrow(
      `test_batch.bin: ${message}`,
    );
  });

  test('is read from its folder and from its archive alike', () => {
    const files = Object.fromEntries(
      [...TINY.train, TINY.test].map((name, k): [string, Buffer] => [name, tinyFile(k)]),
    );
    const unpacked = join(folder, 'unpacked');
    mkdirSync(join(unpacked, TINY.folder), { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(unpacked, TINY.folder, name), content);
    }
    const packed = join(folder, 'packed');
    mkdirSync(packed);
    const archive = gzipSync(
      tarOf(Object.fromEntries(Object.entries(files).map(([name, c]) => [`x/${name}`, c]))),
    );
    writeFileSync(join(packed, TINY.archive), archive);
    const md5 = createHash('md5').update(archive).digest('hex');
    const read = loadCifar(TINY, unpacked);
    expect(read?.train.labels).toEqual(Int32Array.of(0, 1, 1, 2, 2, 3, 3, 4, 4, 5));
    expect(read?.test.labels).toEqual(Int32Array.of(5, 6));
    expect(loadCifar({ ...TINY, md5 }, packed)).toEqual(read);
    expect(() => loadCifar(TINY, packed)).toThrow(`its MD5 sum is ${md5}, expected ${TINY.md5}`);
    rmSync(join(unpacked, TINY.folder, TINY.test));
    expect(() => loadCifar(TINY, unpacked)).toThrow('test_batch.bin is missing');
    expect(loadCifar(TINY, join(folder, 'nowhere'))).toBeUndefined();
  });

  test('an archive that is cut short is refused', () => {
    const tar = tarOf({ 'a/b.bin': Buffer.alloc(700, 1) });
    expect(filesOfArchive(gzipSync(tar), 'x').get('b.bin')).toHaveLength(700);
    expect(() => filesOfArchive(gzipSync(tar.subarray(0, 900)), 'x')).toThrow(
      'a/b.bin is cut short',
    );
    expect(() => filesOfArchive(gzipSync(tar).subarray(0, 40), 'x')).toThrow(
      'not a whole gzip file',
    );
  });

  test('where it is absent, the message says what to put where', async () => {
    const choice = { name: 'cifar10', train: 1, validation: 1, test: 1 };
    const advice = /CIFAR-10 is not here: .*cifar-10-binary\.tar\.gz.*--data/;
    await expect(loadData(choice, undefined)).rejects.toThrow(advice);
    await expect(loadData(choice, join(folder, 'nowhere'))).rejects.toThrow(advice);
    await expect(loadData({ ...choice, name: 'svhn' }, folder)).rejects.toThrow(
      "no data set 'svhn', expected one of mnist",
    );
  });
});

async function writeImage(path: string, side: number, colour: number): Promise<void> {
  mkdirSync(join(path, '..'), { recursive: true });
  const background = { r: colour, g: 0, b: 255 };
  await sharp({ create: { width: side, height: side, channels: 3, background } }).toFile(path);
}

describe('class folders', () => {
  test('are read in the order of names, from JPEG and PNG, and once more from the cache', async () => {
    const root = join(folder, 'classes');
    await writeImage(join(root, 'cat', '2.png'), 8, 20);
    await writeImage(join(root, 'cat', '1.png'), 8, 10);
    await writeImage(join(root, 'dog', '1.jpg'), 8, 30);
    writeFileSync(join(root, 'dog', 'notes.txt'), 'no image');
    const cache = join(folder, 'cache');
    const images = await loadClassFolders(root, { side: 8, cache });
    expect(images).toMatchObject({ side: 8, channels: 3, classes: 2 });
    expect([...images.labels]).toEqual([0, 0, 1]);
    expect([...images.pixels.subarray(0, 3)]).toEqual([10, 0, 255]);
    expect([...images.pixels.subarray(192, 195)]).toEqual([20, 0, 255]);
    expect(Math.abs(images.pixels[384] - 30)).toBeLessThan(8);
    expect(await loadClassFolders(root, { side: 8, cache })).toEqual(images);
    // A file that is broken is written anew, and what a killed process left of one goes then.
    const [kept] = readdirSync(cache);
    writeFileSync(join(cache, kept), 'cut short');
    writeFileSync(join(cache, `${kept}.${2 ** 31 - 1}.draft`), 'cut short');
    expect(await loadClassFolders(root, { side: 8, cache })).toEqual(images);
    expect(readdirSync(cache)).toEqual([kept]);
    // What was decoded as of one size is not taken for another.
    await expect(loadClassFolders(root, { side: 4, cache })).rejects.toThrow('expected 4×4');
  });

  test('that are empty, and images that are cut short or of another size, are refused', async () => {
    const root = join(folder, 'bad');
    const options = { side: 8, cache: join(folder, 'bad-cache') };
    mkdirSync(join(root, 'cat'), { recursive: true });
    await expect(loadClassFolders(join(root, 'cat'), options)).rejects.toThrow(
      'no folders, expected one for each',
    );
    await expect(loadClassFolders(root, options)).rejects.toThrow('no .jpg, .jpeg or .png file');
    await writeImage(join(root, 'cat', '1.png'), 8, 1);
    await writeImage(join(root, 'cat', '2.png'), 9, 1);
    await expect(loadClassFolders(root, options)).rejects.toThrow(
      '2.png: 9×9 pixels, expected 8×8',
    );
    writeFileSync(join(root, 'cat', '2.png'), Buffer.from('no image at all'));
    await expect(loadClassFolders(root, options)).rejects.toThrow(
      '2.png: not a whole JPEG or PNG image',
    );
  });
});

describe('CIFAR in class folders', () => {
  const choice = { name: 'cifar10', train: 9, validation: 1, test: 2 };
  const names = Array.from({ length: 10 }, (_, k) => `class ${k}`);
  const cache = join(folder, 'cifar-cache');
  let roots = 0;

  /** A folder of the user's, with one image of each class that is named. */
  async function rootWith(samples: Readonly<Record<string, readonly string[]>>): Promise<string> {
    const root = join(folder, `cifar-${roots++}`);
    for (const [sample, classes] of Object.entries(samples)) {
      for (const name of classes) {
        await writeImage(join(root, 'cifar10', sample, name, '1.png'), 32, names.indexOf(name));
      }
    }
    return root;
  }

  /** All images below such a folder. */
  function imagesBelow(root: string): ReturnType<typeof loadCifarFolders> {
    return loadCifarFolders(CIFAR10, join(root, 'cifar10'), cache);
  }

  test('have the same labels in all samples, with test images of their own or without', async () => {
    const both = await imagesBelow(await rootWith({ train: names, test: names }));
    for (const images of [both?.train, both?.test]) {
      expect(images).toMatchObject({ side: 32, classes: 10 });
      const reds = names.map((_, k) => images?.pixels[3 * 32 ** 2 * k]);
      expect([...(images?.labels ?? [])]).toEqual(reds);
    }
    const alone = await imagesBelow(await rootWith({ train: names }));
    expect(alone?.train).toEqual(both?.train);
    expect(alone?.test).toBeUndefined();
    expect(await imagesBelow(join(folder, 'nowhere'))).toBeUndefined();
  });

  test('are refused where their classes are not those of the data set, or differ', async () => {
    const few = await rootWith({ train: names.slice(1), test: names.slice(1) });
    await expect(loadData(choice, few)).rejects.toThrow(
      'train: 9 folders, expected the 10 classes of CIFAR-10',
    );
    const fewer = await rootWith({ train: names, test: names.slice(1) });
    await expect(loadData(choice, fewer)).rejects.toThrow(
      /test has other classes than .*train: class 0 is in one of them alone/,
    );
  });

  test.each(['train', 'test'])(
    'are refused where images of %s have another size',
    async (large) => {
      const root = await rootWith({ train: names, test: names });
      for (const [k, name] of names.entries()) {
        await writeImage(join(root, 'cifar10', large, name, '1.png'), 64, k);
      }
      const refusal = new RegExp(`${large}/class 0/1.png: 64×64 pixels, expected 32×32`);
      await expect(imagesBelow(root)).rejects.toThrow(refusal);
      // And the next time: nothing is kept of what was refused.
      await expect(imagesBelow(root)).rejects.toThrow(refusal);
    },
  );
});

/** Images whose pixels tell which image they are of. */
function numbered(count: number): Images {
  return {
    side: 2,
    channels: 1,
    classes: 3,
    labels: Int32Array.from({ length: count }, (_, k) => k % 3),
    pixels: Uint8Array.from({ length: 4 * count }, (_, k) => Math.floor(k / 4)),
  };
}

function shown({ pixels }: Images): number[] {
  return [...pixels].filter((_, k) => k % 4 === 0);
}

describe('a split', () => {
  test.prop([fc.nat(9), fc.nat(9), fc.nat(9), fc.nat(99)])(
    'has no image twice, and is the same for the same seed',
    (train, validation, testing, seed) => {
      const sizes = { train, validation, test: testing, seed };
      const { train: a, validation: b, test: c } = splitImages(numbered(30), undefined, sizes);
      const all = [a, b, c].flatMap(shown);
      expect(new Set(all).size).toBe(train + validation + testing);
      expect([a, b, c].map(({ labels }) => labels.length)).toEqual([train, validation, testing]);
      expect(all.map((image) => image % 3)).toEqual([a, b, c].flatMap(({ labels }) => [...labels]));
      expect(splitImages(numbered(30), undefined, sizes).test).toEqual(c);
    },
  );

  test('takes test images of their own where there are some, and no more than there are', () => {
    const sizes = { train: 2, validation: 1, test: 3, seed: 1 };
    const { test: testing } = splitImages(numbered(3), numbered(4), sizes);
    expect(testing.labels).toHaveLength(3);
    expect(() => splitImages(numbered(3), undefined, sizes)).toThrow(
      'images taken for training, validation and test is 6, expected an integer >= 0 and <= 3',
    );
  });
});

const shape = fc.record({ side: fc.integer({ min: 1, max: 7 }), channels: fc.constantFrom(1, 3) });
const picture = shape.chain(({ side, channels }) =>
  fc
    .uint8Array({ minLength: side * side * channels, maxLength: side * side * channels })
    .map((image) => ({ side, channels, image })),
);
const offset = fc.integer({ min: -PADDING, max: PADDING });

describe('crop and flip', () => {
  test.prop([picture, offset, offset, fc.boolean()])(
    'show the pixel below and beside, and 0 outside',
    ({ image, side, channels }, down, right, flip) => {
      const seen = cropAndFlip(image, { side, channels }, { down, right, flip });
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          const [row, column] = [y + down, (flip ? side - 1 - x : x) + right];
          const isInside = row >= 0 && row < side && column >= 0 && column < side;
          for (let c = 0; c < channels; c++) {
            const expected = isInside ? image[(row * side + column) * channels + c] : 0;
            expect(seen[(y * side + x) * channels + c]).toBe(expected);
          }
        }
      }
    },
  );

  test.prop([picture])('twice mirrored is the image itself', ({ image, ...size }) => {
    const mirror = { down: 0, right: 0, flip: true };
    expect(cropAndFlip(cropAndFlip(image, size, mirror), size, mirror)).toEqual(image);
  });

  test('all windows are as likely', () => {
    const draws = 8_100;
    const counts = new Map<string, number>();
    let flips = 0;
    for (let k = 0; k < draws; k++) {
      const { down, right, flip } = drawCropAndFlip(foldIn(randomKey(SEED), k));
      const window = `${down},${right}`;
      counts.set(window, (counts.get(window) ?? 0) + 1);
      flips += Number(flip);
    }
    expect(counts.size).toBe(81);
    expect(chiSquare([...counts.values()])).toBeLessThan(chiSquareLimit(80, SIGNIFICANCE));
    const deviation = Math.sqrt(draws) / 2;
    expect(Math.abs(flips - draws / 2)).toBeLessThan(normalLimit(SIGNIFICANCE) * deviation);
  });
});

describe('batches', () => {
  const images = numbered(11);
  const normalisation = normalisationOf(images);
  const plan = { batch: 4, augmentation: 'crop and flip', key: randomKey(SEED) } as const;

  test('are normalised to mean 0 and variance 1', () => {
    const values = [...images.pixels].map((byte) => normalisation[byte]);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
    // Sums of 44 numbers below 2 that float32 has rounded.
    expect(Math.abs(mean)).toBeLessThan(2 * 2 ** -24);
    expect(Math.abs(variance - 1)).toBeLessThan(8 * 2 ** -24);
  });

  test('of an epoch have each image once, and depend on nothing but the step', () => {
    const forwards = trainingBatches(tf, images, normalisation, { ...plan, augmentation: 'none' });
    const first = [0, 1].map((step) => valuesOf(forwards(step)));
    const seen = first.flatMap(({ x }) => x.filter((_, k) => k % 4 === 0));
    expect(new Set(seen).size).toBe(8);
    const augmented = trainingBatches(tf, images, normalisation, plan);
    const again = trainingBatches(tf, images, normalisation, plan);
    const inOrder = [0, 1, 2, 3, 4, 5].map((step) => valuesOf(augmented(step)));
    const backwards = [5, 4, 3, 2, 1, 0].map((step) => valuesOf(again(step)));
    expect(backwards.toReversed()).toEqual(inOrder);
    expect(inOrder[0]).not.toEqual(inOrder[2]);
  });
});

function valuesOf({ x, y }: ReturnType<ReturnType<typeof trainingBatches>>) {
  const values = { x: [...x.dataSync()], y: [...y.dataSync()] };
  tf.dispose([x, y]);
  return values;
}
