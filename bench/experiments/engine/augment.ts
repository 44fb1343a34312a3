// Changes of single images: pure functions of bytes and of what was drawn.

import { fillUniform, type RandomKey } from '../../../src/core/random.js';
import type { Images } from '../../data/images.js';

/** The size of one image. */
export type Shape = Pick<Images, 'side' | 'channels'>;

/** A window that lies so many pixels lower and further right than the image, and whether it is mirrored. */
export interface CropAndFlip {
  readonly down: number;
  readonly right: number;
  readonly flip: boolean;
}

/** Zeros around an image before a crop of its own size is taken. */
export const PADDING = 4;

/** A crop of an image with zeros around it, all equally likely, mirrored every other time. */
export function drawCropAndFlip(key: RandomKey): CropAndFlip {
  const u = new Float64Array(3);
  fillUniform(key, u);
  return { down: offset(u[0]), right: offset(u[1]), flip: u[2] < 0.5 };
}

/** One of −PADDING … PADDING. */
function offset(uniform: number): number {
  return Math.floor(uniform * (2 * PADDING + 1)) - PADDING;
}

/** What is seen through the window; pixels outside of the image are 0. */
export function cropAndFlip(
  image: Uint8Array,
  { side, channels }: Shape,
  { down, right, flip }: CropAndFlip,
): Uint8Array {
  const seen = new Uint8Array(image.length);
  for (let y = Math.max(0, -down); y < Math.min(side, side - down); y++) {
    for (let x = Math.max(0, -right); x < Math.min(side, side - right); x++) {
      const from = ((y + down) * side + x + right) * channels;
      const to = (y * side + (flip ? side - 1 - x : x)) * channels;
      for (let channel = 0; channel < channels; channel++)
        seen[to + channel] = image[from + channel];
    }
  }
  return seen;
}
