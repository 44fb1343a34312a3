// A row for each example of a batch: the mean of those that it has.

import type { Slot } from '../backend/backend.js';
import type { DType } from '../core/dtype.js';
import { zeros } from '../core/matrix.js';
import type { Rows } from './rows.js';

/** Which rows make up the examples, and what each counts for. */
interface Grouping {
  /** The example of a row, or undefined where it is none's, or one's too many. */
  readonly exampleOf: (row: number) => number | undefined;
  /** What the row of X is multiplied by in the mean of its example. */
  readonly factorOf: (row: number) => number;
}

/**
 * Y ← factor·X̄: a row for each of the n first examples, the mean of the example's rows over √n, so that X̄ᵀX̄
 * is the second moment of these means. Y is as many rows as there are at most, and p columns; rows beyond n
 * become zeros, examples beyond the rows of Y are left out.
 *
 * Where m is a multiple of `examples`, an example is m/examples rows in succession, as the positions of a
 * convolution or the tokens of a sequence are. Else, and where rows are weighted, every row of weight > 0 is an
 * example of its own, of the share that its weight is of theirs.
 *
 * Cost: O(mp·Y.rows), and strips of rows.
 */
export function exampleMeans<D extends DType>(
  X: Rows<D>,
  examples: number,
  factor: number,
  Y: Slot<D>,
): void {
  const { backend } = X;
  const { exampleOf, factorOf } =
    X.weights === undefined ? evenly(X.rows, examples, Y.rows) : weighted(X.weights, Y.rows);
  let from = 0;
  let keep = 0;
  X.visit((strip) => {
    const means = zeros(backend.dtype, Y.rows, strip.rows);
    let isSeen = keep === 0;
    for (let i = 0; i < strip.rows; i++) {
      const example = exampleOf(from + i);
      if (example === undefined) continue;
      means.set(example, i, factorOf(from + i));
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

/** Rows in succession, as many to each example. */
function evenly(rows: number, examples: number, most: number): Grouping {
  const each = Number.isInteger(rows / examples) ? rows / examples : 1;
  const kept = Math.min(most, rows / each);
  const share = 1 / (each * Math.sqrt(kept));
  return {
    exampleOf: (row) => (row < kept * each ? Math.floor(row / each) : undefined),
    factorOf: () => share,
  };
}

/** Each row on its own: it holds √w·x, of which the share of w is taken. */
function weighted(weights: ArrayLike<number>, most: number): Grouping {
  const examples = new Map<number, number>();
  let total = 0;
  for (let row = 0; row < weights.length && examples.size < most; row++) {
    if (weights[row] === 0) continue;
    examples.set(row, examples.size);
    total += weights[row];
  }
  const share = 1 / Math.sqrt(total);
  return { exampleOf: (row) => examples.get(row), factorOf: () => share };
}
