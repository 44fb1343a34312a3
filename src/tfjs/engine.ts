// The engine on TensorFlow.js: every operation directly on tensors, wherever they live.

import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type {
  AsyncEngine,
  EngineOperations,
  SketchOperand,
  SpectralFactor,
  SyncEngine,
} from '../backend/engine.js';
import type { BackendInfo, Reading, Slot } from '../backend/slot.js';
import {
  checkChoice,
  checkDType,
  checkFinite,
  checkInteger,
  checkNonNegative,
  checkPositive,
  checkShape,
} from '../core/check.js';
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

/** An engine whose slots hold tensors. */
export type TfjsEngine = (SyncEngine<F32> | AsyncEngine<F32>) & TensorAccess;

/** Options of {@link tfjsEngine}. */
export interface TfjsEngineOptions {
  /** 'sync' by default, except on the webgpu backend, which can only be read asynchronously. */
  readonly reading?: Reading;
}

/**
 * The engine that computes in float32 on TensorFlow.js's current backend.
 *
 * TensorFlow.js keeps a weight matrix as [inputs, outputs], the transpose of our G, so a slot may
 * hold its matrix transposed. Operations work in the layout they find, and results keep the layout
 * of their first operand; only where two layouts meet is one tensor transposed. A matrix product is
 * never given transposition flags: on the wasm backend they cost more than a transposed copy.
 *
 * @param tf TensorFlow.js itself, its backend set and ready.
 * @throws RangeError for an unknown reading.
 */
export function tfjsEngine(tf: TensorFlow, options: TfjsEngineOptions = {}): TfjsEngine {
  const { reading = tf.getBackend() === 'webgpu' ? 'async' : 'sync' } = options;
  checkChoice('tfjsEngine', 'reading', reading, ['sync', 'async']);
  return reading === 'sync' ? new SyncTensorEngine(tf) : new AsyncTensorEngine(tf);
}

class TensorEngine implements EngineOperations<F32>, TensorAccess {
  readonly dtype = 'float32';
  readonly info: BackendInfo;
  readonly #tf: TensorFlow;
  readonly #slots: TensorSlots;

  constructor(tf: TensorFlow) {
    this.#tf = tf;
    this.#slots = new TensorSlots(tf);
    this.info = { name: 'tfjs', variant: tf.getBackend(), threads: 1 };
  }

  allocate(rows: number, cols: number): Slot<F32> {
    return this.#slots.allocate(rows, cols);
  }

  adopt(tensor: Tensor, layout: Layout): Slot<F32> {
    return this.#slots.adopt(tensor, layout);
  }

  tensorOf(A: Slot<F32>, layout: Layout): Tensor2D {
    this.#slots.check('tensorOf', { A }, {});
    return this.#tf.tidy(() => this.#slots.view(A, layout).clone());
  }

  write(A: Slot<F32>, value: DenseMatrix<F32>): void {
    this.#slots.check('write', {}, { A });
    checkDType('write', 'value', value, 'float32');
    checkShape('write', 'value', value, A.rows, A.cols);
    // A backend may keep the array that it is given: it gets one of its own.
    const { data } = value.clone();
    this.#slots.set(A, 'rows', () => this.#tf.tensor2d(data, [A.rows, A.cols]));
  }

  free(A: Slot<F32>): void {
    this.#slots.free(A);
  }

  dispose(): void {
    this.#slots.dispose();
  }

  checkFinite(where: string, name: string, A: Slot<F32>): void {
    this.#slots.check(where, { [name]: A }, {});
    if (!HOST_MEMORY.includes(this.info.variant)) return;
    const layout = this.#slots.layout(A);
    // x·0 is 0 for finite x and NaN otherwise, so one sum finds both NaN and Infinity.
    const [sum] = this.#tf.tidy(() =>
      this.#tf.sum(this.#tf.mul(this.#slots.view(A, layout), 0)).dataSync(),
    );
    if (sum === 0) return;
    const tensor = this.tensorOf(A, 'rows');
    const content = copyOf(A, tensor.dataSync<F32>());
    tensor.dispose();
    checkFinite(where, name, content);
  }

  secondMoment(X: Slot<F32>, weight: number, decay: number, A: Slot<F32>): void {
    this.#slots.check('secondMoment', { X }, { A });
    checkShape('secondMoment', 'A', A, X.cols, X.cols);
    this.#accumulate(decay, A, 'rows', () =>
      this.#times(
        weight,
        this.#product(this.#slots.view(X, 'columns'), this.#slots.view(X, 'rows')),
      ),
    );
  }

  sketchMoment(
    X: Slot<F32>,
    sketch: SketchOperand<F32>,
    weight: number,
    decay: number,
    C: Slot<F32>,
  ): void {
    const { rows, cols: p } = X;
    if (sketch.kind === 'dense') {
      const { S } = sketch;
      this.#slots.check('sketchMoment', { X, S }, { C });
      checkShape('sketchMoment', 'S', S, p, S.cols);
      checkShape('sketchMoment', 'C', C, p, S.cols);
    } else {
      const { indices } = sketch;
      this.#slots.check('sketchMoment', { X }, { C });
      checkShape('sketchMoment', 'C', C, p, indices.length);
      indices.forEach((index, k) => {
        checkInteger('sketchMoment', `indices[${k}]`, index, 0, p - 1);
      });
    }
    // Cᵀ = (XS)ᵀX: the narrow factor is transposed, the wide one never.
    this.#accumulate(decay, C, 'columns', () => {
      const x = this.#slots.view(X, 'rows');
      const XS =
        sketch.kind === 'dense'
          ? this.#product(x, this.#slots.view(sketch.S, 'rows'))
          : this.#tf.gather(x, this.#tf.tensor1d(sketch.indices, 'int32'), 1);
      const narrow =
        rows === 1 || C.cols === 1 ? XS.reshape<Tensor2D>([C.cols, rows]) : this.#tf.transpose(XS);
      return this.#product(this.#times(weight, narrow), x);
    });
  }

  rowSum(X: Slot<F32>, v: Slot<F32>, weight: number, decay: number, a: Slot<F32>): void {
    this.#slots.check('rowSum', { X, v }, { a });
    checkShape('rowSum', 'v', v, X.rows, 1);
    checkShape('rowSum', 'a', a, 1, X.cols);
    this.#accumulate(decay, a, 'rows', () =>
      this.#product(
        this.#times(weight, this.#slots.view(v, 'columns')),
        this.#slots.view(X, 'rows'),
      ),
    );
  }

  applyLowRankInverse(G: Slot<F32>, V: Slot<F32>, c: number, P: Slot<F32>): void {
    this.#slots.check('applyLowRankInverse', { G, V }, { P });
    checkShape('applyLowRankInverse', 'V', V, G.cols, V.cols);
    checkShape('applyLowRankInverse', 'P', P, G.rows, G.cols);
    checkPositive('applyLowRankInverse', 'c', c);
    const layout = this.#slots.layout(G);
    this.#slots.set(P, layout, () => {
      const g = this.#slots.view(G, layout);
      const v = this.#slots.view(V, 'rows');
      const vT = this.#slots.view(V, 'columns');
      const low =
        layout === 'rows'
          ? this.#product(this.#product(g, v), vT)
          : this.#product(v, this.#product(vT, g));
      return this.#tf.sub(this.#times(1 / c, g), low);
    });
  }

  applyDenseInverse(G: Slot<F32>, R: Slot<F32>, L: Slot<F32> | undefined, P: Slot<F32>): void {
    this.#slots.check('applyDenseInverse', L === undefined ? { G, R } : { G, R, L }, { P });
    checkShape('applyDenseInverse', 'R', R, G.cols, G.cols);
    if (L !== undefined) checkShape('applyDenseInverse', 'L', L, G.rows, G.rows);
    checkShape('applyDenseInverse', 'P', P, G.rows, G.cols);
    const layout = this.#slots.layout(G);
    // Both inverses are symmetric: transposing G swaps their sides and nothing else.
    const [left, right] = layout === 'rows' ? [L, R] : [R, L];
    this.#slots.set(P, layout, () => {
      const g = this.#slots.view(G, layout);
      const GR = right === undefined ? g : this.#product(g, this.#slots.view(right, 'rows'));
      return left === undefined ? GR : this.#product(this.#slots.view(left, 'rows'), GR);
    });
  }

  applySpectralInverse(
    G: Slot<F32>,
    A: SpectralFactor<F32>,
    B: SpectralFactor<F32>,
    rho: number,
    P: Slot<F32>,
  ): void {
    const where = 'applySpectralInverse';
    const { rows: q, cols: p } = G;
    const { Q: QA, eigenvalues: a } = A;
    const { Q: QB, eigenvalues: b } = B;
    const inputs = { G, 'A.Q': QA, 'A.eigenvalues': a, 'B.Q': QB, 'B.eigenvalues': b };
    this.#slots.check(where, inputs, { P });
    checkShape(where, 'A.Q', QA, p, p);
    checkShape(where, 'A.eigenvalues', a, p, 1);
    checkShape(where, 'B.Q', QB, q, q);
    checkShape(where, 'B.eigenvalues', b, q, 1);
    checkShape(where, 'P', P, q, p);
    checkPositive(where, 'rho', rho);
    const layout = this.#slots.layout(G);
    // The equation keeps its form when G is transposed and A and B change places.
    const [left, right] = layout === 'rows' ? [B, A] : [A, B];
    this.#slots.set(P, layout, () => {
      const g = this.#slots.view(G, layout);
      const inEigenbases = this.#product(
        this.#product(this.#slots.view(left.Q, 'columns'), g),
        this.#slots.view(right.Q, 'rows'),
      );
      const eigenvalues = this.#product(
        this.#slots.view(left.eigenvalues, 'rows'),
        this.#slots.view(right.eigenvalues, 'columns'),
      );
      const quotient = this.#tf.div<Tensor2D>(inEigenbases, this.#tf.add(eigenvalues, rho));
      return this.#product(
        this.#product(this.#slots.view(left.Q, 'rows'), quotient),
        this.#slots.view(right.Q, 'columns'),
      );
    });
  }

  applyRankOneInverse(
    G: Slot<F32>,
    a: Slot<F32>,
    g: Slot<F32>,
    scale: number,
    rho: number,
    P: Slot<F32>,
  ): void {
    const where = 'applyRankOneInverse';
    const { rows: q, cols: p } = G;
    this.#slots.check(where, { G, a, g }, { P });
    checkShape(where, 'a', a, 1, p);
    checkShape(where, 'g', g, 1, q);
    checkShape(where, 'P', P, q, p);
    checkPositive(where, 'rho', rho);
    const layout = this.#slots.layout(G);
    const [left, right] = layout === 'rows' ? [g, a] : [a, g];
    this.#slots.set(P, layout, () => {
      const { add, div, mul, sub } = this.#tf;
      const M = this.#slots.view(G, layout);
      const l = this.#times(scale, this.#slots.view(left, 'rows'));
      const r = this.#times(scale, this.#slots.view(right, 'rows'));
      const numerator = this.#product(this.#product(l, M), r.reshape([right.cols, 1]));
      const denominator = add(mul(this.#dot(l, l), this.#dot(r, r)), rho);
      const weighted = mul<Tensor2D>(r, div(numerator, denominator));
      const outer = this.#product(l.reshape([left.cols, 1]), weighted);
      return this.#times(1 / rho, sub(M, outer));
    });
  }

  axpby(alpha: number, A: Slot<F32>, beta: number, C: Slot<F32>): void {
    // In place is allowed: the new tensor is another one in any case.
    this.#slots.check('axpby', { A }, {});
    this.#slots.check('axpby', {}, { C });
    checkShape('axpby', 'C', C, A.rows, A.cols);
    const layout = this.#slots.layout(A);
    this.#accumulate(beta, C, layout, () => this.#times(alpha, this.#slots.view(A, layout)));
  }

  multiply(alpha: number, A: Slot<F32>, B: Slot<F32>, beta: number, C: Slot<F32>): void {
    this.#slots.check('multiply', { A, B }, { C });
    checkShape('multiply', 'B', B, A.rows, A.cols);
    checkShape('multiply', 'C', C, A.rows, A.cols);
    const layout = this.#slots.layout(A);
    this.#accumulate(beta, C, layout, () =>
      this.#times(alpha, this.#tf.mul(this.#slots.view(A, layout), this.#slots.view(B, layout))),
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
    this.#slots.check('divideByRoot', { A, B }, { C });
    checkShape('divideByRoot', 'B', B, A.rows, A.cols);
    checkShape('divideByRoot', 'C', C, A.rows, A.cols);
    const layout = this.#slots.layout(A);
    this.#slots.set(C, layout, () => {
      const { add, div, sqrt } = this.#tf;
      const root = sqrt(this.#times(beta, this.#slots.view(B, layout)));
      return div(this.#times(alpha, this.#slots.view(A, layout)), add(root, shift));
    });
  }

  innerProduct(alpha: number, A: Slot<F32>, B: Slot<F32>, beta: number, s: Slot<F32>): void {
    this.#slots.check('innerProduct', { A, B }, { s });
    checkShape('innerProduct', 'B', B, A.rows, A.cols);
    checkShape('innerProduct', 's', s, 1, 1);
    const layout = this.#slots.layout(A);
    this.#accumulate(beta, s, 'rows', () =>
      this.#times(alpha, this.#dot(this.#slots.view(A, layout), this.#slots.view(B, layout))),
    );
  }

  clip(s: Slot<F32>, limit: number, C: Slot<F32>): void {
    this.#slots.check('clip', { s }, { C });
    checkShape('clip', 's', s, 1, 1);
    checkNonNegative('clip', 'limit', limit);
    const layout = this.#slots.layout(C);
    this.#slots.set(C, layout, () => {
      const { div, lessEqual, mul, sqrt, where } = this.#tf;
      const sum = this.#slots.view(s, 'rows');
      // NaN is not ≤ limit, so a broken sum breaks C instead of passing for a small one.
      const factor = where(lessEqual(sum, limit), 1, sqrt(div(limit, sum)));
      return mul(this.#slots.view(C, layout), factor);
    });
  }

  joinColumns(W: Slot<F32>, b: Slot<F32>, G: Slot<F32>): void {
    this.#slots.check('joinColumns', { W, b }, { G });
    checkShape('joinColumns', 'b', b, W.rows, 1);
    checkShape('joinColumns', 'G', G, W.rows, W.cols + 1);
    const layout = this.#slots.layout(W);
    const parts = [W, b];
    this.#slots.set(G, layout, () =>
      this.#tf.concat(
        parts.map((part) => this.#slots.view(part, layout)),
        layout === 'rows' ? 1 : 0,
      ),
    );
  }

  splitColumns(G: Slot<F32>, W: Slot<F32>, b: Slot<F32>): void {
    this.#slots.check('splitColumns', { G }, { W, b });
    checkShape('splitColumns', 'W', W, G.rows, G.cols - 1);
    checkShape('splitColumns', 'b', b, G.rows, 1);
    const layout = this.#slots.layout(G);
    const take = (from: number, count: number): Tensor2D => {
      const g = this.#slots.view(G, layout);
      return layout === 'rows'
        ? this.#tf.slice(g, [0, from], [G.rows, count])
        : this.#tf.slice(g, [from, 0], [count, G.rows]);
    };
    this.#slots.set(W, layout, () => take(0, W.cols));
    this.#slots.set(b, layout, () => take(W.cols, 1));
  }

  /** A handle of its own on what the slot holds now, row-major. */
  protected snapshot(A: Slot<F32>): Tensor2D {
    this.#slots.check('read', { A }, {});
    return this.#tf.keep(this.tensorOf(A, 'rows'));
  }

  /** C ← decay·C + compute(), in `layout`. */
  #accumulate(decay: number, C: Slot<F32>, layout: Layout, compute: () => Tensor2D): void {
    this.#slots.set(C, layout, () =>
      decay === 0
        ? compute().clone()
        : this.#tf.add(compute(), this.#times(decay, this.#slots.view(C, layout))),
    );
  }

  #times(alpha: number, T: Tensor2D): Tensor2D {
    return alpha === 1 ? T : this.#tf.mul(T, alpha);
  }

  #product(A: Tensor2D, B: Tensor2D): Tensor2D {
    return this.#tf.matMul(A, B);
  }

  /** ⟨A, B⟩ as a 1×1 tensor. Summed by rows first, which loses fewer bits than one long sum. */
  #dot(A: Tensor2D, B: Tensor2D): Tensor2D {
    return this.#tf.sum(this.#tf.sum(this.#tf.mul(A, B), 1)).reshape([1, 1]);
  }
}

class SyncTensorEngine extends TensorEngine implements SyncEngine<F32> {
  readonly reading = 'sync';

  read(A: Slot<F32>): DenseMatrix<F32> {
    const snapshot = this.snapshot(A);
    try {
      return copyOf(A, snapshot.dataSync<F32>());
    } finally {
      snapshot.dispose();
    }
  }
}

class AsyncTensorEngine extends TensorEngine implements AsyncEngine<F32> {
  readonly reading = 'async';

  async read(A: Slot<F32>): Promise<DenseMatrix<F32>> {
    const snapshot = this.snapshot(A);
    try {
      return copyOf(A, await snapshot.data<F32>());
    } finally {
      snapshot.dispose();
    }
  }
}

/** A backend may hand out the array that it goes on using. */
function copyOf({ rows, cols }: Slot<F32>, data: Float32Array): DenseMatrix<F32> {
  return new DenseMatrix('float32', rows, cols, data.slice());
}
