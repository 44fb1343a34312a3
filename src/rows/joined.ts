// Rows one below the other: those of several uses of a layer, or of several batches.

import { checkArray, checkShape, checkType } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { RowsInParts } from './parts.js';
import { isRows, type Rows } from './rows.js';

/**
 * All rows of `parts`, in their order, as those of one batch: a layer that is used several times saw the
 * rows of all its uses, and so did one whose gradient was accumulated over several batches.
 *
 * The parts belong to the whole from now on, and are freed with it. Nothing is copied: a moment is the sum
 * of theirs. Cost: that of the parts.
 *
 * @throws RangeError where there is no part, one comes twice, or they differ in their number of columns;
 *   TypeError where `parts` is no array of rows, or they are of several backends. They remain the caller's
 *   then.
 */
export function joinedRows<D extends DType>(parts: readonly Rows<D>[]): Rows<D> {
  const where = 'joinedRows';
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
  return parts.length === 1 ? first : new JoinedRows(parts);
}

class JoinedRows<D extends DType> extends RowsInParts<D> {
  readonly backend: Rows<D>['backend'];
  readonly rows: number;
  readonly cols: number;
  readonly count: number;
  readonly weights: Float64Array | undefined;
  readonly #parts: readonly Rows<D>[];

  constructor(parts: readonly Rows<D>[]) {
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
