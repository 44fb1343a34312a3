// Automatic augmentation: which operations an image goes through, by draws of a key.

import { fillNormal, fillUniform, foldIn, type RandomKey } from '../../../src/core/random.js';
import type { Operation } from './image-operations.js';
import * as operations from './image-operations.js';

/** How strong RandAugment is. */
export interface RandAugment {
  /** Operations in a row, and the probability of each that it is carried out. */
  readonly operations: number;
  readonly probability: number;
  /** The mean and the deviation of strengths from 0 to 10. */
  readonly magnitude: number;
  readonly deviation: number;
}

/** An operation of a strength from 0 to 1, to either side where it has two, on images of a side. */
type Strong = (strength: number, sign: 1 | -1, side: number) => Operation;

const BLACK = [0, 0, 0] as const;
/** The mean colour of ImageNet. */
const MEAN = [124, 116, 104] as const;

/** Strengths that TrivialAugment tells apart. */
const LEVELS = 31;

/** The wide space of TrivialAugment. Source: Müller and Hutter 2021, table 1. */
export const WIDE: readonly Strong[] = [
  () => operations.identity,
  (strength, sign) => operations.shearX(sign * 0.99 * strength, BLACK),
  (strength, sign) => operations.shearY(sign * 0.99 * strength, BLACK),
  (strength, sign) => operations.translateX(sign * 32 * strength, BLACK),
  (strength, sign) => operations.translateY(sign * 32 * strength, BLACK),
  (strength, sign) => operations.rotate(sign * 135 * strength, BLACK),
  (strength, sign) => operations.brightness(1 + sign * 0.99 * strength),
  (strength, sign) => operations.colour(1 + sign * 0.99 * strength),
  (strength, sign) => operations.contrast(1 + sign * 0.99 * strength),
  (strength, sign) => operations.sharpness(1 + sign * 0.99 * strength),
  (strength) => operations.posterize(8 - Math.round(6 * strength)),
  (strength) => operations.solarize(256 * (1 - strength)),
  () => operations.autoContrast,
  () => operations.equalize,
];

/** The space of RandAugment, in which all grows with the strength. Source: Cubuk et al. 2020, as DeiT has it. */
export const INCREASING: readonly Strong[] = [
  () => operations.autoContrast,
  () => operations.equalize,
  () => operations.invert,
  (strength, sign) => operations.rotate(sign * 30 * strength, MEAN),
  (strength) => operations.posterize(4 - Math.floor(4 * strength)),
  (strength) => operations.solarize(256 * (1 - strength)),
  (strength) => operations.solarizeAdd(Math.floor(110 * strength)),
  (strength, sign) => operations.colour(1 + sign * 0.9 * strength),
  (strength, sign) => operations.contrast(1 + sign * 0.9 * strength),
  (strength, sign) => operations.brightness(1 + sign * 0.9 * strength),
  (strength, sign) => operations.sharpness(1 + sign * 0.9 * strength),
  (strength, sign) => operations.shearX(sign * 0.3 * strength, MEAN),
  (strength, sign) => operations.shearY(sign * 0.3 * strength, MEAN),
  (strength, sign, side) => operations.translateX(sign * 0.45 * side * strength, MEAN),
  (strength, sign, side) => operations.translateY(sign * 0.45 * side * strength, MEAN),
];

function uniforms(key: RandomKey, count: number): Float64Array {
  const u = new Float64Array(count);
  fillUniform(key, u);
  return u;
}

function choiceOf<T>(all: readonly T[], uniform: number): T {
  return all[Math.floor(uniform * all.length)];
}

/** One operation, all equally likely, of one of 31 equally likely strengths. */
export function drawTrivial(key: RandomKey, side: number): Operation {
  const [which, level, sign] = uniforms(key, 3);
  const strength = Math.floor(level * LEVELS) / (LEVELS - 1);
  return choiceOf(WIDE, which)(strength, sign < 0.5 ? 1 : -1, side);
}

/** Several in a row, all equally likely each time, of a normal strength that is cut off at 0 and 10. */
export function drawRandAugment(
  key: RandomKey,
  side: number,
  { operations: count, probability, magnitude, deviation }: RandAugment,
): Operation {
  const chosen = Array.from({ length: count }, (_, k) => {
    const own = foldIn(key, k);
    const [which, whether, sign] = uniforms(foldIn(own, 0), 3);
    if (whether >= probability) return operations.identity;
    const normal = new Float64Array(1);
    fillNormal(foldIn(own, 1), normal);
    const strength = Math.min(Math.max((magnitude + deviation * normal[0]) / 10, 0), 1);
    return choiceOf(INCREASING, which)(strength, sign < 0.5 ? 1 : -1, side);
  });
  return (image) => chosen.reduce((changed, operation) => operation(changed, side), image);
}
