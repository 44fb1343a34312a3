// Preconditioners whose suites run in a browser.

import { VARIANTS, type Variant } from '../precondition/variants.js';

/**
 * Preconditioners by name, for their whole contract. All of them are compared with the CPU backend on
 * every device, and keep their contract on GPU.js's mode on the host.
 */
export function variants(...names: readonly string[]): readonly Variant[] {
  return VARIANTS.filter(({ name }) => names.includes(name));
}
