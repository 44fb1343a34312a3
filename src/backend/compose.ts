// Any backend becomes an engine: the operations of the algorithms out of BLAS-like ones.

import { checkPositive, checkShape } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import type { AsyncBackend, Backend, SyncBackend } from './backend.js';
import { checkSketch } from './check-sketch.js';
import type { AsyncEngine, Engine, EngineOperations, SyncEngine } from './engine.js';
import { Scratch } from './scratch.js';
import type { Slot } from './slot.js';

/** The smallest normal numbers: shifts that keep 0/0 at 0 and change no other quotient that counts. */
const TINY: Readonly<Record<DType, number>> = { float32: 2 ** -126, float64: 2 ** -1022 };

/**
 * The engine that computes with `backend`; their slots are the same slots. Reads answer as the
 * backend's do.
 *
 * Owners, shapes and aliasing are checked under the engine's names before anything is enqueued.
 * Intermediate results live in slots that are kept for the next call; no operation forms a p×p
 * matrix that is not among its operands.
 */
export function engineFrom<D extends DType>(backend: SyncBackend<D>): SyncEngine<D>;
export function engineFrom<D extends DType>(backend: AsyncBackend<D>): AsyncEngine<D>;
export function engineFrom<D extends DType>(backend: Backend<D>): Engine<D>;
export function engineFrom<D extends DType>(backend: Backend<D>): Engine<D> {
  const operations = compose(backend);
  return backend.reading === 'sync'
    ? { ...operations, reading: 'sync', read: (A) => backend.read(A) }
    : { ...operations, reading: 'async', read: (A) => backend.read(A) };
}

/** Slots by the names that messages give them. */
type Named<D extends DType> = Readonly<Record<string, Slot<D>>>;

function compose<D extends DType>(backend: Backend<D>): EngineOperations<D> {
  const scratch = new Scratch(backend);
  // The backend finds freed slots too, but perhaps only after half of an operation has run.
  const freed = new WeakSet<Slot<D>>();
  const { owner } = backend.allocate(0, 0);

  /** All slots must be this engine's and in use, and no output may be another operand. */
  const check = (where: string, inputs: Named<D>, outputs: Named<D>): void => {
    const operands = Object.entries({ ...inputs, ...outputs });
    for (const [name, A] of operands) {
      if (A.owner !== owner) {
        const { name: engine, variant } = backend.info;
        throw new TypeError(
          `${where}: ${name} belongs to another engine, expected a slot of this one (${engine}, ${variant})`,
        );
      }
      if (freed.has(A)) throw new TypeError(`${where}: ${name} was freed, expected a slot in use`);
      for (const [output, C] of Object.entries(outputs)) {
        if (A !== C || name === output) continue;
        throw new RangeError(
          `${where}: ${output} is the slot of ${name} too, expected an output that is no other operand`,
        );
      }
    }
  };

  return {
    dtype: backend.dtype,
    info: backend.info,

    allocate: (rows, cols) => backend.allocate(rows, cols),
    write: (A, value) => backend.write(A, value),
    free(A) {
      backend.free(A);
      freed.add(A);
    },
    checkFinite: (where, name, A) => backend.checkFinite(where, name, A),
    ...(backend.overlaps === undefined
      ? {}
      : { overlaps: (A, B) => backend.overlaps?.(A, B) === true }),

    secondMoment(X, weight, decay, A) {
      check('secondMoment', { X }, { A });
      checkShape('secondMoment', 'A', A, X.cols, X.cols);
      backend.syrk(weight, X, decay, A);
    },

    sketchMoment(X, sketch, weight, decay, C) {
      check('sketchMoment', sketch.kind === 'dense' ? { X, S: sketch.S } : { X }, { C });
      checkSketch(X, sketch, C);
      if (backend.sketchMoment !== undefined) {
        backend.sketchMoment(X, sketch, weight, decay, C);
        return;
      }
      scratch.borrow((take) => {
        const XS = take(X.rows, C.cols);
        if (sketch.kind === 'dense') backend.gemm(1, X, 'N', sketch.S, 'N', 0, XS);
        else backend.gatherColumns(X, sketch.indices, XS);
        backend.gemm(weight, X, 'T', XS, 'N', decay, C);
      });
    },

    rowSum(X, v, weight, decay, a) {
      check('rowSum', { X, v }, { a });
      checkShape('rowSum', 'v', v, X.rows, 1);
      checkShape('rowSum', 'a', a, 1, X.cols);
      backend.gemm(weight, v, 'T', X, 'N', decay, a);
    },

    applyLowRankInverse(G, V, c, P) {
      check('applyLowRankInverse', { G, V }, { P });
      checkShape('applyLowRankInverse', 'V', V, G.cols, V.cols);
      checkShape('applyLowRankInverse', 'P', P, G.rows, G.cols);
      checkPositive('applyLowRankInverse', 'c', c);
      scratch.borrow((take) => {
        const GV = take(G.rows, V.cols);
        backend.gemm(1, G, 'N', V, 'N', 0, GV);
        backend.axpby(1 / c, G, 0, P);
        backend.gemm(-1, GV, 'N', V, 'T', 1, P);
      });
    },

    applyDenseInverse(G, R, L, P) {
      check('applyDenseInverse', L === undefined ? { G, R } : { G, R, L }, { P });
      checkShape('applyDenseInverse', 'R', R, G.cols, G.cols);
      if (L !== undefined) checkShape('applyDenseInverse', 'L', L, G.rows, G.rows);
      checkShape('applyDenseInverse', 'P', P, G.rows, G.cols);
      if (L === undefined) {
        backend.gemm(1, G, 'N', R, 'N', 0, P);
        return;
      }
      scratch.borrow((take) => {
        const GR = take(G.rows, G.cols);
        backend.gemm(1, G, 'N', R, 'N', 0, GR);
        backend.gemm(1, L, 'N', GR, 'N', 0, P);
      });
    },

    applySpectralInverse(G, A, B, rho, P) {
      const { rows: q, cols: p } = G;
      const { Q: QA, eigenvalues: a } = A;
      const { Q: QB, eigenvalues: b } = B;
      const inputs = { G, 'A.Q': QA, 'A.eigenvalues': a, 'B.Q': QB, 'B.eigenvalues': b };
      check('applySpectralInverse', inputs, { P });
      checkShape('applySpectralInverse', 'A.Q', QA, p, p);
      checkShape('applySpectralInverse', 'A.eigenvalues', a, p, 1);
      checkShape('applySpectralInverse', 'B.Q', QB, q, q);
      checkShape('applySpectralInverse', 'B.eigenvalues', b, q, 1);
      checkShape('applySpectralInverse', 'P', P, q, p);
      checkPositive('applySpectralInverse', 'rho', rho);
      scratch.borrow((take) => {
        const T = take(q, p);
        const inEigenbases = take(q, p);
        const quotient = take(q, p);
        backend.gemm(1, QB, 'T', G, 'N', 0, T);
        backend.gemm(1, T, 'N', QA, 'N', 0, inEigenbases);
        backend.gemm(1, b, 'N', a, 'T', 0, T);
        backend.divide(inEigenbases, T, rho, quotient);
        backend.gemm(1, QB, 'N', quotient, 'N', 0, T);
        backend.gemm(1, T, 'N', QA, 'T', 0, P);
      });
    },

    applyRankOneInverse(G, a, g, scale, rho, P) {
      const { rows: q, cols: p } = G;
      check('applyRankOneInverse', { G, a, g }, { P });
      checkShape('applyRankOneInverse', 'a', a, 1, p);
      checkShape('applyRankOneInverse', 'g', g, 1, q);
      checkShape('applyRankOneInverse', 'P', P, q, p);
      checkPositive('applyRankOneInverse', 'rho', rho);
      // |â|²|ĝ|² and ĝGâᵀ leave the range of the dtype long before P does. With the unit vectors
      // u = â/|â| and v = ĝ/|ĝ| and with z = ρ/(|â||ĝ|)² the same P is (G − (vGuᵀ)/(1 + z)·vᵀu)/ρ,
      // where no product is larger than |G|/ρ; z may overflow to Infinity or underflow to 0, and
      // the correction then is 0 or whole, as it should be.
      scratch.borrow((take) => {
        /** v̂/|v̂| and 1/|v̂| for v̂ = scale·v: both 0 where v̂ is 0, and NaN where |v̂|² overflows. */
        const normalise = (v: Slot<D>) => {
          const [square, norm, inverse] = Array.from({ length: 3 }, () => take(1, 1));
          const unit = take(1, v.cols);
          backend.dot(scale ** 2, v, v, 0, square);
          backend.divideByRoot(1, square, 1, square, TINY[backend.dtype], norm);
          backend.divide(norm, square, TINY[backend.dtype], inverse);
          backend.gemm(scale, inverse, 'N', v, 'N', 0, unit);
          return { unit, inverse };
        };
        const { unit: u, inverse: x } = normalise(a);
        const { unit: v, inverse: y } = normalise(g);
        const row = take(1, p);
        const [xy, z, vGu, quotient] = Array.from({ length: 4 }, () => take(1, 1));
        backend.multiply(1, x, y, 0, xy);
        backend.multiply(rho, xy, xy, 0, z);
        backend.gemm(1, v, 'N', G, 'N', 0, row);
        backend.dot(1, row, u, 0, vGu);
        backend.divide(vGu, z, 1, quotient);
        backend.gemm(-1 / rho, quotient, 'N', u, 'N', 0, row);
        backend.axpby(1 / rho, G, 0, P);
        backend.gemm(1, v, 'T', row, 'N', 1, P);
      });
    },

    axpby: (alpha, A, beta, C) => backend.axpby(alpha, A, beta, C),
    multiply: (alpha, A, B, beta, C) => backend.multiply(alpha, A, B, beta, C),
    divideByRoot: (alpha, A, beta, B, shift, C) =>
      backend.divideByRoot(alpha, A, beta, B, shift, C),
    innerProduct(alpha, A, B, beta, s) {
      check('innerProduct', { A, B }, { s });
      checkShape('innerProduct', 'B', B, A.rows, A.cols);
      checkShape('innerProduct', 's', s, 1, 1);
      backend.dot(alpha, A, B, beta, s);
    },
    clip: (s, limit, C) => backend.clip(s, limit, C),

    joinColumns(W, b, G) {
      check('joinColumns', { W, b }, { G });
      checkShape('joinColumns', 'b', b, W.rows, 1);
      checkShape('joinColumns', 'G', G, W.rows, W.cols + 1);
      backend.copyColumns(W, 0, G, 0, W.cols);
      backend.copyColumns(b, 0, G, W.cols, 1);
    },

    splitColumns(G, W, b) {
      check('splitColumns', { G }, { W, b });
      checkShape('splitColumns', 'W', W, G.rows, G.cols - 1);
      checkShape('splitColumns', 'b', b, G.rows, 1);
      backend.copyColumns(G, 0, W, 0, W.cols);
      backend.copyColumns(G, W.cols, b, 0, 1);
    },
  };
}
