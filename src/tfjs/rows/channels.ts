// Rows of the gradients of a depthwise convolution: none meets another channel than its own.

import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { Slot } from '../../backend/backend.js';
import { checkFunction } from '../../core/check.js';
import type { SketchOf } from '../../kernels/kernels.js';
import { checkFirst, checkSides, type Rows } from '../../rows/rows.js';
import { withDense } from '../../sketch/sketch.js';
import type { TfjsBackend } from '../backend.js';
import type { TensorFlowCore } from '../tensorflow.js';
import { addTensor, seeTensor } from './add-tensor.js';
import type { RowsHost } from './host.js';

type F32 = 'float32';

/**
 * What came back to the outputs of a depthwise convolution, [batch, rows, columns, C·m] with the m outputs
 * of each of C channels side by side, as a row of each example, channel and position: with its numbers in
 * the columns of its channel, and 0 in the others. The tensor stays the caller's.
 *
 * The matrix, which is C times as large as the tensor, is never made: its second moment has a block of m×m
 * a channel, and is 0 elsewhere. Cost of a moment: m times the elements of the tensor, and its slot.
 */
export function tensorChannelRows(host: RowsHost, gradients: Tensor, channels: number): Rows<F32> {
  return new TensorChannelRows(host, gradients, channels);
}

class TensorChannelRows implements Rows<F32> {
  readonly backend: TfjsBackend;
  readonly rows: number;
  readonly cols: number;
  readonly count: number;
  readonly weights: undefined;
  readonly #tf: TensorFlowCore;
  /** [batch, C, positions, m]. */
  readonly #gradients: Tensor4D;

  constructor({ tf, backend }: RowsHost, gradients: Tensor, channels: number) {
    const [batch, height, width, outputs] = gradients.shape;
    const multiplier = outputs / channels;
    this.backend = backend;
    this.rows = batch * channels * height * width;
    this.cols = outputs;
    this.count = this.rows;
    this.#tf = tf;
    this.#gradients = tf.keep(
      tf.tidy(() => {
        const apart: [number, number, number, number] = [
          batch,
          height * width,
          channels,
          multiplier,
        ];
        return tf.transpose(tf.reshape<Tensor4D['rankType']>(gradients, apart), [0, 2, 1, 3]);
      }),
    );
  }

  bound(): number | undefined {
    const { backend } = this;
    if (backend.bound === undefined) return undefined;
    const own = backend.adopt(this.#gradients, 'rows');
    try {
      return this.#gradients.size * backend.bound(own) ** 2;
    } finally {
      backend.free(own);
    }
  }

  secondMoment(weight: number, decay: number, A: Slot<F32>): void {
    const tf = this.#tf;
    const { cols } = this;
    const [, channels, , multiplier] = this.#gradients.shape;
    this.#add(
      () => {
        const blocks = tf.reshape(this.#moments(), [channels, multiplier, 1, multiplier]);
        const same = tf.reshape(tf.eye(channels), [channels, 1, channels, 1]);
        return tf.reshape(tf.mul(blocks, same), [cols, cols]);
      },
      weight,
      decay,
      A,
    );
  }

  sketchMoment(sketch: SketchOf<Slot<F32>>, weight: number, decay: number, C: Slot<F32>): void {
    const tf = this.#tf;
    const { backend, cols } = this;
    const [, channels, , multiplier] = this.#gradients.shape;
    withDense('sketchMoment', backend, sketch, cols, (S) => {
      const columns = backend.tensorOf(S, 'rows');
      const r = S.cols;
      try {
        this.#add(
          () => {
            const blocks = tf.reshape(this.#moments(), [channels, multiplier, multiplier, 1]);
            const own = tf.reshape(columns, [channels, 1, multiplier, r]);
            return tf.reshape(tf.sum(tf.mul(blocks, own), 2), [cols, r]);
          },
          weight,
          decay,
          C,
        );
      } finally {
        columns.dispose();
      }
    });
  }

  sum(weight: number, decay: number, a: Slot<F32>, first: number = this.rows): void {
    checkFirst('sum', first, this.rows);
    const tf = this.#tf;
    const { shape } = this.#gradients;
    const [, , , multiplier] = shape;
    this.#add(
      () => {
        if (first === this.rows) return this.#summed(this.#gradients);
        const rows = tf.reshape<Tensor2D['rankType']>(this.#gradients, [-1, multiplier]);
        const own = tf.slice(rows, [0, 0], [first, multiplier]);
        const zeros: [number, number] = [0, this.rows - first];
        return this.#summed(tf.reshape(tf.pad(own, [zeros, [0, 0]]), shape));
      },
      weight,
      decay,
      a,
    );
  }

  diagonal(weight: number, decay: number, a: Slot<F32>): void {
    this.#add(() => this.#summed(this.#tf.square(this.#gradients)), weight, decay, a);
  }

  squaredNorm(weight: number, decay: number, s: Slot<F32>): void {
    const tf = this.#tf;
    this.#add(() => tf.reshape(tf.sum(tf.square(this.#gradients)), [1, 1]), weight, decay, s);
  }

  squares(T: Slot<F32>, weight: number, decay: number, Y: Slot<F32>): void {
    checkSides(this, T);
    const tf = this.#tf;
    const [batch, channels, positions, m] = this.#gradients.shape;
    const columns = this.backend.tensorOf(T, 'rows');
    const k = T.rows;
    /** [batch, C, positions, n] as [C, batch·positions, n]. */
    const byChannel = (tensor: Tensor, n: number) =>
      tf.reshape<Tensor3D['rankType']>(tf.transpose(tensor, [1, 0, 2, 3]), [
        channels,
        batch * positions,
        n,
      ]);
    try {
      this.#add(
        () => {
          const apart = tf.reshape(tf.transpose(columns), [batch, channels, positions, k]);
          const squares = byChannel(tf.square(this.#gradients), m);
          const sums = tf.matMul(byChannel(apart, k), squares, true);
          return tf.reshape(tf.transpose(sums, [1, 0, 2]), [k, this.cols]);
        },
        weight,
        decay,
        Y,
      );
    } finally {
      columns.dispose();
    }
  }

  /** The rows of an example at a time. */
  visit(see: (strip: Slot<F32>) => void): void {
    checkFunction('visit', 'see', see);
    const tf = this.#tf;
    const [batch, channels, positions, m] = this.#gradients.shape;
    for (let example = 0; example < batch; example++) {
      const strip = tf.tidy(() => {
        const own = tf.slice(this.#gradients, [example, 0, 0, 0], [1, channels, positions, m]);
        const blocks = tf.reshape(own, [channels, positions, 1, m]);
        const same = tf.reshape(tf.eye(channels), [channels, 1, channels, 1]);
        return tf.reshape(tf.mul(blocks, same), [channels * positions, this.cols]);
      });
      seeTensor(this.backend, strip, see);
    }
  }

  dispose(): void {
    this.#gradients.dispose();
  }

  #add(moment: () => Tensor2D, weight: number, decay: number, slot: Slot<F32>): void {
    addTensor(this.backend, this.#tf.tidy(moment), weight, decay, slot);
  }

  /** The sums over examples and positions of [batch, C, positions, m], as 1×Cm. */
  #summed(tensor: Tensor): Tensor2D {
    return this.#tf.reshape(this.#tf.sum(tensor, [0, 2]), [1, this.cols]);
  }

  /** The second moment of each channel, [C, m, m]. */
  #moments(): Tensor3D {
    const tf = this.#tf;
    const [batch, channels, positions, m] = this.#gradients.shape;
    const products = tf.mul(
      tf.reshape(this.#gradients, [this.rows, m, 1]),
      tf.reshape(this.#gradients, [this.rows, 1, m]),
    );
    const apart = tf.reshape(products, [batch, channels, positions, m * m]);
    return tf.reshape(tf.sum(apart, [0, 2]), [channels, m, m]);
  }
}
