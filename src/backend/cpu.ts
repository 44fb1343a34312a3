// The backend of the host: the kernels of this library on matrices in ordinary memory.

import {
  checkChoice,
  checkDType,
  checkFinite,
  checkNonNegative,
  checkShape,
} from '../core/check.js';
import { BYTES, type DType } from '../core/dtype.js';
import { copyInto, type DenseMatrix, zeros } from '../core/matrix.js';
import { gemm } from '../kernels/gemm.js';
import {
  axpby,
  copyColumns,
  divide,
  divideByRoot,
  dot,
  gatherColumns,
  multiply,
  rescale,
} from '../kernels/level1.js';
import { checkDisjoint, overlaps } from '../kernels/overlap.js';
import { kernelInfo } from '../kernels/selection.js';
import { sketchMoment } from '../kernels/sketch-moment.js';
import { syrk } from '../kernels/syrk.js';
import type { SyncBackend } from './backend.js';
import { engineFrom } from './compose.js';
import type { SyncEngine } from './engine.js';
import type { Slot } from './slot.js';

/** What only the host can do: work on memory that somebody else owns. */
interface Wrapping<D extends DType> {
  /**
   * A slot that shares the memory of `A`: operations read and change `A` itself, nothing is copied,
   * and freeing the slot leaves `A` alone.
   *
   * Slots that overlap in memory are one operand: no operation takes both as input and output.
   *
   * @throws TypeError where `A` has another dtype.
   */
  wrap(A: DenseMatrix<D>): Slot<D>;
}

/** A backend whose slots are {@link DenseMatrix}es. */
export interface CpuBackend<D extends DType = DType> extends SyncBackend<D>, Wrapping<D> {}

/** An engine whose slots are {@link DenseMatrix}es. */
export interface CpuEngine<D extends DType = DType> extends SyncEngine<D>, Wrapping<D> {}

/**
 * A backend that runs the kernels of this library at once: on the calling thread, and those of an open
 * pool.
 *
 * Its operations check owner, shapes and overlap first and throw TypeError or RangeError with no
 * state changed. They compute with whatever numbers they are given, NaN included; `checkFinite` is
 * for whoever takes data from a user.
 *
 * @throws RangeError for an unknown dtype.
 */
export function cpuBackend<D extends DType>(dtype: D): CpuBackend<D> {
  checkChoice('cpuBackend', 'dtype', dtype, Object.keys(BYTES));

  // One class for each backend: to be its instance is to belong to this backend.
  class CpuSlot implements Slot<D> {
    readonly owner: object = CpuSlot;
    readonly dtype = dtype;
    readonly rows: number;
    readonly cols: number;
    /** Gone once the slot is freed. */
    matrix: DenseMatrix<D> | undefined;

    constructor(matrix: DenseMatrix<D>) {
      this.rows = matrix.rows;
      this.cols = matrix.cols;
      this.matrix = matrix;
    }
  }

  const own = (where: string, name: string, A: Slot<D>): CpuSlot => {
    if (A instanceof CpuSlot) return A;
    throw new TypeError(
      `${where}: ${name} belongs to another engine, expected a slot of this one (cpu, ${dtype})`,
    );
  };

  const content = (where: string, name: string, A: Slot<D>): DenseMatrix<D> => {
    const { matrix } = own(where, name, A);
    if (matrix !== undefined) return matrix;
    throw new TypeError(`${where}: ${name} was freed, expected a slot in use`);
  };

  return {
    dtype,
    info: {
      name: 'cpu',
      // Read when it is asked for: the kernels of a process can be chosen anew.
      get variant() {
        const { kind, variant } = kernelInfo();
        return `${kind}-${variant}`;
      },
      get threads() {
        return kernelInfo().threads;
      },
    },
    reading: 'sync',

    allocate: (rows, cols) => new CpuSlot(zeros(dtype, rows, cols)),

    wrap(A) {
      checkDType('wrap', 'A', A, dtype);
      return new CpuSlot(A);
    },

    write(A, value) {
      const a = content('write', 'A', A);
      checkDType('write', 'value', value, dtype);
      checkShape('write', 'value', value, A.rows, A.cols);
      copyInto(overlaps(value, a) ? value.clone() : value, a);
    },

    read: (A) => content('read', 'A', A).clone(),

    free(A) {
      content('free', 'A', A);
      own('free', 'A', A).matrix = undefined;
    },

    overlaps: (A, B) => overlaps(content('overlaps', 'A', A), content('overlaps', 'B', B)),

    checkFinite: (where, name, A) => checkFinite(where, name, content(where, name, A)),

    gemm(alpha, A, opA, B, opB, beta, C) {
      const a = content('gemm', 'A', A);
      const b = content('gemm', 'B', B);
      gemm(alpha, a, opA, b, opB, beta, content('gemm', 'C', C));
    },

    syrk(alpha, A, beta, C) {
      const a = content('syrk', 'A', A);
      syrk(alpha, a, 'T', beta, content('syrk', 'C', C), 'both');
    },

    sketchMoment(X, sketch, weight, decay, C) {
      const x = content('sketchMoment', 'X', X);
      const c = content('sketchMoment', 'C', C);
      const operand =
        sketch.kind === 'dense'
          ? ({ kind: 'dense', S: content('sketchMoment', 'S', sketch.S) } as const)
          : sketch;
      sketchMoment(weight, x, operand, decay, c);
    },

    axpby(alpha, A, beta, C) {
      const a = content('axpby', 'A', A);
      axpby(alpha, a, beta, content('axpby', 'C', C));
    },

    multiply(alpha, A, B, beta, C) {
      const a = content('multiply', 'A', A);
      const b = content('multiply', 'B', B);
      multiply(alpha, a, b, beta, content('multiply', 'C', C));
    },

    divide(A, B, shift, C) {
      const a = content('divide', 'A', A);
      const b = content('divide', 'B', B);
      divide(a, b, shift, content('divide', 'C', C));
    },

    divideByRoot(alpha, A, beta, B, shift, C) {
      const a = content('divideByRoot', 'A', A);
      const b = content('divideByRoot', 'B', B);
      divideByRoot(alpha, a, beta, b, shift, content('divideByRoot', 'C', C));
    },

    dot(alpha, A, B, beta, s) {
      const a = content('dot', 'A', A);
      const b = content('dot', 'B', B);
      const sum = content('dot', 's', s);
      checkShape('dot', 's', s, 1, 1);
      checkDisjoint('dot', 'A', a, 's', sum);
      checkDisjoint('dot', 'B', b, 's', sum);
      const term = alpha * dot(a, b);
      sum.set(0, 0, beta === 0 ? term : term + beta * sum.at(0, 0));
    },

    clip(s, limit, C) {
      const value = content('clip', 's', s);
      const c = content('clip', 'C', C);
      checkShape('clip', 's', s, 1, 1);
      checkNonNegative('clip', 'limit', limit);
      checkDisjoint('clip', 's', value, 'C', c);
      const sum = value.at(0, 0);
      // NaN is not ≤ 0, so a broken sum breaks C instead of passing for a small one.
      if (!(sum <= 0)) rescale(Math.min(1, Math.sqrt(limit / sum)), c);
    },

    gatherColumns(A, indices, C) {
      const a = content('gatherColumns', 'A', A);
      gatherColumns(a, indices, content('gatherColumns', 'C', C));
    },

    copyColumns(A, from, C, to, count) {
      const a = content('copyColumns', 'A', A);
      const c = content('copyColumns', 'C', C);
      // The kernel allows columns apart; a device that may not read its own output cannot.
      checkDisjoint('copyColumns', 'A', a, 'C', c);
      copyColumns(a, from, c, to, count);
    },
  };
}

/**
 * The engine of {@link cpuBackend}, which can {@link Wrapping.wrap | wrap} matrices besides.
 *
 * @throws RangeError for an unknown dtype.
 */
export function cpuEngine<D extends DType>(dtype: D): CpuEngine<D> {
  const backend = cpuBackend(dtype);
  return { ...engineFrom(backend), wrap: (A) => backend.wrap(A) };
}
