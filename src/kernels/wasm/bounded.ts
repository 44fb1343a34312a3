// Which calls the WebAssembly kernels take: in strips that bound their memory, and within their range.

import { SMALLEST_NORMAL } from '../../core/dtype.js';
import type { DenseMatrix, Op } from '../../core/matrix.js';
import type { Kernels, SketchMatrix } from '../kernels.js';
import { scalarKernels } from '../scalar/index.js';
import { Refusal } from './refusal.js';

/** Kernels that work on a memory of their own. */
export interface Inside {
  readonly kernels: Kernels;
  /** Bytes of that memory, which never shrinks. */
  bytes(): number;
}

/** What may be inside at a time. */
export interface Bounds {
  /** Columns of a product, and of one whose lower triangle alone is computed. */
  readonly width: number;
  readonly triangle: number;
  /** Rows of a product. */
  readonly height: number;
  /** Elements of an operand that is not needed as a whole, beyond the smallest block. */
  readonly area: number;
  /** Elements of the C of a sketch. */
  readonly moment: number;
  /** Elements of an operand that is needed as a whole. */
  readonly elements: number;
  /** Bytes of memory that are kept from call to call. */
  readonly kept: number;
}

/** The bounds of this library: 2²⁶ elements of float64 are 512 MiB, and 2²⁸ bytes are kept. */
export const BOUNDS: Bounds = {
  width: 8192,
  triangle: 4096,
  height: 2 ** 14,
  area: 2 ** 22,
  moment: 2 ** 24,
  elements: 2 ** 26,
  kept: 2 ** 28,
};

/** Depth of the blocks of the product: chunks are multiples of it, so that sums keep their order. */
export const DEPTH = 256;

/** With a larger factor, what underflows in op(A)·op(B) would show. */
const LARGEST_FACTOR = 2 ** 24;

/**
 * The kernels that `start` gives, called within the bounds only. What they refuse, `instead` computes;
 * what is too large for them, and factors that float32 would distort, are left to plain TypeScript, which
 * sums in float64. Where a product is cut changes no bit.
 *
 * @throws what `start` throws; its kernels throw what those inside do, but no {@link Refusal}.
 */
export function boundedKernels(
  start: () => Inside,
  bounds: Bounds = BOUNDS,
  instead: () => Kernels = () => scalarKernels,
): Kernels {
  let inside = start();

  function run<T>(fits: boolean, call: (kernels: Kernels) => T): T {
    if (!fits) return call(scalarKernels);
    try {
      return call(inside.kernels);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return call(instead());
    } finally {
      if (inside.bytes() > bounds.kept) renew();
    }
  }

  /** Leaves a memory that grew too large to the garbage collector. */
  function renew(): void {
    try {
      inside = start();
    } catch {
      // The platform has no room for another one: this one goes on.
    }
  }

  const within = (rows: number, cols: number): boolean => rows * cols <= bounds.elements;

  const bounded: Kernels = {
    product(alpha, A, opA, B, opB, beta, C, lowerOnly) {
      const fits = areFactors(alpha, beta, C);
      const width = lowerOnly ? bounds.triangle : bounds.width;
      if (C.cols > width) {
        productOfStrips(bounded, width, alpha, A, opA, B, opB, beta, C, lowerOnly);
        return;
      }
      const { rows: m, cols: n } = C;
      const most = Math.min(bounds.height, Math.max(DEPTH, Math.floor(bounds.area / n)));
      if (lowerOnly || m <= most) {
        run(fits, (kernels) => kernels.product(alpha, A, opA, B, opB, beta, C, lowerOnly));
        return;
      }
      for (let i0 = 0; i0 < m; i0 += most) {
        const rows = Math.min(most, m - i0);
        const left = rowsOf(A, opA, i0, rows);
        const to = C.view(i0, 0, rows, n);
        run(fits, (kernels) => kernels.product(alpha, left, opA, B, opB, beta, to, false));
      }
    },
    sketchMoment(alpha, X, sketch, beta, C) {
      const { rows: p, cols: r } = C;
      const fits = within(p, 1) && areFactors(alpha, beta, C);
      const width = Math.max(1, Math.floor(bounds.moment / p));
      for (let j0 = 0; j0 < r; j0 += width) {
        const cols = Math.min(width, r - j0);
        const part = columnsOfSketch(sketch, j0, cols);
        const to = C.view(0, j0, p, cols);
        run(fits, (kernels) => kernels.sketchMoment(alpha, X, part, beta, to));
      }
    },
    fillNormal: (key, scale, S) =>
      run(within(S.rows, S.cols), (kernels) => kernels.fillNormal(key, scale, S)),
    solve: (side, op, alpha, L, B) =>
      run(within(L.rows, L.rows), (kernels) => kernels.solve(side, op, alpha, L, B)),
    cholesky: (A, L) => run(within(A.rows, A.rows), (kernels) => kernels.cholesky(A, L)),
    invertFactored: (L, B) =>
      run(within(L.rows, L.rows), (kernels) => kernels.invertFactored(L, B)),
    factorColumns: (At, Qt, Rt) =>
      run(within(At.rows, At.cols), (kernels) => kernels.factorColumns(At, Qt, Rt)),
    accumulate: (Vt, Qt) => run(within(Qt.rows, Qt.cols), (kernels) => kernels.accumulate(Vt, Qt)),
    tridiagonalise: (A, diagonal, offDiagonal) =>
      run(within(A.rows, A.rows), (kernels) => kernels.tridiagonalise(A, diagonal, offDiagonal)),
    rotate: (Z, rotations) =>
      run(within(Z.rows, Z.cols), (kernels) => kernels.rotate(Z, rotations)),
  };
  return bounded;
}

/** Whether a product can be summed in the dtype of C before it is multiplied by α, and C by β there. */
function areFactors(alpha: number, beta: number, C: DenseMatrix): boolean {
  if (C.dtype === 'float64') return true;
  const magnitude = Math.abs(alpha);
  if (magnitude < SMALLEST_NORMAL.float32 || magnitude > LARGEST_FACTOR) return false;
  return beta === 0 || Math.abs(beta) >= SMALLEST_NORMAL.float32;
}

/** A product in strips of columns; a lower triangle as a smaller one, and what lies below that. */
function productOfStrips(
  kernels: Kernels,
  width: number,
  alpha: number,
  A: DenseMatrix,
  opA: Op,
  B: DenseMatrix,
  opB: Op,
  beta: number,
  C: DenseMatrix,
  lowerOnly: boolean,
): void {
  const { rows: m, cols: n } = C;
  for (let j0 = 0; j0 < n; j0 += width) {
    const cols = Math.min(width, n - j0);
    const right = columnsOf(B, opB, j0, cols);
    if (!lowerOnly) {
      kernels.product(alpha, A, opA, right, opB, beta, C.view(0, j0, m, cols), false);
      continue;
    }
    const left = A === B && opA !== opB ? right : rowsOf(A, opA, j0, cols);
    kernels.product(alpha, left, opA, right, opB, beta, C.view(j0, j0, cols, cols), true);
    const i0 = j0 + cols;
    if (i0 === m) return;
    const below = rowsOf(A, opA, i0, m - i0);
    kernels.product(alpha, below, opA, right, opB, beta, C.view(i0, j0, m - i0, cols), false);
  }
}

/** Rows [from, from + count) of op(A). */
function rowsOf(A: DenseMatrix, op: Op, from: number, count: number): DenseMatrix {
  return op === 'N' ? A.view(from, 0, count, A.cols) : A.view(0, from, A.rows, count);
}

/** Columns [from, from + count) of op(A). */
function columnsOf(A: DenseMatrix, op: Op, from: number, count: number): DenseMatrix {
  return rowsOf(A, op === 'N' ? 'T' : 'N', from, count);
}

/** Columns [from, from + count) of S. */
function columnsOfSketch(sketch: SketchMatrix, from: number, count: number): SketchMatrix {
  return sketch.kind === 'dense'
    ? { kind: 'dense', S: columnsOf(sketch.S, 'N', from, count) }
    : { kind: 'columns', indices: sketch.indices.subarray(from, from + count) };
}
