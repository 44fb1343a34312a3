// The second moments of per-example gradients in given bases, whatever the rows are.

import type { Backend, Slot, Take } from '../backend/backend.js';
import { sideBySide } from '../backend/side-by-side.js';
import { type DType, LARGEST } from '../core/dtype.js';
import { filled } from './dense.js';
import type { Rows } from './rows.js';

/** The bases: Q_A (p×p), or undefined for I, and Q_B (q×q). */
export interface Bases<D extends DType> {
  readonly QA: Slot<D> | undefined;
  readonly QB: Slot<D>;
}

/**
 * S ← decay·S + weight·Σ wᵢ(Q_Bᵀdᵢ)²((Q_Aᵀxᵢ)²)ᵀ, q×p, over rows of X and D side by side, squares taken
 * element by element: with all weights 1, ((DQ_B)²)ᵀ((XQ_A)²).
 *
 * The squares of DQ_B are there as a whole (q×m), those of XQ_A strip by strip. Cost: m(p² + q² + pq)
 * multiply-adds, without p² where Q_A = I; then one-hot rows cost m·min(m, p) in the place of mp.
 */
export function projectedSquares<D extends DType>(
  X: Rows<D>,
  gradients: Rows<D>,
  { QA, QB }: Bases<D>,
  weight: number,
  decay: number,
  S: Slot<D>,
): void {
  const { backend } = X;
  backend.borrow((take) => {
    const T = transposedSquares(backend, take, gradients, QB);
    if (QA === undefined) {
      X.squares(T, weight, decay, S);
      return;
    }
    let from = 0;
    let keep = decay;
    X.visit((strip) => {
      backend.borrow((takeHere) => {
        const [XQ, squares] = [takeHere(strip.rows, strip.cols), takeHere(strip.rows, strip.cols)];
        const own = takeHere(T.rows, strip.rows);
        backend.gemm(1, strip, 'N', QA, 'N', 0, XQ);
        backend.multiply(1, XQ, XQ, 0, squares);
        backend.sliceColumns(T, from, own);
        backend.gemm(weight, own, 'N', squares, 'N', keep, S);
      });
      from += strip.rows;
      keep = 1;
    });
  });
}

/**
 * ((DQ)²)ᵀ, q×m. A weighted row of D is √w·d, and so is that of X: the product of their squares has w², so
 * one w is taken out here.
 */
function transposedSquares<D extends DType>(
  backend: Backend<D>,
  take: Take<D>,
  gradients: Rows<D>,
  Q: Slot<D>,
): Slot<D> {
  const strips: Slot<D>[] = [];
  gradients.visit((strip) => {
    const squares = take(Q.cols, strip.rows);
    backend.borrow((takeHere) => {
      const projected = takeHere(Q.cols, strip.rows);
      backend.gemm(1, Q, 'T', strip, 'T', 0, projected);
      backend.multiply(1, projected, projected, 0, squares);
    });
    strips.push(squares);
  });
  const all = sideBySide(backend, take, strips);
  const { weights } = gradients;
  if (weights === undefined) return all;
  const [ones, inverse, spread, once] = [
    take(all.rows, 1),
    take(all.cols, 1),
    take(all.rows, all.cols),
    take(all.rows, all.cols),
  ];
  backend.write(
    ones,
    filled(backend.dtype, all.rows, () => 1),
  );
  backend.write(
    inverse,
    filled(backend.dtype, all.cols, (i) =>
      weights[i] === 0 ? 0 : Math.min(1 / weights[i], LARGEST[backend.dtype]),
    ),
  );
  backend.gemm(1, ones, 'N', inverse, 'T', 0, spread);
  backend.multiply(1, all, spread, 0, once);
  return once;
}
