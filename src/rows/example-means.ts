// A row for each example of a batch: the mean of those that it has.

import type { Slot } from '../backend/backend.js';
import type { DType } from '../core/dtype.js';
import { zeros } from '../core/matrix.js';
import { inSuccession } from './examples.js';
import type { Rows } from './rows.js';

/** An example that has a row of means. */
interface Example {
  /** Its row. */
  readonly place: number;
  /** Σw over its rows. */
  total: number;
  /** The largest w of them. */
  largest: number;
}

/**
 * The example that each of the rows that entered a layer is of. Where they do not tell, the batch is of so
 * many examples and no row is weighted, it is m/examples rows in succession if that is a whole number: the
 * tokens of sequences of one length. Else every row is an example of its own.
 */
export function examplesOf(X: Rows, examples: number): ArrayLike<number> {
  if (X.exampleOf !== undefined) return X.exampleOf;
  const isEven = X.weights === undefined && Number.isInteger(X.rows / examples);
  return inSuccession(X.rows, isEven ? examples : X.rows);
}

/**
 * Y ← factor·X̄: a row √(s/Σs)·x̄ for each of the first examples, so that X̄ᵀX̄ is the second moment of their
 * means. x̄ = Σwᵢxᵢ/Σwᵢ is over the rows of the example, and its share s the largest of their weights: 1 where
 * none is weighted and for a sequence under a mask, whatever its length, and w for a row by itself.
 *
 * `exampleOf` has the example of each row of X. Those without a row of weight > 0 do not count. Y is as many
 * rows as there are at most, and p columns: examples beyond them are left out, and rows beyond the examples
 * become zeros.
 *
 * Cost: O(mp·Y.rows), and strips of rows.
 */
export function exampleMeans<D extends DType>(
  X: Rows<D>,
  exampleOf: ArrayLike<number>,
  factor: number,
  Y: Slot<D>,
): void {
  const { backend, weights } = X;
  const examples = firstExamples(X, exampleOf, Y.rows);
  let sum = 0;
  for (const { largest } of examples.values()) sum += largest;
  let from = 0;
  let keep = 0;
  X.visit((strip) => {
    const means = zeros(backend.dtype, Y.rows, strip.rows);
    let isSeen = keep === 0;
    for (let i = 0; i < strip.rows; i++) {
      const weight = weights?.[from + i] ?? 1;
      const example = examples.get(exampleOf[from + i]);
      if (weight === 0 || example === undefined) continue;
      const { place, total, largest } = example;
      // The row holds √w·x already.
      const share = Math.sqrt(weight / largest) / ((total / largest) * Math.sqrt(sum));
      means.set(place, i, share);
      isSeen = true;
    }
    from += strip.rows;
    if (!isSeen) return;
    backend.borrow((take) => {
      const E = take(means.rows, means.cols);
      backend.write(E, means);
      backend.gemm(factor, E, 'N', strip, 'N', keep, Y);
    });
    keep = 1;
  });
}

/** The first so many examples that count, by their numbers. */
function firstExamples(
  { rows, weights }: Rows,
  exampleOf: ArrayLike<number>,
  most: number,
): ReadonlyMap<number, Example> {
  const examples = new Map<number, Example>();
  for (let row = 0; row < rows; row++) {
    const weight = weights?.[row] ?? 1;
    if (weight === 0) continue;
    const known = examples.get(exampleOf[row]);
    if (known === undefined && examples.size === most) continue;
    const example = known ?? { place: examples.size, total: 0, largest: 0 };
    examples.set(exampleOf[row], example);
    example.total += weight;
    example.largest = Math.max(example.largest, weight);
  }
  return examples;
}
