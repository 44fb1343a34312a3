// Rows of an embedding: each is one row of I, so they are indices, and their moments are counts.

import { type Backend, checkBackend, place, type Slot } from '../backend/backend.js';
import { checkFunction, checkInteger, checkType, isList } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { DenseMatrix, zeros } from '../core/matrix.js';
import { integer, type OptionsOf, optionList } from '../core/options.js';
import { checkIndices } from '../kernels/indices.js';
import type { SketchOf } from '../kernels/kernels.js';
import { withDense } from '../sketch/sketch.js';
import { addNumber, filled } from './dense.js';
import { copyOfExamples, exampleList } from './examples.js';
import { checkFirst, checkOwned, checkSides, type Rows } from './rows.js';
import { copyOfWeights, countOf, weightList } from './weights.js';

/** Words are told apart by 32-bit indices. */
const MOST_WORDS = 2 ** 31 - 1;

/** Elements of rows that exist at a time where they are shown. */
const STRIP = 2 ** 22;

/** The options of {@link oneHotRows}. */
const ONE_HOT_OPTIONS = /* @__PURE__ */ optionList({
  /** The number of words p: indices are 0 … p − 1. */
  cols: /* @__PURE__ */ integer(1, MOST_WORDS),
  /** One weight ≥ 0 a row; a mask of zeros and ones leaves rows out. */
  weights: weightList,
  /** The example that each row is of: a number, the same for all rows of an example. */
  exampleOf: exampleList,
});

/** How {@link oneHotRows} reads its indices. @interface */
export type OneHotRowsOptions = OptionsOf<typeof ONE_HOT_OPTIONS> & { readonly cols: number };

/**
 * The rows of an embedding that looked up `indices`: row i is row indices[i] of the p×p identity. Their
 * second moment is diagonal, with Σ wᵢ over the rows of each word on it.
 *
 * A row of weight 0 is left out, but its index must be one all the same. Cost: O(m + p); a moment costs
 * what its slot holds.
 *
 * @throws RangeError where an index is no integer of 0 … p − 1, there is none, the weights or the numbers
 *   of examples do not fit, or an option is unknown; TypeError where indices, weights or these numbers are no
 *   list, or the backend is none.
 */
export function oneHotRows<D extends DType>(
  backend: Backend<D>,
  indices: ArrayLike<number>,
  options: OneHotRowsOptions,
): Rows<D> {
  const where = 'oneHotRows';
  checkBackend(where, backend);
  const { weights, exampleOf } = ONE_HOT_OPTIONS.read(where, options);
  const { cols } = options;
  checkType(where, 'indices', indices, isList(indices), 'an array of numbers');
  checkInteger(where, 'cols', cols, 1);
  checkInteger(where, 'the number of indices', indices.length, 1);
  const { length: rows } = indices;
  const w = copyOfWeights(where, backend.dtype, rows, weights);
  const examples = copyOfExamples(where, rows, exampleOf);
  checkIndices(where, (i) => `indices[${i}]`, indices, cols);
  const own = Int32Array.from(indices);
  return new OneHotRows(backend, own, {
    rows,
    cols,
    count: countOf(rows, w),
    weights: w,
    exampleOf: examples,
  });
}

interface OneHotRowsParts {
  readonly rows: number;
  readonly cols: number;
  readonly count: number;
  readonly weights: Float64Array | undefined;
  readonly exampleOf: Int32Array | undefined;
}

class OneHotRows<D extends DType> implements Rows<D> {
  readonly backend: Backend<D>;
  readonly rows: number;
  readonly cols: number;
  readonly count: number;
  readonly weights: Float64Array | undefined;
  readonly exampleOf: Int32Array | undefined;
  readonly #indices: Int32Array;
  /** The weights of each word's rows, the diagonal of XᵀX. */
  readonly #counts: Float64Array;

  constructor(backend: Backend<D>, indices: Int32Array, parts: OneHotRowsParts) {
    this.backend = backend;
    this.rows = parts.rows;
    this.cols = parts.cols;
    this.count = parts.count;
    this.weights = parts.weights;
    this.exampleOf = parts.exampleOf;
    this.#indices = indices;
    this.#counts = this.#countWords(parts.rows);
  }

  bound(): number {
    return this.count;
  }

  /** Cost: p² numbers are written. */
  secondMoment(weight: number, decay: number, A: Slot<D>): void {
    const counts = this.#counts;
    const diagonal = zeros(this.backend.dtype, this.cols, this.cols);
    for (let i = 0; i < this.cols; i++) diagonal.set(i, i, counts[i]);
    this.#add(diagonal, weight, decay, A);
  }

  /** diag(counts)·S, the rows of S times numbers. */
  sketchMoment(sketch: SketchOf<Slot<D>>, weight: number, decay: number, C: Slot<D>): void {
    const where = 'sketchMoment';
    const { backend, cols } = this;
    const counts = this.#counts;
    withDense(where, backend, sketch, cols, (S) => {
      checkOwned(where, 'S', backend, S);
      backend.borrow((take) => {
        const [column, ones, spread] = [take(cols, 1), take(1, S.cols), take(cols, S.cols)];
        backend.write(
          column,
          filled(backend.dtype, cols, (i) => counts[i]),
        );
        backend.write(ones, rowOf(filled(backend.dtype, S.cols, () => 1)));
        backend.gemm(1, column, 'N', ones, 'N', 0, spread);
        backend.multiply(weight, spread, S, decay, C);
      });
    });
  }

  sum(weight: number, decay: number, a: Slot<D>, first: number = this.rows): void {
    checkFirst('sum', first, this.rows);
    const counts = first === this.rows ? this.#counts : this.#countWords(first);
    this.#add(rowOf(filled(this.backend.dtype, this.cols, (i) => counts[i])), weight, decay, a);
  }

  /** xᵢ∘xᵢ = xᵢ. */
  diagonal(weight: number, decay: number, a: Slot<D>): void {
    this.sum(weight, decay, a);
  }

  squaredNorm(weight: number, decay: number, s: Slot<D>): void {
    addNumber(this.backend, this.count, weight, decay, s);
  }

  /** Summed word by word, so that only words that came cost products. */
  squares(T: Slot<D>, weight: number, decay: number, Y: Slot<D>): void {
    checkSides(this, T);
    const { backend, rows, cols } = this;
    const places = new Map<number, number>();
    for (const word of this.#indices) if (!places.has(word)) places.set(word, places.size);
    // One column more, of zeros, is that of the words that did not come.
    const own = zeros(backend.dtype, rows, places.size + 1);
    this.#indices.forEach((word, i) => {
      own.set(i, places.get(word) ?? 0, this.weights?.[i] ?? 1);
    });
    const columns = Int32Array.from({ length: cols }, (_, j) => places.get(j) ?? places.size);
    backend.borrow((take) => {
      const [words, sums, spread] = [
        take(rows, own.cols),
        take(T.rows, own.cols),
        take(T.rows, cols),
      ];
      backend.write(words, own);
      backend.gemm(1, T, 'N', words, 'N', 0, sums);
      backend.gatherColumns(sums, columns, spread);
      backend.axpby(weight, spread, decay, Y);
    });
  }

  visit(see: (strip: Slot<D>) => void): void {
    checkFunction('visit', 'see', see);
    const { backend, rows, cols } = this;
    const step = Math.max(1, Math.floor(STRIP / cols));
    for (let from = 0; from < rows; from += step) {
      const own = zeros(backend.dtype, Math.min(step, rows - from), cols);
      for (let i = 0; i < own.rows; i++) {
        own.set(i, this.#indices[from + i], Math.sqrt(this.weights?.[from + i] ?? 1));
      }
      const strip = place(backend, own);
      try {
        see(strip);
      } finally {
        backend.free(strip);
      }
    }
  }

  dispose(): void {
    // The counts are the host's.
  }

  /** The weights of each word among the `first` so many rows. */
  #countWords(first: number): Float64Array {
    const { weights } = this;
    // Of zeros(), which names what there is no memory for.
    const counts = zeros('float64', 1, this.cols).data;
    for (let i = 0; i < first; i++) counts[this.#indices[i]] += weights?.[i] ?? 1;
    return counts;
  }

  #add(value: DenseMatrix<D>, weight: number, decay: number, slot: Slot<D>): void {
    const A = place(this.backend, value);
    try {
      this.backend.axpby(weight, A, decay, slot);
    } finally {
      this.backend.free(A);
    }
  }
}

/** A column as a row of the same memory. */
function rowOf<D extends DType>(a: DenseMatrix<D>): DenseMatrix<D> {
  return new DenseMatrix(a.dtype, 1, a.rows, a.data);
}
