// How the paper trains on ImageNet.

import type { RandAugment } from './automatic.js';

/** What is done to images and networks in training, and what is judged. Source: the paper's Table VII. */
export interface Recipe {
  /** Pixels a side of training images, and of those that are judged. */
  readonly side: number;
  readonly testSide: number;
  /** Pixels of the shorter side that the middle is taken of for judging. */
  readonly resize: number;
  /** How often in a row an image comes in an epoch, each time augmented anew. */
  readonly repeats: number;
  /** 'trivial': one random operation of random strength. */
  readonly automatic: 'trivial' | RandAugment;
  /** α of the Beta distributions that λ is of; a batch has one or the other. */
  readonly mixup: number;
  readonly cutmix: number;
  /** The probability that a box of an image is erased. */
  readonly erasing: number;
  /** ε of label smoothing. */
  readonly smoothing: number;
  /** The probability that the last block of a transformer is left out; from 0 at the first it rises linearly. */
  readonly stochasticDepth: number;
}

const SHARED = { testSide: 224, resize: 256, cutmix: 1, smoothing: 0.1 } as const;

/** Of residual networks, which repeat images as the common implementation does. */
export const RESNET: Recipe = {
  ...SHARED,
  side: 176,
  repeats: 4,
  automatic: 'trivial',
  mixup: 0.2,
  erasing: 0.1,
  stochasticDepth: 0,
};

/** Of DeiT, which repeats images as often as its authors do. */
export const DEIT: Recipe = {
  ...SHARED,
  side: 224,
  repeats: 3,
  automatic: { operations: 2, probability: 0.5, magnitude: 9, deviation: 0.5 },
  mixup: 0.8,
  erasing: 0.25,
  stochasticDepth: 0.2,
};
