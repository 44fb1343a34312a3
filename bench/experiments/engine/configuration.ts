// What a run is: all that its result depends on.

import { createHash } from 'node:crypto';
import type { OptimizerName, Settings } from '../optimizers.js';
import type { Recipe } from './recipe.js';

/** Which images, and how many of each sample. */
export interface DataChoice {
  readonly name: string;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
}

/** One run: equal ones give equal bits. */
export interface Configuration {
  readonly network: string;
  readonly data: DataChoice;
  readonly optimizer: { readonly name: OptimizerName; readonly options: Settings };
  /** Chooses weights, order of images, augmentation and sketches; the samples are the same for all seeds. */
  readonly seed: number;
  readonly batch: number;
  /** Images of one forward pass, of which a step takes as many as its batch needs (default: the batch). */
  readonly pass?: number;
  /** Steps, over which the learning rate falls to 0 along a cosine. */
  readonly steps: number;
  /** Of these steps the first ones, over which the learning rate rises to where it falls from (default 0). */
  readonly warmUp?: number;
  /** How often validation images are looked at, evenly over the steps; the last time after the last step. */
  readonly validations: number;
  /** Whether it helps to choose settings, and looks at no test image (default: it does not). */
  readonly isTrial?: true;
  /** A recipe is for images in files; the others are for images that are held as bytes. */
  readonly augmentation: 'none' | 'crop and flip' | Recipe;
}

/** The same for equal configurations, whatever the order of their names; others have others. */
export function identify(configuration: object): string {
  const text = JSON.stringify(configuration, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
