// Orthonormal columns by primitives alone, so that nothing has to be read.

import type { DType } from '../core/dtype.js';
import { zeros } from '../core/matrix.js';
import type { Backend, Slot } from './backend.js';

/** Norms from here on become 1, where their squares are far from the ends of float32. */
const LEAST = 2 ** -30;

/** A ← A/‖A‖F in place; A/2⁻³⁰ where ‖A‖F is less than that, and 0 where A is 0. */
export function normalize<D extends DType>(backend: Backend<D>, A: Slot<D>): void {
  backend.borrow((take) => {
    const square = take(1, 1);
    backend.dot(1, A, A, 0, square);
    backend.clip(square, LEAST ** 2, A);
    backend.axpby(1 / LEAST, A, 0, A);
  });
}

/**
 * Q ← an orthonormal basis of the columns of Y, p×k with p ≥ k: column by column by classical Gram–Schmidt,
 * every projection done twice. All of Q is projected on, of which the columns to come are 0.
 *
 * QᵀQ = I up to rounding where what every column adds to those before it is more than its own rounding.
 * Cost: 8pk² flops in 13k operations of the backend; nothing is read.
 * Source: Giraud, Langou, Rozložník and van den Eshof 2005 (twice is enough).
 */
export function orthonormalize<D extends DType>(backend: Backend<D>, Y: Slot<D>, Q: Slot<D>): void {
  const { rows: p, cols: k } = Y;
  backend.borrow((take) => {
    const [identity, e, y, along] = [take(k, k), take(k, 1), take(p, 1), take(k, 1)];
    const I = zeros(backend.dtype, k, k);
    for (let j = 0; j < k; j++) I.set(j, j, 1);
    backend.write(identity, I);
    for (let j = 0; j < k; j++) {
      backend.sliceColumns(Y, j, y);
      for (let pass = 0; pass < 2; pass++) {
        if (j > 0) {
          backend.gemm(1, Q, 'T', y, 'N', 0, along);
          backend.gemm(-1, Q, 'N', along, 'N', 1, y);
        }
        normalize(backend, y);
      }
      backend.sliceColumns(identity, j, e);
      backend.gemm(1, y, 'N', e, 'T', j === 0 ? 0 : 1, Q);
    }
  });
}
