// Rows of a convolution whose images are tensors: its sketch needs no patches.

import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Slot } from '../../backend/backend.js';
import type { SketchOf } from '../../kernels/kernels.js';
import { type Plan, visitsOf } from '../../rows/convolution.js';
import { inSuccession } from '../../rows/examples.js';
import { RowsInParts } from '../../rows/parts.js';
import type { Rows } from '../../rows/rows.js';
import { withDense } from '../../sketch/sketch.js';
import type { TfjsBackend } from '../backend.js';
import type { TensorFlowCore } from '../tensorflow.js';
import { addTensor } from './add-tensor.js';
import { filterGradient } from './filter-gradient.js';
import type { RowsHost } from './host.js';
import { positions } from './positions.js';

type F32 = 'float32';

/** Elements of patches, or of XS, that are made at a time; on their way they exist two or three times. */
const STRIP = 2 ** 22;

/** What {@link tensorPatchRows} is made of. */
export interface TensorPatches {
  /** [batch, rows, columns, channels], not padded. They belong to the rows from now on. */
  readonly images: Tensor4D;
  /** The convolution, channels last and in one group. */
  readonly plan: Plan;
  /** Whether a column of ones is appended. */
  readonly bias: boolean;
  /** How many examples the images are of, as many in succession each (default: each is one). */
  readonly examples?: number | undefined;
  /** Elements of patches, or of XS, that are made at a time, at least those of one example (default 2²²). */
  readonly strip?: number | undefined;
}

/**
 * The patches that a convolution's kernel sees, as rows of each example, output row and output column.
 * Columns run over (kernel row, kernel column, channel), as kernels of TensorFlow.js lie in memory.
 *
 * XS is a convolution with the columns of S as kernels, and Xᵀ(XS) the gradient of such kernels where XS
 * is what comes back: so a sketch costs two convolutions and no patch is made. All other moments are taken of
 * patches. Either goes strip by strip, of some examples each: where images have one channel and there are many,
 * XS is several times as large as they are.
 */
export function tensorPatchRows(host: RowsHost, patches: TensorPatches): Rows<F32> {
  return new TensorPatchRows(host, patches);
}

class TensorPatchRows extends RowsInParts<F32> {
  readonly backend: TfjsBackend;
  readonly rows: number;
  readonly cols: number;
  readonly count: number;
  readonly weights: undefined;
  readonly #tf: TensorFlowCore;
  readonly #patches: TensorPatches;

  constructor({ tf, backend }: RowsHost, patches: TensorPatches) {
    super((visit, first) => this.#visitStrips(visit, first));
    const { inputs, rows } = patches.plan.output;
    this.backend = backend;
    this.rows = rows;
    this.cols = patches.bias ? inputs + 1 : inputs;
    this.count = rows;
    this.#tf = tf;
    this.#patches = patches;
  }

  get exampleOf(): Int32Array {
    const { images, examples = images.shape[0] } = this.#patches;
    return inSuccession(this.rows, examples);
  }

  /** Every element of a patch is a pixel, or 0. */
  bound(): number | undefined {
    const { images, plan, bias } = this.#patches;
    const { backend } = this;
    if (backend.bound === undefined) return undefined;
    const pixels = backend.adopt(images, 'rows');
    try {
      const largest = backend.bound(pixels);
      return this.rows * plan.output.inputs * largest ** 2 + (bias ? this.count : 0);
    } finally {
      backend.free(pixels);
    }
  }

  override sketchMoment(
    sketch: SketchOf<Slot<F32>>,
    weight: number,
    decay: number,
    C: Slot<F32>,
  ): void {
    if (!this.#isConvolution()) {
      super.sketchMoment(sketch, weight, decay, C);
      return;
    }
    const { backend } = this;
    withDense('sketchMoment', backend, sketch, this.cols, (S) => {
      const columns = backend.tensorOf(S, 'rows');
      try {
        let keep = decay;
        for (const [from, count] of this.#strips(S.cols)) {
          const moment = this.#tf.tidy(() => this.#sketched(columns, from, count));
          addTensor(backend, moment, weight, keep, C);
          keep = 1;
        }
      } finally {
        columns.dispose();
      }
    });
  }

  /** A pixel counts as often as it is seen, which is one factor a row and one a column. */
  override squaredNorm(weight: number, decay: number, s: Slot<F32>): void {
    const tf = this.#tf;
    const { images, plan, bias } = this.#patches;
    const sum = tf.tidy(() => {
      const squares = tf.sum<Tensor2D>(tf.square(images), [0, 3]);
      const [rows, columns] = [plan.vertical, plan.horizontal].map((axis) =>
        tf.tensor1d(Float32Array.from(visitsOf(axis))),
      );
      const seen = tf.mul(tf.mul(squares, tf.reshape(rows, [-1, 1])), columns);
      const total = tf.reshape<Tensor2D['rankType']>(tf.sum(seen), [1, 1]);
      return bias ? tf.add<Tensor2D>(total, this.count) : total;
    });
    addTensor(this.backend, sum, weight, decay, s);
  }

  dispose(): void {
    this.#patches.images.dispose();
  }

  /** TensorFlow.js convolves with strides or with dilations, not with both. */
  #isConvolution(): boolean {
    const { vertical, horizontal } = this.#patches.plan;
    const strides = vertical.stride * horizontal.stride;
    return strides === 1 || vertical.dilation * horizontal.dilation === 1;
  }

  /** Xᵀ(XS) of some examples, and S in rows. */
  #sketched(S: Tensor2D, from: number, count: number): Tensor2D {
    const tf = this.#tf;
    const { plan, bias } = this.#patches;
    const { inputs } = plan.output;
    const [, r] = S.shape;
    const x = this.#padded(from, count);
    // Times 1: a kernel gets data of its own, as TensorFlow.js keeps what it made of data by their name.
    let XS = this.#convolved(x, tf.mul<Tensor2D>(tf.slice(S, [0, 0], [inputs, r]), 1));
    if (bias) XS = tf.add<Tensor4D>(XS, tf.reshape(tf.slice(S, [inputs, 0], [1, r]), [r]));
    const moment = tf.reshape<Tensor2D['rankType']>(filterGradient(tf, x, XS, plan), [-1, r]);
    if (!bias) return moment;
    const sums = tf.reshape<Tensor2D['rankType']>(tf.sum(XS, [0, 1, 2]), [1, r]);
    return tf.concat([moment, sums], 0);
  }

  /** XS without a bias, of padded images and S in rows. */
  #convolved(x: Tensor4D, S: Tensor2D): Tensor4D {
    const tf = this.#tf;
    const { vertical, horizontal } = this.#patches.plan;
    const shape: Tensor4D['shape'] = [vertical.kernel, horizontal.kernel, x.shape[3], S.shape[1]];
    const strides: [number, number] = [vertical.stride, horizontal.stride];
    const dilations: [number, number] = [vertical.dilation, horizontal.dilation];
    const kernel = tf.reshape<Tensor4D['rankType']>(S, shape);
    return tf.conv2d(x, kernel, strides, 'valid', 'NHWC', dilations);
  }

  #visitStrips(visit: (strip: Rows<F32>) => void, first: number): void {
    for (const [from, count] of this.#strips(this.#patches.plan.output.inputs, first)) {
      const strip = this.#strip(from, count);
      try {
        visit(strip);
      } finally {
        strip.dispose();
      }
    }
  }

  /** The examples that hold the `first` rows, in strips of so many numbers a row. */
  *#strips(width: number, first: number = this.rows): Iterable<[from: number, count: number]> {
    const { images, strip: elements = STRIP } = this.#patches;
    const [batch] = images.shape;
    const perExample = this.rows / batch;
    const step = Math.max(1, Math.floor(elements / (perExample * width)));
    for (let from = 0; from * perExample < first; from += step) {
      yield [from, Math.min(step, batch - from)];
    }
  }

  /** The patches of `count` examples as a matrix. */
  #strip(from: number, count: number): Rows<F32> {
    const tf = this.#tf;
    const { plan, bias } = this.#patches;
    const { inputs } = plan.output;
    const patches = tf.tidy(() => {
      const x = this.#padded(from, count);
      // Pixels of one channel lie alone: to gather them costs more than XI, a convolution.
      const seen =
        x.shape[3] === 1 && this.#isConvolution()
          ? this.#convolved(x, tf.eye(inputs))
          : this.#gathered(x);
      return tf.reshape<Tensor2D['rankType']>(seen, [-1, inputs]);
    });
    try {
      return positions({ tf, backend: this.backend }, patches, bias);
    } finally {
      patches.dispose();
    }
  }

  /** X without a bias, of padded images: what each element of the kernel sees, side by side. */
  #gathered(x: Tensor4D): Tensor {
    const tf = this.#tf;
    const { vertical, horizontal } = this.#patches.plan;
    const [count, , , channels] = x.shape;
    const step = [1, vertical.stride, horizontal.stride, 1];
    const isWhole = step.every((pixels) => pixels === 1);
    const parts: Tensor[] = [];
    for (let k = 0; k < vertical.kernel; k++) {
      for (let l = 0; l < horizontal.kernel; l++) {
        const [top, left] = [k * vertical.dilation, l * horizontal.dilation];
        const rows = (vertical.count - 1) * vertical.stride + 1;
        const columns = (horizontal.count - 1) * horizontal.stride + 1;
        const first = [0, top, left, 0];
        // A slice copies lines where a strided one copies numbers.
        parts.push(
          isWhole
            ? tf.slice(x, first, [count, rows, columns, channels])
            : tf.stridedSlice(x, first, [count, top + rows, left + columns, channels], step),
        );
      }
    }
    return tf.concat(parts, 3);
  }

  /** Some examples with zeros around them: the kernel moves from corner to corner. */
  #padded(from: number, count: number): Tensor4D {
    const tf = this.#tf;
    const { images, plan } = this.#patches;
    const [, height, width, channels] = images.shape;
    const x = tf.slice(images, [from, 0, 0, 0], [count, height, width, channels]);
    const around = [plan.vertical, plan.horizontal].map((axis): [number, number] => {
      const reach = (axis.count - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
      return [axis.before, Math.max(0, reach - axis.before - axis.size)];
    });
    if (around.flat().every((zeros) => zeros === 0)) return x;
    return tf.pad(x, [[0, 0], around[0], around[1], [0, 0]]);
  }
}
