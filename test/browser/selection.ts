// Shapes of the suites that run in a browser: a software GPU takes longer to compile a kernel for a
// shape than to run it.

import type { Sizes } from '../backend/operation.js';

/** Ragged and larger than a workgroup, and without terms. The suites have small shapes of their own. */
export const SIZES: readonly Sizes[] = [
  { m: 19, p: 70, q: 37, r: 13 },
  { m: 0, p: 4, q: 3, r: 2 },
];
