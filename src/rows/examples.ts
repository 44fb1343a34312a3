// Which example of a batch each row is of: a number for each row, the same for those of one example.

import { isList } from '../core/check.js';
import { guarded, type Option } from '../core/options.js';
import { checkIndices } from '../kernels/indices.js';
import type { Rows } from './rows.js';

/** Numbers are of 32 bits. */
const MOST_EXAMPLES = 2 ** 31;

/** The option of examples: what they hold is checked by {@link copyOfExamples}. */
export const exampleList: Option<ArrayLike<number>> = /* @__PURE__ */ guarded(
  'an array of integers',
  isList,
);

/**
 * One number for each of `rows` rows, copied: the caller's may change.
 *
 * @throws RangeError where there are too few or too many, or one is no integer of 0 … 2³¹ − 1.
 */
export function copyOfExamples(
  where: string,
  rows: number,
  exampleOf: ArrayLike<number> | undefined,
): Int32Array | undefined {
  if (exampleOf === undefined) return undefined;
  if (exampleOf.length !== rows) {
    throw new RangeError(
      `${where}: exampleOf has ${exampleOf.length} elements, expected one for each of ${rows} rows`,
    );
  }
  checkIndices(where, (i) => `exampleOf[${i}]`, exampleOf, MOST_EXAMPLES);
  return new Int32Array(exampleOf);
}

/** Rows in succession, as many to each example: positions, or tokens, behind a first axis of examples. */
export function inSuccession(rows: number, examples: number): Int32Array {
  const exampleOf = new Int32Array(rows);
  const each = rows / examples;
  for (let i = 0; i < examples; i++) exampleOf.fill(i, i * each, (i + 1) * each);
  return exampleOf;
}

/**
 * The examples of all parts: what has the same number in the same batch is the same example. A part whose batch
 * is not told is a batch by itself, and in one that tells no examples each row is one. Of a single batch they keep
 * their numbers, which what they are joined with in turn may have too; of several they are numbered anew.
 */
export function joinedExamples(
  parts: readonly Pick<Rows, 'rows' | 'exampleOf'>[],
  batches: readonly unknown[] | undefined,
): Int32Array {
  const joined = new Int32Array(parts.reduce((sum, { rows }) => sum + rows, 0));
  const told = parts.map(({ exampleOf }) => exampleOf);
  const batchOf = parts.map((part, index) =>
    told[index] === undefined ? part : (batches?.[index] ?? part),
  );
  const isOne = new Set(batchOf).size === 1;
  const numbers = new Map<unknown, Map<number, number>>();
  let row = 0;
  let examples = 0;
  parts.forEach(({ rows }, index) => {
    const known = numbers.get(batchOf[index]) ?? new Map<number, number>();
    numbers.set(batchOf[index], known);
    for (let i = 0; i < rows; i++) {
      const own = told[index]?.[i] ?? i;
      const example = isOne ? own : (known.get(own) ?? examples++);
      known.set(own, example);
      joined[row++] = example;
    }
  });
  return joined;
}
