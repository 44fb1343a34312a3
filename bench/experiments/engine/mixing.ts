// What is done to images and classes in the ImageNet setting: pure functions of data and of what was drawn.

import { fillUniform, permutation, type RandomKey } from '../../../src/core/random.js';
import type { Shape } from './augment.js';
import { realPower } from './powers.js';

/** A rectangle of pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The size of an image that is no square. */
export type Size = Pick<Box, 'width' | 'height'>;

/** The shares of an image's area that boxes have, and their sides' ratios. */
export interface BoxRange {
  readonly area: readonly [least: number, most: number];
  readonly ratio: readonly [least: number, most: number];
}

/** Of the crop that is scaled to the size of a network's input. Source: Szegedy et al. 2015. */
export const CROP: BoxRange = { area: [0.08, 1], ratio: [3 / 4, 4 / 3] };

/** Of what is erased. Source: Zhong et al. 2017, with their ratios. */
export const ERASED: BoxRange = { area: [0.02, 1 / 3], ratio: [0.3, 10 / 3] };

/** So often a box is drawn that has to fit. */
const TRIES = 10;

/**
 * A box with a uniform share of the area and a log-uniform ratio of sides, anywhere in the image: the first of ten
 * draws that fits; undefined where none does.
 */
export function drawBox(key: RandomKey, size: Size, { area, ratio }: BoxRange): Box | undefined {
  const u = new Float64Array(4);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    fillUniform(key, u, 4 * attempt);
    const share = area[0] + u[0] * (area[1] - area[0]);
    const sides = ratio[1] * realPower(ratio[0] / ratio[1], u[1]);
    const pixels = share * size.width * size.height;
    const width = Math.round(Math.sqrt(pixels * sides));
    const height = Math.round(Math.sqrt(pixels / sides));
    if (width < 1 || height < 1 || width > size.width || height > size.height) continue;
    const left = Math.floor(u[2] * (size.width - width + 1));
    const top = Math.floor(u[3] * (size.height - height + 1));
    return { left, top, width, height };
  }
  return undefined;
}

/** The crop to train on: a random box, or the largest square in the middle where none fits. */
export function drawCrop(key: RandomKey, size: Size): Box {
  const side = Math.min(size.width, size.height);
  return (
    drawBox(key, size, CROP) ?? {
      left: Math.floor((size.width - side) / 2),
      top: Math.floor((size.height - side) / 2),
      width: side,
      height: side,
    }
  );
}

/** The box of another image in the place of one's own; `other` undefined: 0 in it. */
export function pasted(
  image: Float32Array,
  { side, channels }: Shape,
  { left, top, width, height }: Box,
  other?: Float32Array,
): Float32Array {
  const result = image.slice();
  for (let y = top; y < top + height; y++) {
    const [start, end] = [left, left + width].map((x) => (y * side + x) * channels);
    if (other === undefined) result.fill(0, start, end);
    else result.set(other.subarray(start, end), start);
  }
  return result;
}

/** λ·a + (1 − λ)·b, of images as of classes. Source: Zhang et al. 2018. */
export function mixed(a: Float32Array, b: Float32Array, lambda: number): Float32Array {
  return a.map((value, i) => lambda * value + (1 - lambda) * b[i]);
}

/**
 * The box of CutMix for λ: centred anywhere, with 1 − λ of the area before it is cut off at the border. The share
 * of one's own image that is left is 1 − width·height/side². Source: Yun et al. 2019.
 */
export function drawCutBox(key: RandomKey, side: number, lambda: number): Box {
  const u = new Float64Array(2);
  fillUniform(key, u);
  const half = (side * Math.sqrt(1 - lambda)) / 2;
  const [left, right, top, bottom] = [
    u[0] * side - half,
    u[0] * side + half,
    u[1] * side - half,
    u[1] * side + half,
  ].map((edge) => Math.round(Math.min(Math.max(edge, 0), side)));
  return { left, top, width: right - left, height: bottom - top };
}

/**
 * A number of Beta(α, α) for 0 < α ≤ 1: X/(X + Y) for X = U^(1/α) and Y = V^(1/α) where X + Y ≤ 1. Source: Jöhnk
 * 1964.
 */
export function drawBeta(key: RandomKey, alpha: number): number {
  const u = new Float64Array(2);
  for (let attempt = 0; ; attempt++) {
    fillUniform(key, u, 2 * attempt);
    const [x, y] = [u[0], u[1]].map((uniform) => realPower(uniform, 1 / alpha));
    if (x + y > 0 && x + y <= 1) return x / (x + y);
  }
}

/** (1 − ε)·y + ε/K of a row of K classes. Source: Szegedy et al. 2016. */
export function smoothed(y: Float32Array, epsilon: number): Float32Array {
  return y.map((value) => (1 - epsilon) * value + epsilon / y.length);
}

/** A place of an epoch: which image, and which of its augmentations. */
export interface Repeated {
  readonly image: number;
  readonly copy: number;
}

/**
 * An epoch of n places with each image so many times in a row, every time to be augmented anew: the first n/times
 * images of a random order. What is at a place is told when it is asked for. Source: Berman et al. 2019.
 */
export function repeatedOrder(
  key: RandomKey,
  n: number,
  times: number,
): (place: number) => Repeated {
  const order = permutation(key, n);
  return (place) => ({ image: order[Math.floor(place / times)], copy: place % times });
}
