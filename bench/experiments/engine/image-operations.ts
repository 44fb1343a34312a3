// Operations of automatic augmentation: pure functions of square colour images, bytes to bytes.

import { cosPi } from '../../../src/core/elementary.js';

/** An image of side×side pixels with three bytes each becomes another one. */
export type Operation = (image: Uint8Array, side: number) => Uint8Array;

const COLOURS = 3;

/** Each byte by a rule of its own colour. */
function byTable(tableOf: (colour: Uint32Array) => ArrayLike<number>): Operation {
  return (image) => {
    const counts = histograms(image);
    const tables = counts.map((count) => tableOf(count));
    return image.map((byte, i) => tables[i % COLOURS][byte]);
  };
}

/** How often each byte occurs in each colour. */
function histograms(image: Uint8Array): Uint32Array[] {
  const counts = Array.from({ length: COLOURS }, () => new Uint32Array(256));
  for (let i = 0; i < image.length; i++) counts[i % COLOURS][image[i]] += 1;
  return counts;
}

function bytes(f: (byte: number) => number): Uint8ClampedArray {
  return Uint8ClampedArray.from({ length: 256 }, (_, byte) => f(byte));
}

function always(f: (byte: number) => number): Operation {
  const table = bytes(f);
  return byTable(() => table);
}

export const identity: Operation = (image) => image;

/** 255 − x. */
export const invert: Operation = always((byte) => 255 - byte);

/** The upper `bits` bits of each byte, 0 … 8. */
export function posterize(bits: number): Operation {
  const kept = 256 - 2 ** (8 - bits);
  return always((byte) => (bits === 0 ? 0 : byte & kept));
}

/** Bytes of at least the threshold are inverted. */
export function solarize(threshold: number): Operation {
  return always((byte) => (byte < threshold ? byte : 255 - byte));
}

/** Bytes below 128 get so much brighter. */
export function solarizeAdd(amount: number): Operation {
  return always((byte) => (byte < 128 ? byte + amount : byte));
}

/** Each colour stretched so that it reaches from 0 to 255; one of a single value stays. */
export const autoContrast: Operation = byTable((count) => {
  const least = count.findIndex((n) => n > 0);
  const most = count.findLastIndex((n) => n > 0);
  if (most <= least) return bytes((byte) => byte);
  return bytes((byte) => Math.floor((255 * (byte - least)) / (most - least)));
});

/**
 * Each colour so that all its values are about as frequent: of the pixels below the brightest value every 255th
 * part is a step.
 */
export const equalize: Operation = byTable((count) => {
  const pixels = count.reduce((sum, n) => sum + n, 0);
  const brightest = count.findLast((n) => n > 0) ?? 0;
  const step = Math.floor((pixels - brightest) / 255);
  if (step === 0) return bytes((byte) => byte);
  let below = Math.floor(step / 2);
  const table = new Uint8ClampedArray(256);
  for (let byte = 0; byte < 256; byte++) {
    table[byte] = Math.floor(below / step);
    below += count[byte];
  }
  return table;
});

/** factor·x + (1 − factor)·other, cut off at 0 and 255. */
function blended(image: Uint8Array, factor: number, other: (i: number) => number): Uint8Array {
  const result = new Uint8ClampedArray(image.length);
  for (let i = 0; i < image.length; i++) {
    const base = other(i);
    result[i] = base + factor * (image[i] - base);
  }
  return new Uint8Array(result.buffer);
}

/** Red, green and blue as grey. Source: ITU-R BT.601. */
function luminance(image: Uint8Array, pixel: number): number {
  const at = pixel * COLOURS;
  return Math.round((299 * image[at] + 587 * image[at + 1] + 114 * image[at + 2]) / 1000);
}

/** Factor 0 is black, 1 the image itself. */
export function brightness(factor: number): Operation {
  return (image) => blended(image, factor, () => 0);
}

/** Factor 0 is the grey of the mean, 1 the image itself. */
export function contrast(factor: number): Operation {
  return (image) => {
    const pixels = image.length / COLOURS;
    let sum = 0;
    for (let pixel = 0; pixel < pixels; pixel++) sum += luminance(image, pixel);
    const grey = Math.round(sum / pixels);
    return blended(image, factor, () => grey);
  };
}

/** Factor 0 is without colour, 1 the image itself. */
export function colour(factor: number): Operation {
  return (image) => blended(image, factor, (i) => luminance(image, Math.floor(i / COLOURS)));
}

/** Factor 0 is the mean of 3×3 pixels with five times the weight in the middle, 1 the image itself. */
export function sharpness(factor: number): Operation {
  return (image, side) => {
    const row = side * COLOURS;
    return blended(image, factor, (i) => {
      const [y, x] = [Math.floor(i / row), Math.floor((i % row) / COLOURS)];
      if (y === 0 || x === 0 || y === side - 1 || x === side - 1) return image[i];
      let sum = 4 * image[i];
      for (let at = i - row; at <= i + row; at += row) {
        sum += image[at - COLOURS] + image[at] + image[at + COLOURS];
      }
      return Math.round(sum / 13);
    });
  };
}

/** The colour of what lies outside of an image. */
export type Fill = readonly [red: number, green: number, blue: number];

/** Where a pixel of the result comes from: (a·x + b·y, c·x + d·y) + (right, down), from the middle of the image. */
interface Mapping {
  readonly matrix: readonly [a: number, b: number, c: number, d: number];
  readonly shift?: readonly [right: number, down: number];
}

/** The nearest pixel to where each one comes from. */
function mapped(
  { matrix: [a, b, c, d], shift: [right, down] = [0, 0] }: Mapping,
  fill: Fill,
): Operation {
  return (image, side) => {
    const middle = (side - 1) / 2;
    const result = new Uint8Array(image.length);
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const [x, y] = [column - middle, row - middle];
        const fromColumn = Math.round(a * x + b * y + right + middle);
        const fromRow = Math.round(c * x + d * y + down + middle);
        const isInside = fromColumn >= 0 && fromColumn < side && fromRow >= 0 && fromRow < side;
        const [to, from] = [row * side + column, fromRow * side + fromColumn];
        for (let k = 0; k < COLOURS; k++) {
          result[to * COLOURS + k] = isInside ? image[from * COLOURS + k] : fill[k];
        }
      }
    }
    return result;
  };
}

/** Rows move sideways, by so many pixels for each that they lie lower. */
export function shearX(amount: number, fill: Fill): Operation {
  return mapped({ matrix: [1, amount, 0, 1] }, fill);
}

/** Columns move up or down, by so many pixels for each that they lie further right. */
export function shearY(amount: number, fill: Fill): Operation {
  return mapped({ matrix: [1, 0, amount, 1] }, fill);
}

/** To the left by so many pixels. */
export function translateX(pixels: number, fill: Fill): Operation {
  return mapped({ matrix: [1, 0, 0, 1], shift: [pixels, 0] }, fill);
}

/** Upwards by so many pixels. */
export function translateY(pixels: number, fill: Fill): Operation {
  return mapped({ matrix: [1, 0, 0, 1], shift: [0, pixels] }, fill);
}

/** About the middle, by −180 … 180 degrees against the clock. */
export function rotate(degrees: number, fill: Fill): Operation {
  const turn = Math.abs(degrees) / 180;
  const cosine = cosPi(turn);
  const sine = Math.sign(degrees) * cosPi(Math.abs(0.5 - turn));
  return mapped({ matrix: [cosine, -sine, sine, cosine] }, fill);
}
