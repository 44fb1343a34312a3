// Every operation of a backend on tensors.

import type { Tensor2D } from '@tensorflow/tfjs';
import type { Primitives } from '../backend/primitives.js';
import { DenseMatrix, largestMagnitude } from '../core/matrix.js';
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
import type { TensorFlowCore } from './tensorflow.js';

type F32 = 'float32';

/** Backends of TensorFlow.js whose tensors lie in the host's memory: looking at one waits for no device. */
const HOST_MEMORY = ['cpu', 'wasm'];

/** Whether the tensors of this backend of TensorFlow.js lie in the host's memory. */
export function inHostMemory(variant: string): boolean {
  return HOST_MEMORY.includes(variant);
}

/** Squares below this may have lost bits, or be 0 where the number is not. */
const SMALLEST_SQUARE = 2 ** -100;

/** The operations on the backend `variant` of TensorFlow.js; with `readable` it is read at once too. */
export function tensorPrimitives(
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
    ...(inHostMemory(variant) ? { bound } : {}),

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
        // Tensors never change: a copy shares the data, where the wasm backend's clone would copy them.
        return isCopy ? tf.reshape(a, a.shape) : accumulated(alpha, a, beta, C, layout);
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
