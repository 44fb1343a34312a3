// The backend on TensorFlow.js: every operation on tensors, wherever they live.

import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Backend, Slot } from '../backend/backend.js';
import { type Primitives, SlotBackend } from '../backend/primitives.js';
import { checkChoice, checkType } from '../core/check.js';
import { DenseMatrix, largestMagnitude } from '../core/matrix.js';
import { choice, type OptionsOf, optionList } from '../core/options.js';

import {
  isZero,
  type Layout,
  layoutOf,
  type Operand,
  shapeIn,
  type TensorContent,
  TensorContents,
  zeroContent,
} from './content.js';
import { checkTensorFlow, type TensorFlowCore } from './tensorflow.js';

type F32 = 'float32';

/** Backends of TensorFlow.js whose tensors lie in the host's memory: looking at one waits for no device. */
const HOST_MEMORY = ['cpu', 'wasm'];

/** Squares below this may have lost bits, or be 0 where the number is not. */
const SMALLEST_SQUARE = 2 ** -100;

/** A backend whose slots hold tensors. */
export interface TfjsBackend extends Backend<F32> {
  /**
   * A new slot on the data of `tensor`, which is not copied; the handle itself stays the caller's.
   * A vector is a column. Of a tensor of higher rank the last axis counts, and the others are one:
   * a kernel [in, out], or [height, width, in, out], makes in 'columns' a slot of `out` rows.
   *
   * @throws TypeError where `tensor` is no tensor, or not of float32; RangeError for an unknown layout.
   */
  adopt(tensor: Tensor, layout: Layout): Slot<F32>;
  /**
   * The content in `layout`, [rows, cols] or [cols, rows]; the caller disposes of it.
   *
   * @throws TypeError where `A` is freed or of another backend, RangeError for an unknown layout.
   */
  tensorOf(A: Slot<F32>, layout: Layout): Tensor2D;
  /** Frees every slot, those that `borrow` keeps included. Use the backend no more afterwards. */
  dispose(): void;
}

/** The options of {@link tfjsBackend}. */
export const BACKEND_OPTIONS = /* @__PURE__ */ optionList({
  /**
   * Whether the backend has `readSync`: 'sync' by default, except on the webgpu backend, which can
   * only be read asynchronously.
   */
  reading: /* @__PURE__ */ choice('sync', 'async'),
});

/** Options of {@link tfjsBackend}. */
export type TfjsBackendOptions = OptionsOf<typeof BACKEND_OPTIONS>;

/**
 * The backend that computes in float32 on TensorFlow.js's current backend.
 *
 * TensorFlow.js keeps a weight matrix as [inputs, outputs], the transpose of our G, so a slot may
 * hold its matrix transposed. Operations work in the layout in which the fewest elements have to be
 * transposed; what was written keeps its transposed copy until it changes. A matrix product is never given transposition flags: on the wasm backend they cost more
 * than a transposed copy.
 *
 * @param tf TensorFlow.js itself, its backend set and ready; `@tensorflow/tfjs-core` is enough.
 * @throws TypeError where `tf` is missing or computes in half floats, RangeError for an unknown reading.
 */
export function tfjsBackend(tf: TensorFlowCore, options: TfjsBackendOptions = {}): TfjsBackend {
  checkTensorFlow('tfjsBackend', tf);
  const variant = tf.getBackend();
  const { reading = variant === 'webgpu' ? 'async' : 'sync' } = BACKEND_OPTIONS.read(
    'tfjsBackend',
    options,
  );
  if (tf.backend().floatPrecision() === 16) {
    throw new TypeError(
      `tfjsBackend: tf computes in float16 on its ${variant} backend, expected float32: choose another with tf.setBackend('wasm') or 'cpu', or a device with textures of float32 (and leave WEBGL_FORCE_F16_TEXTURES unset)`,
    );
  }
  return new TensorBackend(tf, variant, reading === 'sync');
}

class TensorBackend extends SlotBackend<F32, TensorContent> implements TfjsBackend {
  readonly #tf: TensorFlowCore;
  readonly #contents: TensorContents;
  readonly #slots = new Set<Slot<F32>>();

  constructor(tf: TensorFlowCore, variant: string, readable: boolean) {
    super(tensorPrimitives(tf, variant, readable));
    this.#tf = tf;
    this.#contents = new TensorContents(tf);
  }

  adopt(tensor: Tensor, layout: Layout): Slot<F32> {
    const fits = tensor instanceof this.#tf.Tensor;
    checkType('adopt', 'tensor', tensor, fits, 'a tensor');
    checkChoice('adopt', 'layout', layout, ['rows', 'columns']);
    if (tensor.dtype !== 'float32') {
      throw new TypeError(`adopt: tensor holds ${tensor.dtype}, expected float32`);
    }
    const content = zeroContent(...shapeOf(tensor, layout));
    const shape = shapeIn(layout, content);
    this.#contents.set(content, layout, () =>
      this.#tf.reshape<Tensor2D['rankType']>(tensor, shape),
    );
    return this.hold(content.rows, content.cols, content);
  }

  tensorOf(A: Slot<F32>, layout: Layout): Tensor2D {
    const content = this.contentOf('tensorOf', 'A', A);
    checkChoice('tensorOf', 'layout', layout, ['rows', 'columns']);
    return this.#tf.tidy(() => this.#tf.clone(this.#contents.view(content, layout)));
  }

  override free(A: Slot<F32>): void {
    super.free(A);
    this.#slots.delete(A);
  }

  dispose(): void {
    for (const A of this.#slots) this.free(A);
  }

  protected override hold(rows: number, cols: number, content: TensorContent): Slot<F32> {
    const A = super.hold(rows, cols, content);
    this.#slots.add(A);
    return A;
  }
}

/** Rows and columns of the matrix that a tensor of any rank holds. */
function shapeOf({ rank, size, shape }: Tensor, layout: Layout): [rows: number, cols: number] {
  if (rank < 2) return [size, 1];
  const last = shape[rank - 1];
  const others = shape.slice(0, -1).reduce((product, length) => product * length, 1);
  return layout === 'rows' ? [others, last] : [last, others];
}

function tensorPrimitives(
  tf: TensorFlowCore,
  variant: string,
  readable: boolean,
): Primitives<F32, TensorContent> {
  const contents = new TensorContents(tf);

  /** αT. */
  const times = (alpha: number, T: Tensor2D): Tensor2D => {
    if (alpha === 1) return T;
    return alpha === -1 ? tf.neg(T) : tf.mul(T, alpha);
  };

  /** αT + βC in `layout`, in as few kernels as the two factors allow. */
  const accumulated = (
    alpha: number,
    T: Tensor2D,
    beta: number,
    C: TensorContent,
    layout: Layout,
  ): Tensor2D => {
    if (beta === 0 || isZero(C)) return times(alpha, T);
    const old = contents.view(C, layout);
    if (beta === 1 && alpha < 0) return tf.sub(old, times(-alpha, T));
    if (alpha === 1 && beta < 0) return tf.sub(T, times(-beta, old));
    return tf.add(times(alpha, T), times(beta, old));
  };

  /** αLR as a tensor and the factor that it lacks: α is applied where there is least to scale. */
  const product = (
    alpha: number,
    L: Tensor2D,
    R: Tensor2D,
  ): readonly [tensor: Tensor2D, factor: number] => {
    // The wasm backend packs a right factor once and finds it by its data, whatever the shape. The
    // data of a vector may be in use in two shapes, so the factor gets data of its own.
    if (Math.min(...R.shape) === 1) return [tf.matMul(L, tf.mul<Tensor2D>(R, alpha)), 1];
    const size = L.shape[0] * R.shape[1];
    if (Math.abs(alpha) === 1 || Math.min(L.size, R.size) >= size) return [tf.matMul(L, R), alpha];
    return L.size < R.size
      ? [tf.matMul(times(alpha, L), R), 1]
      : [tf.matMul(L, times(alpha, R)), 1];
  };

  /** C ← βC. */
  const scale = (beta: number, C: TensorContent): void => {
    if (beta === 0) contents.clear(C);
    else if (beta !== 1 && !isZero(C)) {
      const layout = layoutOf(C);
      contents.set(C, layout, () => times(beta, contents.view(C, layout)));
    }
  };

  /** A copy of the content that does not change with it, for reading. */
  const snapshot = (A: TensorContent): Tensor2D =>
    tf.keep(tf.tidy(() => tf.clone(contents.view(A, 'rows'))));

  const readSync = (A: TensorContent): DenseMatrix<F32> => {
    const tensor = snapshot(A);
    try {
      return copied(A, tensor.dataSync<F32>());
    } finally {
      tensor.dispose();
    }
  };

  /** ‖A‖F costs two kernels and no copy; where squares leave the safe range, the elements are read. */
  const bound = (A: TensorContent): number => {
    if (isZero(A)) return 0;
    const [sum] = tf.tidy(() => tf.sum(tf.square(contents.view(A, layoutOf(A)))).dataSync());
    const safe = sum >= SMALLEST_SQUARE * A.rows * A.cols && sum < Infinity;
    return safe ? Math.sqrt(sum) : largestMagnitude(readSync(A));
  };

  return {
    dtype: 'float32',
    info: { name: 'tfjs', variant, threads: 1 },

    allocate: zeroContent,
    write(A, value) {
      const { rows, cols } = A;
      const layout = isSymmetric(value) ? 'both' : 'rows';
      // A backend may keep the array that it is given: it gets one of its own.
      contents.set(A, layout, () => tf.tensor2d(value.clone().data, [rows, cols]));
      A.lasting = true;
    },
    free: (A) => contents.clear(A),
    async read(A) {
      const tensor = snapshot(A);
      try {
        return copied(A, await tensor.data<F32>());
      } finally {
        tensor.dispose();
      }
    },
    ...(readable ? { readSync } : {}),
    ...(HOST_MEMORY.includes(variant) ? { bound } : {}),

    gemm(alpha, A, opA, B, opB, beta, C) {
      if (alpha === 0 || A.rows * A.cols === 0) {
        scale(beta, C);
        return;
      }
      // Products of vectors alone leave the choice: as TensorFlow.js keeps its weights.
      const layout = contents.cheapest('columns', [A, opA], [B, opB], ...previous(beta, C));
      contents.set(C, layout, () => {
        const a = contents.view(A, layout, opA);
        const b = contents.view(B, layout, opB);
        // Cᵀ = op(B)ᵀ·op(A)ᵀ.
        const [left, right] = layout === 'rows' ? [a, b] : [b, a];
        const [T, rest] = product(alpha, left, right);
        return accumulated(rest, T, beta, C, layout);
      });
    },
    syrk(alpha, A, beta, C) {
      if (alpha === 0 || A.rows * A.cols === 0) {
        scale(beta, C);
        return;
      }
      const symmetric = beta === 0 || isZero(C) || C.held.rows === C.held.columns;
      contents.set(C, symmetric ? 'both' : 'rows', () => {
        // Scaling one factor alone would round the two triangles differently.
        const [T] = product(1, contents.view(A, 'columns'), contents.view(A, 'rows'));
        return accumulated(alpha, T, beta, C, 'rows');
      });
    },

    axpby(alpha, A, beta, C) {
      if (isZero(A)) {
        scale(beta, C);
        return;
      }
      const layout = contents.cheapest(layoutOf(A), [A, 'N'], ...previous(beta, C));
      contents.set(C, layout, () => {
        const a = contents.view(A, layout);
        const isCopy = alpha === 1 && (beta === 0 || isZero(C));
        return isCopy ? tf.clone(a) : accumulated(alpha, a, beta, C, layout);
      });
    },
    multiply(alpha, A, B, beta, C) {
      const layout = contents.cheapest(layoutOf(A), [A, 'N'], [B, 'N'], ...previous(beta, C));
      contents.set(C, layout, () => {
        const AB = tf.mul<Tensor2D>(contents.view(A, layout), contents.view(B, layout));
        return accumulated(alpha, AB, beta, C, layout);
      });
    },
    divide(A, B, shift, C) {
      const layout = contents.cheapest(layoutOf(A), [A, 'N'], [B, 'N']);
      contents.set(C, layout, () => {
        const b = contents.view(B, layout);
        return tf.div(contents.view(A, layout), shift === 0 ? b : tf.add<Tensor2D>(b, shift));
      });
    },
    divideByRoot(alpha, A, beta, B, shift, C) {
      const layout = contents.cheapest(layoutOf(A), [A, 'N'], [B, 'N']);
      contents.set(C, layout, () => {
        const root = tf.sqrt(times(beta, contents.view(B, layout)));
        const denominator = shift === 0 ? root : tf.add<Tensor2D>(root, shift);
        return tf.div(times(alpha, contents.view(A, layout)), denominator);
      });
    },
    dot(alpha, A, B, beta, s) {
      if (A.rows * A.cols === 0) {
        scale(beta, s);
        return;
      }
      const layout = contents.cheapest(layoutOf(A), [A, 'N'], [B, 'N']);
      contents.set(s, 'rows', () => {
        // Summed by rows first, which loses fewer bits than one long sum.
        const products = tf.mul<Tensor2D>(contents.view(A, layout), contents.view(B, layout));
        const sum = tf.reshape<Tensor2D['rankType']>(tf.sum(tf.sum(products, 1)), [1, 1]);
        return accumulated(alpha, sum, beta, s, 'rows');
      });
    },
    clip(s, limit, C) {
      const layout = layoutOf(C);
      contents.set(C, layout, () => {
        const sum = contents.view(s, 'rows');
        // NaN is not ≤ limit, so a broken sum breaks C instead of passing for a small one.
        const factor = tf.where(tf.lessEqual(sum, limit), 1, tf.sqrt(tf.div(limit, sum)));
        return tf.mul(contents.view(C, layout), factor);
      });
    },

    joinColumns(A, B, C) {
      const layout = contents.cheapest(layoutOf(A), [A, 'N'], [B, 'N']);
      contents.set(C, layout, () =>
        tf.concat([contents.view(A, layout), contents.view(B, layout)], layout === 'rows' ? 1 : 0),
      );
    },
    sliceColumns(A, from, C) {
      const layout = layoutOf(A);
      const start: [number, number] = layout === 'rows' ? [0, from] : [from, 0];
      contents.set(C, layout, () => tf.slice(contents.view(A, layout), start, shapeIn(layout, C)));
    },
    gatherColumns(A, indices, C) {
      const layout = layoutOf(A);
      contents.set(C, layout, () =>
        tf.gather(
          contents.view(A, layout),
          tf.tensor1d(indices, 'int32'),
          layout === 'rows' ? 1 : 0,
        ),
      );
    },
  };
}

/** The old content as operand, unless it is not read. */
function previous(beta: number, C: TensorContent): readonly Operand[] {
  return beta === 0 ? [] : [[C, 'N']];
}

/** What was read as a matrix: TensorFlow.js may hand out the array that it goes on using. */
function copied({ rows, cols }: TensorContent, data: Float32Array): DenseMatrix<F32> {
  return new DenseMatrix('float32', rows, cols, data.slice());
}

/** Whether the matrix is its own transpose, element by element. */
function isSymmetric(A: DenseMatrix): boolean {
  if (A.rows !== A.cols) return false;
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < i; j++) if (A.at(i, j) !== A.at(j, i)) return false;
  }
  return true;
}
