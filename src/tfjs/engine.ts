// The engine on TensorFlow.js: every operation directly on tensors, wherever they live.

import type { Tensor2D } from '@tensorflow/tfjs';
import type {
  AsyncEngine,
  EngineOperations,
  SpectralFactor,
  SyncEngine,
} from '../backend/engine.js';
import type { Reading, SketchOperand, Slot } from '../backend/slot.js';
import { checkChoice, checkInteger, checkPositive, checkShape } from '../core/check.js';
import type { DenseMatrix } from '../core/matrix.js';
import { copyOf, type TensorAccess, TensorOperations } from './operations.js';
import type { TensorFlow } from './tensorflow.js';

type F32 = 'float32';

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
export function tfjsEngine(
  tf: TensorFlow,
  options: { readonly reading: 'sync' },
): SyncEngine<F32> & TensorAccess;
export function tfjsEngine(tf: TensorFlow, options?: TfjsEngineOptions): TfjsEngine;
export function tfjsEngine(tf: TensorFlow, options: TfjsEngineOptions = {}): TfjsEngine {
  const { reading = tf.getBackend() === 'webgpu' ? 'async' : 'sync' } = options;
  checkChoice('tfjsEngine', 'reading', reading, ['sync', 'async']);
  return reading === 'sync' ? new SyncTensorEngine(tf) : new AsyncTensorEngine(tf);
}

class TensorEngine extends TensorOperations implements EngineOperations<F32> {
  secondMoment(X: Slot<F32>, weight: number, decay: number, A: Slot<F32>): void {
    this.slots.check('secondMoment', { X }, { A });
    checkShape('secondMoment', 'A', A, X.cols, X.cols);
    this.accumulate(decay, A, 'rows', () =>
      this.times(weight, this.product(this.slots.view(X, 'columns'), this.slots.view(X, 'rows'))),
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
      this.slots.check('sketchMoment', { X, S }, { C });
      checkShape('sketchMoment', 'S', S, p, S.cols);
      checkShape('sketchMoment', 'C', C, p, S.cols);
    } else {
      const { indices } = sketch;
      this.slots.check('sketchMoment', { X }, { C });
      checkShape('sketchMoment', 'C', C, p, indices.length);
      indices.forEach((index, k) => {
        checkInteger('sketchMoment', `indices[${k}]`, index, 0, p - 1);
      });
    }
    // Cᵀ = (XS)ᵀX: the narrow factor is transposed, the wide one never.
    this.accumulate(decay, C, 'columns', () => {
      const x = this.slots.view(X, 'rows');
      const XS =
        sketch.kind === 'dense'
          ? this.product(x, this.slots.view(sketch.S, 'rows'))
          : this.tf.gather(x, this.tf.tensor1d(sketch.indices, 'int32'), 1);
      const narrow =
        rows === 1 || C.cols === 1 ? XS.reshape<Tensor2D>([C.cols, rows]) : this.tf.transpose(XS);
      return this.product(this.times(weight, narrow), x);
    });
  }

  rowSum(X: Slot<F32>, v: Slot<F32>, weight: number, decay: number, a: Slot<F32>): void {
    this.slots.check('rowSum', { X, v }, { a });
    checkShape('rowSum', 'v', v, X.rows, 1);
    checkShape('rowSum', 'a', a, 1, X.cols);
    this.accumulate(decay, a, 'rows', () =>
      this.product(this.times(weight, this.slots.view(v, 'columns')), this.slots.view(X, 'rows')),
    );
  }

  applyLowRankInverse(G: Slot<F32>, V: Slot<F32>, c: number, P: Slot<F32>): void {
    this.slots.check('applyLowRankInverse', { G, V }, { P });
    checkShape('applyLowRankInverse', 'V', V, G.cols, V.cols);
    checkShape('applyLowRankInverse', 'P', P, G.rows, G.cols);
    checkPositive('applyLowRankInverse', 'c', c);
    const layout = this.slots.layout(G);
    this.slots.set(P, layout, () => {
      const g = this.slots.view(G, layout);
      const v = this.slots.view(V, 'rows');
      const vT = this.slots.view(V, 'columns');
      const low =
        layout === 'rows'
          ? this.product(this.product(g, v), vT)
          : this.product(v, this.product(vT, g));
      return this.tf.sub(this.times(1 / c, g), low);
    });
  }

  applyDenseInverse(G: Slot<F32>, R: Slot<F32>, L: Slot<F32> | undefined, P: Slot<F32>): void {
    this.slots.check('applyDenseInverse', L === undefined ? { G, R } : { G, R, L }, { P });
    checkShape('applyDenseInverse', 'R', R, G.cols, G.cols);
    if (L !== undefined) checkShape('applyDenseInverse', 'L', L, G.rows, G.rows);
    checkShape('applyDenseInverse', 'P', P, G.rows, G.cols);
    const layout = this.slots.layout(G);
    // Both inverses are symmetric: transposing G swaps their sides and nothing else.
    const [left, right] = layout === 'rows' ? [L, R] : [R, L];
    this.slots.set(P, layout, () => {
      const g = this.slots.view(G, layout);
      const GR = right === undefined ? g : this.product(g, this.slots.view(right, 'rows'));
      return left === undefined ? GR : this.product(this.slots.view(left, 'rows'), GR);
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
    this.slots.check(where, inputs, { P });
    checkShape(where, 'A.Q', QA, p, p);
    checkShape(where, 'A.eigenvalues', a, p, 1);
    checkShape(where, 'B.Q', QB, q, q);
    checkShape(where, 'B.eigenvalues', b, q, 1);
    checkShape(where, 'P', P, q, p);
    checkPositive(where, 'rho', rho);
    const layout = this.slots.layout(G);
    // The equation keeps its form when G is transposed and A and B change places.
    const [left, right] = layout === 'rows' ? [B, A] : [A, B];
    this.slots.set(P, layout, () => {
      const g = this.slots.view(G, layout);
      const inEigenbases = this.product(
        this.product(this.slots.view(left.Q, 'columns'), g),
        this.slots.view(right.Q, 'rows'),
      );
      const eigenvalues = this.product(
        this.slots.view(left.eigenvalues, 'rows'),
        this.slots.view(right.eigenvalues, 'columns'),
      );
      const quotient = this.tf.div<Tensor2D>(inEigenbases, this.tf.add(eigenvalues, rho));
      return this.product(
        this.product(this.slots.view(left.Q, 'rows'), quotient),
        this.slots.view(right.Q, 'columns'),
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
    this.slots.check(where, { G, a, g }, { P });
    checkShape(where, 'a', a, 1, p);
    checkShape(where, 'g', g, 1, q);
    checkShape(where, 'P', P, q, p);
    checkPositive(where, 'rho', rho);
    const layout = this.slots.layout(G);
    const [left, right] = layout === 'rows' ? [g, a] : [a, g];
    this.slots.set(P, layout, () => {
      const { add, div, divNoNan, mul, sqrt, square, sub } = this.tf;
      const M = this.slots.view(G, layout);
      // Products of â, ĝ and G may overflow where P does not. With the unit vectors l and r, and
      // z = ρ/(|â||ĝ|)², the correction is (lMrᵀ)/(1 + z)·lᵀr, and no product exceeds |G|.
      const normalise = (A: Slot<F32>): { unit: Tensor2D; inverse: Tensor2D } => {
        const v = this.times(scale, this.slots.view(A, 'rows'));
        const vv = this.dot(v, v);
        // Not 1/√vv, which would turn a sum that overflowed into a vector of zeros instead of NaN.
        const inverse = divNoNan<Tensor2D>(sqrt(vv), vv);
        return { unit: mul(v, inverse), inverse };
      };
      const { unit: l, inverse: x } = normalise(left);
      const { unit: r, inverse: y } = normalise(right);
      const z = this.times(rho, square(mul<Tensor2D>(x, y)));
      const numerator = this.product(this.product(l, M), r.reshape([right.cols, 1]));
      const weighted = mul<Tensor2D>(r, div(numerator, add(z, 1)));
      const outer = this.product(l.reshape([left.cols, 1]), weighted);
      return this.times(1 / rho, sub(M, outer));
    });
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
