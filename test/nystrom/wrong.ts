// Factors that are wrong on purpose: what a property is worth shows in what it refuses.

import type { DType } from '../../src/core/dtype.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import { trsm } from '../../src/kernels/trsm.js';
import { addToDiagonal, cholesky } from '../../src/linalg/cholesky.js';
import { eigh } from '../../src/linalg/eigh.js';
import { nystromEigenpairs } from '../../src/nystrom/factor.js';
import { publishedEigenpairs } from '../../src/published/factor.js';
import { denseSketch, type Sketch } from '../../src/sketch/sketch.js';
import { combine, product } from '../support/matrices.js';
import type { Pairs } from '../support/nystrom.js';

/** A way to make eigenpairs from C = AS, S and a shift ν. */
export type Construction = <D extends DType>(
  C: DenseMatrix<D>,
  sketch: Sketch<D>,
  nu: number,
) => Pairs;

/** The library's. */
export const library: Construction = (C, sketch, shift) => nystromEigenpairs(C, sketch, { shift });

interface Recipe {
  /** Y = C + νS and B = SᵀY, or only B = SᵀC + νI with Y = C. */
  readonly shifts: 'both' | 'core';
  /** X̃ = Y L⁻ᵀ or Y L⁻¹. */
  readonly solve: 'T' | 'N';
  /** λ̂ = σ² − removed·ν. */
  readonly removed: number;
}

function follow({ shifts, solve, removed }: Recipe): Construction {
  return (C, sketch, nu) => {
    const S = denseSketch(sketch, 'float64');
    const AS = convert(C, 'float64');
    const Y = shifts === 'both' ? combine(1, AS, nu, S) : AS.clone();
    const B = product(S, 'T', Y, 'N');
    if (shifts === 'core') addToDiagonal(B, nu);
    trsm('right', solve, 1, cholesky(B), Y);
    const { vectors, eigenvalues } = eigh(product(Y, 'N', Y, 'T'));
    return {
      U: vectors.view(0, 0, C.rows, C.cols).clone(),
      eigenvalues: eigenvalues.slice(0, C.cols).map((value) => value - removed * nu),
    };
  };
}

/** The same mathematics by a dense eigendecomposition of X̃X̃ᵀ: {@link WRONG} differs from it alone. */
export const dense: Construction = follow({ shifts: 'both', solve: 'T', removed: 1 });

export const WRONG = {
  'L⁻¹ instead of L⁻ᵀ': follow({ shifts: 'both', solve: 'N', removed: 1 }),
  'the shift on SᵀC but not on C': follow({ shifts: 'core', solve: 'T', removed: 1 }),
  'the shift left in the eigenvalues': follow({ shifts: 'both', solve: 'T', removed: 0 }),
  'ten times the shift removed': follow({ shifts: 'both', solve: 'T', removed: 10 }),
  'the published variant': (C, sketch, nu) => publishedEigenpairs(C, sketch, nu),
  'the eigenvalues halved': (C, sketch, nu) => {
    const { U, eigenvalues } = dense(C, sketch, nu);
    return { U, eigenvalues: eigenvalues.map((value) => value / 2) };
  },
} as const satisfies Record<string, Construction>;

export type WrongName = keyof typeof WRONG;
