// Dense counterparts of what the Nyström code never forms, in float64, at a size where they are cheap.

import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import { addToDiagonal, spdInverse } from '../../src/linalg/cholesky.js';
import { eigvalsh } from '../../src/linalg/eigh.js';
import type { Eigenpairs } from '../../src/nystrom/factor.js';
import type { SketchShape } from '../../src/sketch/shape.js';
import { denseSketch, type Sketch } from '../../src/sketch/sketch.js';
import { build, type Matrix, norm, product } from './matrices.js';
import { geometric } from './spectra.js';

export const KINDS = ['gaussian', 'subcolumn'] as const;

/** The part of {@link Eigenpairs} that says what Â is. */
export type Pairs = Pick<Eigenpairs, 'U' | 'eigenvalues'>;

/** p of every spectrum below. */
export const INPUTS = 32;

const spectrum = (f: (j: number) => number) => Array.from({ length: INPUTS }, (_, j) => f(j));

/** Spectra λ₁ ≥ λ₂ ≥ … of the kinds on which low-rank approximations behave differently. */
export const SPECTRA = {
  exponential: geometric(INPUTS, 1, 2 ** -31),
  polynomial: spectrum((j) => 2 / (j + 1) ** 2),
  step: spectrum((j) => (j < 4 ? 3 : 1e-3)),
  rankFive: spectrum((j) => (j < 5 ? 2 - j / 4 : 0)),
  clustered: spectrum((j) => 10 ** -Math.floor(j / 4)),
} as const;

export type SpectrumName = keyof typeof SPECTRA;

/** Â = U·diag(λ̂)·Uᵀ. */
export function approximation({ U, eigenvalues }: Pairs): Matrix {
  const scaled = build(U.rows, U.cols, (i, j) => eigenvalues[j] * U.at(i, j));
  return product(scaled, 'N', U, 'T');
}

/** A sketch that is a matrix. */
export interface DenseSketch<D extends DType> extends SketchShape {
  readonly kind: 'dense';
  readonly S: DenseMatrix<D>;
}

/** Any dense S as a sketch, rounded to `dtype`. */
export function denseAs<D extends DType>(S: Matrix, dtype: D): DenseSketch<D> {
  return { kind: 'dense', inputs: S.rows, width: S.cols, S: convert(S, dtype) };
}

/** C = AS, rounded to `dtype`. */
export function sketchOf<D extends DType>(A: Matrix, sketch: Sketch<D>, dtype: D): DenseMatrix<D> {
  return convert(product(A, 'N', denseSketch(sketch, 'float64'), 'N'), dtype);
}

/** √p·eps·‖C‖F: the documented 'tiny' shift. */
export function tinyShift(C: DenseMatrix): number {
  return Math.sqrt(C.rows) * EPSILON[C.dtype] * norm(convert(C, 'float64'));
}

/** ‖A‖₂ of a symmetric A. */
export function spectralNorm(A: Matrix): number {
  const values = eigvalsh(A);
  return Math.max(values[0], -values[values.length - 1]);
}

/** ‖A‖₂ of any A. */
export function operatorNorm(A: Matrix): number {
  return Math.sqrt(spectralNorm(product(A, 'T', A, 'N')));
}

/** ‖A‖₁ = Σ|λⱼ| of a symmetric A. */
export function nuclearNorm(A: Matrix): number {
  return eigvalsh(A).reduce((sum, value) => sum + Math.abs(value), 0);
}

/** The smallest eigenvalue of a symmetric A. */
export function smallestEigenvalue(A: Matrix): number {
  return eigvalsh(A)[A.rows - 1];
}

/** (A + ρI)⁻¹. */
export function dampedInverse(A: Matrix, rho: number): Matrix {
  const damped = A.clone();
  addToDiagonal(damped, rho);
  return spdInverse(damped);
}
