// What of the suites runs in a browser: a software GPU takes longer to compile a kernel for a shape
// than to run it.

import type { Sizes } from '../backend/operation.js';
import { VARIANTS, type Variant } from '../precondition/variants.js';

/** Ragged and larger than a workgroup, and without terms. The suites have small shapes of their own. */
export const SIZES: readonly Sizes[] = [
  { m: 19, p: 70, q: 37, r: 13 },
  { m: 0, p: 4, q: 3, r: 2 },
];

/**
 * Preconditioners by name, for their whole contract. All of them are compared with the CPU engine on
 * every device, and keep their contract on GPU.js's mode on the host.
 */
export function variants(...names: readonly string[]): readonly Variant[] {
  return VARIANTS.filter(({ name }) => names.includes(name));
}
