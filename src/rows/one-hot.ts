// Rows of an embedding: each is one row of I, so they are indices, and their moments are counts.

import { type Backend, type Slot, upload } from '../backend/backend.js';
import { checkInteger, checkType, isObject } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { DenseMatrix, zeros } from '../core/matrix.js';
import type { SketchOf } from '../kernels/kernels.js';
import { addNumber, copyOfWeights, filled } from './dense.js';
import type { Rows } from './rows.js';

/** How {@link oneHotRows} reads its indices. */
export interface OneHotRowsOptions {
  /** p, the number of words: indices are 0 … p − 1. */
  readonly cols: number;
  /** One weight ≥ 0 a row; a mask of zeros and ones leaves rows out. */
  readonly weights?: ArrayLike<number> | undefined;
}

/**
 * The rows of an embedding that looked up `indices`: row i is row indices[i] of the p×p identity. Their
 * second moment is diagonal, with Σ wᵢ over the rows of each word on it.
 *
 * Cost: O(m + p); a moment costs what its slot holds.
 *
 * @throws RangeError where an index is no integer of 0 … p − 1, there is none, or the weights do not
 *   fit; TypeError where indices or weights are no list.
 */
export function oneHotRows<D extends DType>(
  backend: Backend<D>,
  indices: ArrayLike<number>,
  options: OneHotRowsOptions,
): Rows<D> {
  const where = 'oneHotRows';
  checkType(where, 'options', options, isObject(options), 'an object');
  const { cols, weights } = options;
  checkList(where, 'indices', indices);
  checkInteger(where, 'cols', cols, 1);
  checkInteger(where, 'the number of indices', indices.length, 1);
  const { length: rows } = indices;
  const w = copyOfWeights(where, { dtype: backend.dtype, rows }, weights);
  const counts = new Float64Array(cols);
  let count = 0;
  for (let i = 0; i < rows; i++) {
    checkInteger(where, `indices[${i}]`, indices[i], 0, cols - 1);
    const weight = w?.[i] ?? 1;
    counts[indices[i]] += weight;
    count += weight;
  }
  return new OneHotRows(backend, Int32Array.from(indices), counts, { rows, count, weights: w });
}

class OneHotRows<D extends DType> implements Rows<D> {
  readonly backend: Backend<D>;
  readonly rows: number;
  readonly cols: number;
  readonly count: number;
  readonly weights: ArrayLike<number> | undefined;
  readonly #indices: Int32Array;
  /** The weights of each word's rows, the diagonal of XᵀX. */
  readonly #counts: Float64Array;

  constructor(
    backend: Backend<D>,
    indices: Int32Array,
    counts: Float64Array,
    parts: Pick<Rows, 'rows' | 'count' | 'weights'>,
  ) {
    this.backend = backend;
    this.rows = parts.rows;
    this.cols = counts.length;
    this.count = parts.count;
    this.weights = parts.weights;
    this.#indices = indices;
    this.#counts = counts;
  }

  bound(): number {
    return this.count;
  }

  /** Cost: p² numbers are written. */
  secondMoment(weight: number, decay: number, A: Slot<D>): void {
    const diagonal = zeros(this.backend.dtype, this.cols, this.cols);
    this.#counts.forEach((count, i) => {
      diagonal.set(i, i, count);
    });
    this.#add(diagonal, weight, decay, A);
  }

  /** diag(counts)·S, the rows of S times numbers. */
  sketchMoment(S: SketchOf<Slot<D>>, weight: number, decay: number, C: Slot<D>): void {
    const { backend, cols } = this;
    if (S.kind === 'columns') {
      const picked = zeros(backend.dtype, cols, S.indices.length);
      S.indices.forEach((i, j) => {
        picked.set(i, j, this.#counts[i]);
      });
      this.#add(picked, weight, decay, C);
      return;
    }
    backend.borrow((take) => {
      const [counts, ones, spread] = [take(cols, 1), take(1, C.cols), take(cols, C.cols)];
      backend.write(counts, columnOf(backend.dtype, this.#counts));
      backend.write(ones, row(filled(backend.dtype, C.cols, () => 1)));
      backend.gemm(1, counts, 'N', ones, 'N', 0, spread);
      backend.multiply(weight, spread, S.S, decay, C);
    });
  }

  sum(weight: number, decay: number, a: Slot<D>, first: number = this.rows): void {
    const counts = first === this.rows ? this.#counts : this.#countsOf(first);
    this.#add(row(columnOf(this.backend.dtype, counts)), weight, decay, a);
  }

  diagonal(weight: number, decay: number, a: Slot<D>): void {
    this.sum(weight, decay, a);
  }

  squaredNorm(weight: number, decay: number, s: Slot<D>): void {
    addNumber(this.backend, weight * this.count, decay, s);
  }

  dispose(): void {
    // The counts are the host's.
  }

  /** The weights of each word's rows among the `first` so many. */
  #countsOf(first: number): Float64Array {
    const counts = new Float64Array(this.cols);
    for (let i = 0; i < first; i++) counts[this.#indices[i]] += this.weights?.[i] ?? 1;
    return counts;
  }

  #add(value: DenseMatrix<D>, weight: number, decay: number, slot: Slot<D>): void {
    const A = upload(this.backend, value);
    this.backend.axpby(weight, A, decay, slot);
    this.backend.free(A);
  }
}

function columnOf<D extends DType>(dtype: D, values: Float64Array): DenseMatrix<D> {
  return filled(dtype, values.length, (i) => values[i]);
}

/** A column as a row of the same memory. */
function row<D extends DType>(a: DenseMatrix<D>): DenseMatrix<D> {
  return new DenseMatrix(a.dtype, 1, a.rows, a.data);
}

function checkList(where: string, name: string, list: unknown): void {
  const listed = isObject(list) && 'length' in list;
  checkType(where, name, list, listed, 'an array of numbers');
}
