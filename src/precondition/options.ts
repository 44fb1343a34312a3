// Options that every method has, and guards of what a method puts back.

import type { Description } from '../backend/saved-state.js';
import type { RestoreGuard } from '../backend/state.js';
import { type DenseMatrix, largestMagnitude } from '../core/matrix.js';
import {
  type Entries,
  integer,
  type OptionList,
  type OptionsOf,
  optionList,
  unitInterval,
} from '../core/options.js';

/** The option of moving averages. */
export const DECAY = optionList({
  /** The decay β of the moving averages, in [0, 1]; 1 is the plain mean (default 0.95). */
  decay: unitInterval.default(0.95),
});

/** The option of what may break down. */
export const MAX_FAILURES = optionList({
  /** Breakdowns in a row that are survived before an error (default 5). */
  maxFailures: integer(1).default(5),
});

/** Options that every method with moving averages has. */
export const METHOD_OPTIONS = optionList({ ...DECAY.entries, ...MAX_FAILURES.entries });

/** A method's name and options, as the state of a run names them. */
export function describeMethod<E extends Entries>(
  method: string,
  list: OptionList<E>,
  settings: OptionsOf<OptionList<E>>,
): Description {
  const { values, omitted } = list.saved(settings);
  return {
    method,
    ...values,
    ...Object.fromEntries(omitted.map((name) => [name, 'a function'])),
  };
}

/** Restored matrices may be larger than their bound by rounding. */
const SLACK = 1 + 2 ** -10;

/** Guards matrices with no element larger than `limit`. */
export function elementsWithin(limit: number): RestoreGuard<DenseMatrix> {
  return (where, name, value) => {
    const largest = largestMagnitude(value);
    if (largest <= limit * SLACK) return;
    throw new RangeError(
      `${where}: ${name} holds an element of size ${largest}, expected at most ${limit}`,
    );
  };
}

/** Guards matrices without negative elements. */
export function checkNoNegative(where: string, name: string, value: DenseMatrix): void {
  for (let i = 0; i < value.rows; i++) {
    for (let j = 0; j < value.cols; j++) {
      if (value.at(i, j) >= 0) continue;
      throw new RangeError(
        `${where}: ${name} holds ${value.at(i, j)} at row ${i}, column ${j}, expected numbers >= 0`,
      );
    }
  }
}
