// The engine's slots and its operations on single elements and columns, on tensors.

import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { EngineOperations } from '../backend/engine.js';
import type { BackendInfo, Slot } from '../backend/slot.js';
import { checkDType, checkFinite, checkNonNegative, checkShape } from '../core/check.js';
import { DenseMatrix } from '../core/matrix.js';
import { type Layout, TensorSlots } from './slots.js';
import type { TensorFlow } from './tensorflow.js';

type F32 = 'float32';

/** Backends whose tensors lie in the host's memory: looking at one waits for no device. */
const HOST_MEMORY = ['cpu', 'wasm'];

/** How to pass between tensors and slots without a copy. */
export interface TensorAccess {
  /**
   * A new slot on the data of `tensor`, which is not copied; the handle itself stays the caller's.
   * A vector is a column. Of a tensor of higher rank the last axis counts, and the others are one:
   * a kernel [in, out], or [height, width, in, out], makes in 'columns' a slot of `out` rows.
   *
   * @throws TypeError where the tensor is not of float32.
   */
  adopt(tensor: Tensor, layout: Layout): Slot<F32>;
  /** The content in `layout`, [rows, cols] or [cols, rows]; the caller disposes of it. */
  tensorOf(A: Slot<F32>, layout: Layout): Tensor2D;
  /** Frees every slot. */
  dispose(): void;
}

/** What of an engine is neither a moment nor an inverse. */
type Operations = Omit<
  EngineOperations<F32>,
  | 'secondMoment'
  | 'sketchMoment'
  | 'rowSum'
  | 'applyLowRankInverse'
  | 'applyDenseInverse'
  | 'applySpectralInverse'
  | 'applyRankOneInverse'
>;

/** Slots, and what works on them element by element or moves their columns. */
export class TensorOperations implements Operations, TensorAccess {
  readonly dtype = 'float32' as const;
  readonly info: BackendInfo;
  protected readonly tf: TensorFlow;
  protected readonly slots: TensorSlots;

  constructor(tf: TensorFlow) {
    this.tf = tf;
    this.slots = new TensorSlots(tf);
    this.info = { name: 'tfjs', variant: tf.getBackend(), threads: 1 };
  }

  allocate(rows: number, cols: number): Slot<F32> {
    return this.slots.allocate(rows, cols);
  }

  adopt(tensor: Tensor, layout: Layout): Slot<F32> {
    return this.slots.adopt(tensor, layout);
  }

  tensorOf(A: Slot<F32>, layout: Layout): Tensor2D {
    this.slots.check('tensorOf', { A }, {});
    return this.tf.tidy(() => this.slots.view(A, layout).clone());
  }

  write(A: Slot<F32>, value: DenseMatrix<F32>): void {
    this.slots.check('write', {}, { A });
    checkDType('write', 'value', value, 'float32');
    checkShape('write', 'value', value, A.rows, A.cols);
    // A backend may keep the array that it is given: it gets one of its own.
    const { data } = value.clone();
    this.slots.set(A, 'rows', () => this.tf.tensor2d(data, [A.rows, A.cols]));
  }

  free(A: Slot<F32>): void {
    this.slots.free(A);
  }

  dispose(): void {
    this.slots.dispose();
  }

  checkFinite(where: string, name: string, A: Slot<F32>): number | undefined {
    this.slots.check(where, { [name]: A }, {});
    if (!HOST_MEMORY.includes(this.info.variant)) return undefined;
    // TensorFlow.js's wasm backend sums nothing to whatever lay in its memory.
    if (A.rows * A.cols === 0) return 0;
    const layout = this.slots.layout(A);
    // ‖A‖F bounds the elements and costs two kernels; where it overflows, the elements are read.
    const [square] = this.tf.tidy(() =>
      this.tf.sum(this.tf.square(this.slots.view(A, layout))).dataSync(),
    );
    if (Number.isFinite(square)) return Math.sqrt(square);
    const tensor = this.tensorOf(A, 'rows');
    const content = copyOf(A, tensor.dataSync<F32>());
    tensor.dispose();
    return checkFinite(where, name, content);
  }

  axpby(alpha: number, A: Slot<F32>, beta: number, C: Slot<F32>): void {
    // In place is allowed: the new tensor is another one in any case.
    this.slots.check('axpby', { A }, {});
    this.slots.check('axpby', {}, { C });
    checkShape('axpby', 'C', C, A.rows, A.cols);
    const layout = this.slots.layout(A);
    this.accumulate(beta, C, layout, () => this.times(alpha, this.slots.view(A, layout)));
  }

  multiply(alpha: number, A: Slot<F32>, B: Slot<F32>, beta: number, C: Slot<F32>): void {
    this.slots.check('multiply', { A, B }, { C });
    checkShape('multiply', 'B', B, A.rows, A.cols);
    checkShape('multiply', 'C', C, A.rows, A.cols);
    const layout = this.slots.layout(A);
    this.accumulate(beta, C, layout, () =>
      this.times(alpha, this.tf.mul(this.slots.view(A, layout), this.slots.view(B, layout))),
    );
  }

  divideByRoot(
    alpha: number,
    A: Slot<F32>,
    beta: number,
    B: Slot<F32>,
    shift: number,
    C: Slot<F32>,
  ): void {
    this.slots.check('divideByRoot', { A, B }, { C });
    checkShape('divideByRoot', 'B', B, A.rows, A.cols);
    checkShape('divideByRoot', 'C', C, A.rows, A.cols);
    const layout = this.slots.layout(A);
    this.slots.set(C, layout, () => {
      const { add, div, sqrt } = this.tf;
      const root = sqrt(this.times(beta, this.slots.view(B, layout)));
      return div(this.times(alpha, this.slots.view(A, layout)), add(root, shift));
    });
  }

  innerProduct(alpha: number, A: Slot<F32>, B: Slot<F32>, beta: number, s: Slot<F32>): void {
    this.slots.check('innerProduct', { A, B }, { s });
    checkShape('innerProduct', 'B', B, A.rows, A.cols);
    checkShape('innerProduct', 's', s, 1, 1);
    const layout = this.slots.layout(A);
    this.accumulate(beta, s, 'rows', () =>
      this.times(alpha, this.dot(this.slots.view(A, layout), this.slots.view(B, layout))),
    );
  }

  clip(s: Slot<F32>, limit: number, C: Slot<F32>): void {
    this.slots.check('clip', { s }, { C });
    checkShape('clip', 's', s, 1, 1);
    checkNonNegative('clip', 'limit', limit);
    const layout = this.slots.layout(C);
    this.slots.set(C, layout, () => {
      const { div, lessEqual, mul, sqrt, where } = this.tf;
      const sum = this.slots.view(s, 'rows');
      // NaN is not ≤ limit, so a broken sum breaks C instead of passing for a small one.
      const factor = where(lessEqual(sum, limit), 1, sqrt(div(limit, sum)));
      return mul(this.slots.view(C, layout), factor);
    });
  }

  joinColumns(W: Slot<F32>, b: Slot<F32>, G: Slot<F32>): void {
    this.slots.check('joinColumns', { W, b }, { G });
    checkShape('joinColumns', 'b', b, W.rows, 1);
    checkShape('joinColumns', 'G', G, W.rows, W.cols + 1);
    const layout = this.slots.layout(W);
    const parts = [W, b];
    this.slots.set(G, layout, () =>
      this.tf.concat(
        parts.map((part) => this.slots.view(part, layout)),
        layout === 'rows' ? 1 : 0,
      ),
    );
  }

  splitColumns(G: Slot<F32>, W: Slot<F32>, b: Slot<F32>): void {
    this.slots.check('splitColumns', { G }, { W, b });
    checkShape('splitColumns', 'W', W, G.rows, G.cols - 1);
    checkShape('splitColumns', 'b', b, G.rows, 1);
    const layout = this.slots.layout(G);
    const take = (from: number, count: number): Tensor2D => {
      const g = this.slots.view(G, layout);
      return layout === 'rows'
        ? this.tf.slice(g, [0, from], [G.rows, count])
        : this.tf.slice(g, [from, 0], [count, G.rows]);
    };
    this.slots.set(W, layout, () => take(0, W.cols));
    this.slots.set(b, layout, () => take(W.cols, 1));
  }

  /** A handle of its own on what the slot holds now, row-major. */
  protected snapshot(A: Slot<F32>): Tensor2D {
    this.slots.check('read', { A }, {});
    return this.tf.keep(this.tensorOf(A, 'rows'));
  }

  /** C ← decay·C + compute(), in `layout`. */
  protected accumulate(decay: number, C: Slot<F32>, layout: Layout, compute: () => Tensor2D): void {
    this.slots.set(C, layout, () =>
      decay === 0
        ? compute().clone()
        : this.tf.add(compute(), this.times(decay, this.slots.view(C, layout))),
    );
  }

  protected times(alpha: number, T: Tensor2D): Tensor2D {
    return alpha === 1 ? T : this.tf.mul(T, alpha);
  }

  protected product(A: Tensor2D, B: Tensor2D): Tensor2D {
    return this.tf.matMul(A, B);
  }

  /** ⟨A, B⟩ as a 1×1 tensor. Summed by rows first, which loses fewer bits than one long sum. */
  protected dot(A: Tensor2D, B: Tensor2D): Tensor2D {
    return this.tf.sum(this.tf.sum(this.tf.mul(A, B), 1)).reshape([1, 1]);
  }
}

/** A backend may hand out the array that it goes on using. */
export function copyOf({ rows, cols }: Slot<F32>, data: Float32Array): DenseMatrix<F32> {
  return new DenseMatrix('float32', rows, cols, data.slice());
}
