// How much is done, and in which rhythm: the same for every task.

import { paperSettings } from '../../src/optimize/paper-settings.js';

/** How much is done. */
export interface Scope {
  readonly name: 'full' | 'quick';
  readonly images: { readonly train: number; readonly validation: number; readonly test: number };
  readonly epochs: number;
  /** Steps from one validation to the next. */
  readonly validateEvery: number;
  /** Training images behind the second moments that are approximated. */
  readonly rows: number;
  readonly ranks: readonly number[];
  /** Sketches drawn for each median error. */
  readonly sketches: number;
}

export const scopes: { readonly [name in Scope['name']]: Scope } = {
  full: {
    name: 'full',
    images: { train: 19_200, validation: 2_000, test: 10_000 },
    epochs: 2,
    validateEvery: 30,
    rows: 4_096,
    ranks: [2, 5, 10, 20, 50],
    sketches: 20,
  },
  quick: {
    name: 'quick',
    images: { train: 6_400, validation: 1_000, test: 2_000 },
    epochs: 1,
    validateEvery: 20,
    rows: 2_048,
    ranks: [5, 10, 20],
    sketches: 5,
  },
};

export const batchSize = 128;
/** Steps that an optimiser takes before the next one's turn. */
export const stepsPerTurn = 5;
/** Steps from one refresh to the next, a multiple of those in a turn. */
export const { refreshEvery } = paperSettings.nysact;
/** The rank of NysAct, and of the approximations that are drawn. */
export const { rank } = paperSettings.nysact;

/** Steps of every optimiser. */
export function stepsOf({ images, epochs }: Scope): number {
  return epochs * Math.floor(images.train / batchSize);
}
