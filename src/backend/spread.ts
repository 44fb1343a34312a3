// A number that lies on a device as the factor of a matrix, by primitives alone, so that nothing has to be read.

import type { DType } from '../core/dtype.js';
import { zeros } from '../core/matrix.js';
import { type Backend, type Slot, type Take, upload } from './backend.js';

/** Spreads 1×1 slots over matrices of one shape: no operation of a backend takes a slot for a factor. */
export class Spread<D extends DType> {
  /** A column and a row of ones. */
  readonly ones: readonly [Slot<D>, Slot<D>];
  readonly #backend: Backend<D>;

  constructor(backend: Backend<D>, { rows, cols }: { rows: number; cols: number }) {
    const ones = (m: number, n: number): Slot<D> => {
      const value = zeros(backend.dtype, m, n);
      value.data.fill(1);
      return upload(backend, value);
    };
    this.#backend = backend;
    this.ones = [ones(rows, 1), ones(1, cols)];
  }

  /** The matrix that has `s` everywhere. Cost: a flop an element. */
  of(s: Slot<D>, take: Take<D>): Slot<D> {
    const [column, row] = this.ones;
    const [scaled, all] = [take(1, row.cols), take(column.rows, row.cols)];
    this.#backend.gemm(1, s, 'N', row, 'N', 0, scaled);
    this.#backend.gemm(1, column, 'N', scaled, 'N', 0, all);
    return all;
  }

  /** C ← C + α·s·A. Cost: 3 flops an element. */
  addMultiple(alpha: number, s: Slot<D>, A: Slot<D>, C: Slot<D>): void {
    this.#backend.borrow((take) => {
      this.#backend.multiply(alpha, this.of(s, take), A, 1, C);
    });
  }
}
