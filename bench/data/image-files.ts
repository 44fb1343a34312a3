// Images that are too many to hold: files that are listed once, and decoded when they are needed.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { checkInteger } from '../../src/core/check.js';
import { foldIn, permutation, randomKey } from '../../src/core/random.js';
import { checkSameClasses, listClassFolders } from './class-folders.js';
import type { SplitSizes } from './samples.js';

/** Files of images with their classes 0 … classes − 1. */
export interface ImageFiles {
  readonly paths: readonly string[];
  readonly labels: Int32Array;
  readonly classes: number;
}

/** Three samples without a common file. */
export interface FileSplit {
  readonly train: ImageFiles;
  readonly validation: ImageFiles;
  readonly test: ImageFiles;
}

/** Width and height in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** A rectangle of an image, which becomes a square of colours, mirrored or not. */
export interface Crop extends ImageSize {
  readonly left: number;
  readonly top: number;
  readonly side: number;
  readonly flip: boolean;
}

/**
 * Random samples without replacement: training and validation images of `<folder>/train/<class>/…`, test images
 * of `<folder>/val/<class>/…`, whose true classes are published. The same seed gives the same files.
 *
 * @throws RangeError where a folder is missing or empty, the classes of both differ, or more images are asked for
 *   than there are.
 */
export function splitFiles(
  folder: string,
  { train, validation, test, seed }: SplitSizes,
): FileSplit {
  const [training, testing] = ['train', 'val'].map((name) => {
    const path = join(folder, name);
    if (!existsSync(path)) {
      throw new RangeError(
        `${path} is not there, expected a folder <class>/ of images for each class`,
      );
    }
    return listClassFolders(path);
  });
  checkSameClasses(training, testing);
  const { classes } = training;
  const key = randomKey(seed);
  const taken = ({ entries }: typeof training, stream: number, what: string) => {
    const order = permutation(foldIn(key, stream), entries.length);
    return (start: number, count: number): ImageFiles => {
      checkInteger('splitFiles', `images taken for ${what}`, start + count, 0, order.length);
      const rows = order.subarray(start, start + count);
      return {
        paths: Array.from(rows, (row) => entries[row].path),
        labels: rows.map((row) => entries[row].label),
        classes: classes.length,
      };
    };
  };
  const first = taken(training, 0, 'training and validation');
  return {
    train: first(0, train),
    validation: first(train, validation),
    test: taken(testing, 1, 'test')(0, test),
  };
}

// Images are decoded side by side: each is work for one thread.
sharp.concurrency(1);

/**
 * The size that a file says its image has.
 *
 * @throws RangeError where it is no image.
 */
export async function sizeOf(path: string): Promise<ImageSize> {
  return refusing(path, async () => {
    const { width, height } = await sharp(path).metadata();
    return { width, height };
  });
}

/**
 * A rectangle of an image as side×side pixels of three bytes, by linear interpolation over as many pixels as are
 * merged.
 *
 * @throws RangeError where it is no whole image.
 */
export async function decodeCrop(
  path: string,
  { left, top, width, height, side, flip }: Crop,
): Promise<Uint8Array> {
  const square = opened(path)
    .extract({ left, top, width, height })
    .resize(side, side, { fit: 'fill', kernel: 'linear' });
  return refusing(path, () => (flip ? square.flop() : square).raw().toBuffer());
}

/**
 * The middle side×side pixels of an image whose shorter side is scaled to `resize` ≥ side pixels.
 *
 * @throws RangeError where it is no whole image.
 */
export async function decodeMiddle(
  path: string,
  { resize, side }: { readonly resize: number; readonly side: number },
): Promise<Uint8Array> {
  const start = Math.floor((resize - side) / 2);
  const middle = opened(path)
    .resize(resize, resize, { fit: 'cover', kernel: 'linear' })
    .extract({ left: start, top: start, width: side, height: side });
  return refusing(path, () => middle.raw().toBuffer());
}

/** Some files of large collections have harmless faults in what is not their image. */
function opened(path: string): Sharp {
  return sharp(path, { failOn: 'error' }).toColourspace('srgb').removeAlpha();
}

async function refusing<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new RangeError(`${path}: not a whole JPEG or PNG image`, { cause: error });
  }
}
