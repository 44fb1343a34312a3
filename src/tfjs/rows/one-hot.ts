// Rows of an embedding whose indices are a tensor: they are counted where they are, and never read.

import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { Slot } from '../../backend/backend.js';
import { checkFunction } from '../../core/check.js';
import type { SketchOf } from '../../kernels/kernels.js';
import { inSuccession } from '../../rows/examples.js';
import { checkFirst, checkSides, type Rows } from '../../rows/rows.js';
import { withDense } from '../../sketch/sketch.js';
import type { TfjsBackend } from '../backend.js';
import type { TensorFlowCore } from '../tensorflow.js';
import { addTensor, seeTensor } from './add-tensor.js';
import type { RowsHost } from './host.js';

type F32 = 'float32';

/** Elements of rows that exist at a time where they are shown. */
const STRIP = 2 ** 22;

/**
 * The rows of an embedding of `cols` words that looked up `indices`, a tensor of any rank that stays the
 * caller's: each is a row of I. Numbers of float32 are rounded towards 0, as TensorFlow.js does. The first axis
 * is that of examples, unless `exampleOf` has the example of each index.
 *
 * TensorFlow.js refuses an index that is no word where it can look, on its cpu and wasm backends. Elsewhere
 * such a row is one of zeros.
 *
 * Cost of a moment: O(m), and what its slot holds. A sum over words is a `scatterND`, which every backend
 * of TensorFlow.js has; on webgl it is m·p comparisons in parallel.
 */
export function tensorOneHotRows(
  host: RowsHost,
  indices: Tensor,
  cols: number,
  exampleOf: Int32Array = inSuccession(indices.size, indices.shape[0]),
): Rows<F32> {
  return new TensorOneHotRows(host, indices, cols, exampleOf);
}

class TensorOneHotRows implements Rows<F32> {
  readonly backend: TfjsBackend;
  readonly rows: number;
  readonly cols: number;
  readonly count: number;
  readonly weights: undefined;
  readonly exampleOf: Int32Array;
  readonly #tf: TensorFlowCore;
  readonly #indices: Tensor1D;

  constructor({ tf, backend }: RowsHost, indices: Tensor, cols: number, exampleOf: Int32Array) {
    this.backend = backend;
    this.rows = indices.size;
    this.cols = cols;
    this.count = indices.size;
    this.exampleOf = exampleOf;
    this.#tf = tf;
    this.#indices = tf.keep(
      tf.tidy(() => tf.cast(tf.reshape<Tensor1D['rankType']>(indices, [indices.size]), 'int32')),
    );
  }

  /** No row is longer than 1. */
  bound(): number {
    return this.count;
  }

  /** Cost: p² numbers are written. */
  secondMoment(weight: number, decay: number, A: Slot<F32>): void {
    const { cols } = this;
    this.#add(
      () =>
        this.#tf.reshape(
          this.#scattered((words) => [words, words], [cols, cols]),
          [cols, cols],
        ),
      weight,
      decay,
      A,
    );
  }

  /** diag(counts)·S. */
  sketchMoment(sketch: SketchOf<Slot<F32>>, weight: number, decay: number, C: Slot<F32>): void {
    const { backend, cols } = this;
    withDense('sketchMoment', backend, sketch, cols, (S) => {
      const columns = backend.tensorOf(S, 'rows');
      try {
        this.#add(() => this.#tf.mul(this.#counts([cols, 1]), columns), weight, decay, C);
      } finally {
        columns.dispose();
      }
    });
  }

  sum(weight: number, decay: number, a: Slot<F32>, first: number = this.rows): void {
    checkFirst('sum', first, this.rows);
    this.#add(() => this.#counts([1, this.cols], first), weight, decay, a);
  }

  /** x∘x = x. */
  diagonal(weight: number, decay: number, a: Slot<F32>): void {
    this.sum(weight, decay, a);
  }

  squaredNorm(weight: number, decay: number, s: Slot<F32>): void {
    const tf = this.#tf;
    this.#add(
      () => tf.reshape(tf.sum(tf.cast(this.#areWords(this.#indices), 'float32')), [1, 1]),
      weight,
      decay,
      s,
    );
  }

  squares(T: Slot<F32>, weight: number, decay: number, Y: Slot<F32>): void {
    checkSides(this, T);
    const tf = this.#tf;
    const columns = this.backend.tensorOf(T, 'rows');
    try {
      this.#add(
        () => {
          const areWords = this.#areWords(this.#indices);
          const words = tf.mul<Tensor1D>(this.#indices, tf.cast(areWords, 'int32'));
          const rows = tf.mul(
            tf.transpose(columns),
            tf.reshape(tf.cast(areWords, 'float32'), [-1, 1]),
          );
          const shape: Tensor2D['shape'] = [this.cols, T.rows];
          const sums = tf.scatterND(tf.reshape(words, [-1, 1]), rows, shape);
          return tf.transpose(tf.reshape(sums, shape));
        },
        weight,
        decay,
        Y,
      );
    } finally {
      columns.dispose();
    }
  }

  visit(see: (strip: Slot<F32>) => void): void {
    checkFunction('visit', 'see', see);
    const tf = this.#tf;
    const step = Math.max(1, Math.floor(STRIP / this.cols));
    const each = Int32Array.from({ length: this.cols }, (_, word) => word);
    for (let from = 0; from < this.rows; from += step) {
      const ones = tf.tidy(() => {
        const words = tf.slice(this.#indices, [from], [Math.min(step, this.rows - from)]);
        const column = tf.reshape(words, [-1, 1]);
        const all = tf.reshape(tf.tensor1d(each, 'int32'), [1, -1]);
        const areThese = tf.logicalAnd(tf.lessEqual(column, all), tf.greaterEqual(column, all));
        // Times 1: what is cast from booleans may keep their bytes.
        return tf.mul(tf.cast(areThese, 'float32'), 1);
      });
      seeTensor(this.backend, ones, see);
    }
  }

  dispose(): void {
    this.#indices.dispose();
  }

  #add(moment: () => Tensor2D, weight: number, decay: number, slot: Slot<F32>): void {
    addTensor(this.backend, this.#tf.tidy(moment), weight, decay, slot);
  }

  /** How often each word came among the `first` so many rows. */
  #counts(shape: [number, number], first?: number): Tensor2D {
    const counts = this.#scattered((words) => [words], [this.cols], first);
    return this.#tf.reshape(counts, shape);
  }

  /** Zeros, with 1 added at the place of each of the `first` so many words. */
  #scattered(
    place: (words: Tensor1D) => Tensor1D[],
    shape: number[],
    first: number = this.rows,
  ): Tensor {
    const tf = this.#tf;
    const indices = tf.slice(this.#indices, [0], [first]);
    const areWords = this.#areWords(indices);
    // What is no word adds 0 to the first one: a kernel may write wherever an index points.
    const words = tf.mul<Tensor1D>(indices, tf.cast(areWords, 'int32'));
    return tf.scatterND(tf.stack(place(words), 1), tf.cast(areWords, 'float32'), shape);
  }

  #areWords(indices: Tensor1D): Tensor1D {
    const tf = this.#tf;
    return tf.logicalAnd(tf.greaterEqual(indices, 0), tf.less(indices, this.cols));
  }
}
