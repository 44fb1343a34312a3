// CIFAR-10 and CIFAR-100 in the binary layout that they are published in.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesOfArchive } from './archive.js';
import { bytesOf, type Images } from './images.js';

/** How a data set lies in its files. */
export interface CifarLayout {
  readonly name: string;
  readonly classes: number;
  /** Bytes before the pixels of an image, of which the last is its class. */
  readonly labelBytes: number;
  /** Images of each file. */
  readonly perFile: { readonly train: number; readonly test: number };
  readonly train: readonly string[];
  readonly test: string;
  /** Where the files lie in the user's folder once unpacked, and the archive with its published MD5 sum. */
  readonly folder: string;
  readonly archive: string;
  readonly md5: string;
}

export const CIFAR10: CifarLayout = {
  name: 'CIFAR-10',
  classes: 10,
  labelBytes: 1,
  perFile: { train: 10_000, test: 10_000 },
  train: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`),
  test: 'test_batch.bin',
  folder: 'cifar-10-batches-bin',
  archive: 'cifar-10-binary.tar.gz',
  md5: 'c32a1d4ab5d03f1284b67883e8d87530',
};

export const CIFAR100: CifarLayout = {
  name: 'CIFAR-100',
  classes: 100,
  labelBytes: 2,
  perFile: { train: 50_000, test: 10_000 },
  train: ['train.bin'],
  test: 'test.bin',
  folder: 'cifar-100-binary',
  archive: 'cifar-100-binary.tar.gz',
  md5: '03b5dce01913d631647c71ecec9e9cb8',
};

/** Pixels a side of an image. */
export const CIFAR_SIDE = 32;

const shape = { side: CIFAR_SIDE, channels: 3 } as const;

/**
 * Training and test images from the unpacked files in `folder`, or from the archive there, whose checksum must
 * be the published one; undefined where there is neither.
 *
 * @throws RangeError where a file is missing, of another size or malformed.
 */
export function loadCifar(
  layout: CifarLayout,
  folder: string,
): { readonly train: Images; readonly test: Images } | undefined {
  const read = readerOf(layout, folder);
  if (read === undefined) return undefined;
  const { train, test, perFile } = layout;
  return {
    train: joined(train.map((file) => parseCifar(layout, read(file), file, perFile.train))),
    test: parseCifar(layout, read(test), test, perFile.test),
  };
}

function readerOf(layout: CifarLayout, folder: string): ((file: string) => Uint8Array) | undefined {
  const unpacked = join(folder, layout.folder);
  if (existsSync(unpacked)) {
    return (file) => {
      const path = join(unpacked, file);
      if (existsSync(path)) return readFileSync(path);
      throw new RangeError(`${layout.name}: ${path} is missing`);
    };
  }
  const path = join(folder, layout.archive);
  if (!existsSync(path)) return undefined;
  const archive = readFileSync(path);
  const md5 = createHash('md5').update(archive).digest('hex');
  if (md5 !== layout.md5) {
    throw new RangeError(`${path}: its MD5 sum is ${md5}, expected ${layout.md5}: load it again`);
  }
  const files = filesOfArchive(archive, path);
  return (file) => {
    const found = files.get(file);
    if (found !== undefined) return found;
    throw new RangeError(`${path}: ${file} is missing`);
  };
}

/**
 * The images of one file: of each the label, then 32×32 red pixels, the green and the blue ones.
 *
 * @throws RangeError where there are not as many as expected, or a label is none.
 */
export function parseCifar(
  { labelBytes, classes }: Pick<CifarLayout, 'labelBytes' | 'classes'>,
  file: Uint8Array,
  name: string,
  count: number,
): Images {
  const size = bytesOf(shape);
  const record = labelBytes + size;
  if (file.length !== count * record) {
    throw new RangeError(
      `${name}: ${file.length} bytes, expected ${count * record} for ${count} images`,
    );
  }
  const pixels = new Uint8Array(count * size);
  const labels = new Int32Array(count);
  const area = shape.side ** 2;
  for (let image = 0; image < count; image++) {
    const start = image * record + labelBytes;
    const label = file[start - 1];
    if (label >= classes) {
      throw new RangeError(`${name}: image ${image} is of class ${label}, expected < ${classes}`);
    }
    labels[image] = label;
    for (let pixel = 0; pixel < area; pixel++) {
      for (let channel = 0; channel < 3; channel++) {
        pixels[image * size + 3 * pixel + channel] = file[start + channel * area + pixel];
      }
    }
  }
  return { pixels, labels, ...shape, classes };
}

function joined(parts: readonly Images[]): Images {
  const [first] = parts;
  return {
    ...first,
    pixels: Buffer.concat(parts.map(({ pixels }) => pixels)),
    labels: Int32Array.from(parts.flatMap(({ labels }) => [...labels])),
  };
}
