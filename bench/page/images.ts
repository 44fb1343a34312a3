// Images for the page as one binary file: for each a byte for its class, then its pixels.

import { type Samples, samplesFrom } from '../data/samples.js';

/** The images to train with, and those that accuracy is measured on. */
export interface PageSamples {
  readonly train: Samples;
  readonly test: Samples;
}

const pixels = 28 * 28;
const bytesPerImage = 1 + pixels;

/** The samples as bytes: 785 for each image. */
export function encodeImages({ images, labels }: Samples): Uint8Array {
  const bytes = new Uint8Array(labels.length * bytesPerImage);
  labels.forEach((label, row) => {
    const start = row * bytesPerImage;
    bytes[start] = label;
    for (let j = 0; j < pixels; j++) {
      bytes[start + 1 + j] = Math.round(255 * images.at(row, j));
    }
  });
  return bytes;
}

/**
 * The samples of such bytes: the last `test` images apart from the others.
 *
 * @throws RangeError where the bytes are no whole images, or fewer than `test`.
 */
export function decodeImages(bytes: Uint8Array, test: number): PageSamples {
  const count = bytes.length / bytesPerImage;
  if (!Number.isInteger(count) || count < test) {
    throw new RangeError(
      `decodeImages: ${bytes.length} bytes, expected ${bytesPerImage} for each of at least ${test} images`,
    );
  }
  const taken = (start: number, end: number): Samples => {
    const at = (row: number): number => (start + row) * bytesPerImage;
    return samplesFrom(
      Int32Array.from({ length: end - start }, (_, row) => bytes[at(row)]),
      pixels,
      (row) => bytes.subarray(at(row) + 1, at(row + 1)),
    );
  };
  return { train: taken(0, count - test), test: taken(count - test, count) };
}
