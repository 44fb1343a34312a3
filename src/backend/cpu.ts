// The backend of the host: the kernels of this library on matrices in ordinary memory.

import { checkChoice, checkDType } from '../core/check.js';
import { DTYPES, type DType } from '../core/dtype.js';
import {
  checkMatrix,
  copyInto,
  type DenseMatrix,
  largestMagnitude,
  zeros,
} from '../core/matrix.js';
import { gemm } from '../kernels/gemm.js';
import { axpby, divide, divideByRoot, dot, multiply, rescale } from '../kernels/level1.js';
import { copyColumns, gatherColumns } from '../kernels/movement.js';
import { firstOverlap, overlaps } from '../kernels/overlap.js';
import { kernelInfo } from '../kernels/selection.js';
import { sketchMoment } from '../kernels/sketch-moment.js';
import { syrk } from '../kernels/syrk.js';
import type { Backend, Slot } from './backend.js';
import type { Primitives } from './primitives.js';
import { SlotBackend } from './slot-backend.js';

/** A backend whose slots are {@link DenseMatrix}es. */
export interface CpuBackend<D extends DType = DType> extends Backend<D> {
  readSync(A: Slot<D>): DenseMatrix<D>;
  bound(A: Slot<D>): number;
  /**
   * A slot that shares the memory of `A`: operations read and change `A` itself, nothing is copied,
   * and freeing the slot leaves `A` alone.
   *
   * Slots that overlap in memory are one operand: no operation takes both as input and output.
   *
   * @throws TypeError where `A` is no matrix or has another dtype.
   */
  wrap(A: DenseMatrix<D>): Slot<D>;
}

/**
 * A backend that runs the kernels of this library at once: on the calling thread, and those of an open
 * pool. It computes with whatever numbers it is given, NaN included.
 *
 * @throws RangeError for an unknown dtype.
 */
export function cpuBackend<D extends DType>(dtype: D): CpuBackend<D> {
  checkChoice('cpuBackend', 'dtype', dtype, DTYPES);
  return new HostBackend(dtype);
}

class HostBackend<D extends DType> extends SlotBackend<D, DenseMatrix<D>> implements CpuBackend<D> {
  declare readonly readSync: (A: Slot<D>) => DenseMatrix<D>;
  declare readonly bound: (A: Slot<D>) => number;

  constructor(dtype: D) {
    super(hostPrimitives(dtype));
  }

  wrap(A: DenseMatrix<D>): Slot<D> {
    checkMatrix('wrap', 'A', A);
    checkDType('wrap', 'A', A, this.dtype);
    return this.hold(A.rows, A.cols, A);
  }

  /** The memory of a wrapped matrix is its owner's, who may have given it away. */
  protected override contentOf(where: string, name: string, A: Slot<D>): DenseMatrix<D> {
    const content = super.contentOf(where, name, A);
    checkMatrix(where, name, content);
    return content;
  }
}

/** The kernels of this library as primitives. */
export function hostPrimitives<D extends DType>(dtype: D): Primitives<D, DenseMatrix<D>> {
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
    sharing: { overlap: overlaps, first: firstOverlap },

    allocate: (rows, cols) => zeros(dtype, rows, cols),
    write: (A, value) => copyInto(overlaps(value, A) ? value.clone() : value, A),
    read: async (A) => A.clone(),
    readSync: (A) => A.clone(),
    bound: largestMagnitude,

    gemm,
    syrk: (alpha, A, beta, C) => syrk(alpha, A, 'T', beta, C, 'both'),
    axpby,
    multiply,
    divide,
    divideByRoot,
    dot(alpha, A, B, beta, s) {
      const term = alpha * dot(A, B);
      s.set(0, 0, beta === 0 ? term : term + beta * s.at(0, 0));
    },
    clip(s, limit, C) {
      const sum = s.at(0, 0);
      // NaN is not ≤ 0, so a broken sum breaks C instead of passing for a small one.
      if (!(sum <= 0)) rescale(Math.min(1, Math.sqrt(limit / sum)), C);
    },
    joinColumns(A, B, C) {
      copyColumns(A, 0, C, 0, A.cols);
      copyColumns(B, 0, C, A.cols, B.cols);
    },
    sliceColumns: (A, from, C) => copyColumns(A, from, C, 0, C.cols),
    gatherColumns,

    fused: {
      sketchMoment: (X, S, weight, decay, C) => sketchMoment(weight, X, S, decay, C),
    },
  };
}
