// What of the suites runs in a browser: a software GPU takes longer to compile a kernel for a shape
// than to run it.

import type { Sizes } from '../backend/operation.js';
import { VARIANTS, type Variant } from '../precondition/variants.js';

/** Tiny and ragged, larger than a workgroup on every side, and without elements or terms. */
export const SIZES: readonly Sizes[] = [
  { m: 5, p: 7, q: 3, r: 2 },
  { m: 19, p: 70, q: 37, r: 13 },
  { m: 0, p: 4, q: 3, r: 2 },
  { m: 4, p: 0, q: 3, r: 0 },
];

export const LARGEST_RANK_ONE = 2;

const NAMES = ['NysAct gaussian, restart', 'NysAct subcolumn, tail', 'FOOF', 'KFAC', 'Eva'];

/** One preconditioner for every way of computing; the others are compared with the CPU engine only. */
export const REPRESENTATIVES: readonly Variant[] = VARIANTS.filter(({ name }) =>
  NAMES.includes(name),
);
