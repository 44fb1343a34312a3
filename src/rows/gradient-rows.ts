// The rows of a gradient in the place of those that entered the layer.

import type { DType } from '../core/dtype.js';
import type { Seen, Statistic } from './accumulator.js';
import { slotRows } from './dense.js';

/** A batch whose X is the gradient G, q×p. */
export function gradientAsInputs<D extends DType>(seen: Seen<D>): Seen<D> {
  const { backend, G, examples, updates } = seen;
  return {
    backend,
    G,
    examples,
    updates,
    // They are never disposed of: the slot is another's.
    X: slotRows(backend, G),
    get D() {
      return seen.D;
    },
    get S() {
      return seen.S;
    },
  };
}

/** The same statistic of the rows of G, summed over them and averaged over batches: of GᵀG what it is of XᵀX. */
export function ofGradient<Name extends string>(statistic: Statistic<Name>): Statistic<Name> {
  return {
    ...statistic,
    per: 'batch',
    of: (seen, weight, keep, M) => statistic.of(gradientAsInputs(seen), weight, keep, M),
  };
}
