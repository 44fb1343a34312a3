// Rows one below the other: those of several uses of a layer, or of several batches.

import { checkArray, checkShape, checkType } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { array, type OptionsOf, optionList } from '../core/options.js';
import { joinedExamples } from './examples.js';
import { RowsInParts } from './parts.js';
import { isRows, type Rows } from './rows.js';

/** The options of {@link joinedRows}. */
const JOINED_OPTIONS = /* @__PURE__ */ optionList({
  /**
   * The batch that each part is of, as a number, a name or whatever else is one batch's alone (default: each
   * is of its own). Rows are of the same example where they have its number in the same batch.
   */
  batches: array,
});

/** How {@link joinedRows} tells examples. @interface */
export type JoinedRowsOptions = OptionsOf<typeof JOINED_OPTIONS>;

/**
 * All rows of `parts`, in their order, as those of one batch: a layer that is used several times saw the
 * rows of all its uses, and so did one whose gradient was accumulated over several batches.
 *
 * The parts belong to the whole from now on, and are freed with it. Nothing is copied: a moment is the sum
 * of theirs. Each row of a part that does not say which example it is of is one by itself. Cost: that of the
 * parts.
 *
 * @throws RangeError where there is no part, one comes twice, they differ in their number of columns, `batches`
 *   are fewer or more, or an option is unknown; TypeError where `parts` is no array of rows, they are of
 *   several backends, or `batches` is no array. They remain the caller's then.
 */
export function joinedRows<D extends DType>(
  parts: readonly Rows<D>[],
  options: JoinedRowsOptions = {},
): Rows<D> {
  const where = 'joinedRows';
  const { batches } = JOINED_OPTIONS.read(where, options);
  checkArray(where, 'parts', parts);
  if (parts.length === 0) throw new RangeError(`${where}: parts is empty, expected rows`);
  const [first] = parts;
  parts.forEach((part, i) => {
    const name = `parts[${i}]`;
    checkType(where, name, part, isRows(part), 'rows, as denseRows makes them');
    if (part.backend !== first.backend) {
      throw new TypeError(
        `${where}: ${name} belongs to another backend, expected that of parts[0]`,
      );
    }
    checkShape(where, name, part, part.rows, first.cols);
    const same = parts.indexOf(part);
    if (same < i) throw new RangeError(`${where}: ${name} is parts[${same}], expected other rows`);
  });
  if (batches !== undefined && batches.length !== parts.length) {
    throw new RangeError(
      `${where}: batches has ${batches.length} elements, expected one for each of ${parts.length} parts`,
    );
  }
  return parts.length === 1 ? first : new JoinedRows(parts, batches);
}

class JoinedRows<D extends DType> extends RowsInParts<D> {
  readonly backend: Rows<D>['backend'];
  readonly rows: number;
  readonly cols: number;
  readonly count: number;
  readonly weights: Float64Array | undefined;
  readonly #parts: readonly Rows<D>[];
  readonly #batches: readonly unknown[] | undefined;

  constructor(parts: readonly Rows<D>[], batches: readonly unknown[] | undefined) {
    super((visit) => {
      for (const part of parts) visit(part);
    });
    const [{ backend, cols }] = parts;
    this.backend = backend;
    this.rows = total(parts.map(({ rows }) => rows));
    this.cols = cols;
    this.count = total(parts.map(({ count }) => count));
    this.weights = joinedWeights(parts);
    this.#parts = parts;
    this.#batches = batches;
  }

  /** Told where it is asked for: few ask. */
  get exampleOf(): Int32Array {
    return joinedExamples(this.#parts, this.#batches);
  }

  bound(): number | undefined {
    let sum = 0;
    for (const part of this.#parts) {
      const bound = part.bound();
      if (bound === undefined) return undefined;
      sum += bound;
    }
    return sum;
  }

  dispose(): void {
    for (const part of this.#parts) part.dispose();
  }
}

/** The weights of all rows, where any of them are weighted. */
function joinedWeights(parts: readonly Rows[]): Float64Array | undefined {
  if (parts.every(({ weights }) => weights === undefined)) return undefined;
  return Float64Array.from(
    parts.flatMap(({ rows, weights }) => Array.from({ length: rows }, (_, i) => weights?.[i] ?? 1)),
  );
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
