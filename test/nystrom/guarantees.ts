// By how much a factor exceeds the bounds of the Nyström lemma (Frangella, Tropp and Udell,
// arXiv:2110.02820, Lemma 2.1), each of them up to the shift ν: never by more than rounding.

import { type DType, EPSILON } from '../../src/core/dtype.js';
import type { DenseMatrix } from '../../src/core/matrix.js';
import { spdInverse } from '../../src/linalg/cholesky.js';
import { eigh, eigvalsh } from '../../src/linalg/eigh.js';
import { denseSketch, type Sketch } from '../../src/sketch/sketch.js';
import { build, combine, type Matrix, product, transpose } from '../support/matrices.js';
import {
  approximation,
  denseAs,
  operatorNorm,
  sketchOf,
  smallestEigenvalue,
  spectralNorm,
  tinyShift,
} from '../support/nystrom.js';
import { randomOrthogonal } from '../support/spectra.js';
import type { Construction } from './wrong.js';

/** A positive semidefinite matrix, its sketch, and the way to make a factor from both. */
export interface Trial<D extends DType> {
  readonly A: Matrix;
  readonly sketch: Sketch<D>;
  readonly C: DenseMatrix<D>;
  readonly nu: number;
  readonly construct: Construction;
}

/** How far a trial lies beyond a bound; ≤ 0 in exact arithmetic. */
export type Excess = <D extends DType>(trial: Trial<D>) => number;

/** Rounding of the float64 oracles, and of C in its own dtype. */
export function roundingUnit<D extends DType>({ A, C }: Trial<D>): number {
  return A.rows * EPSILON.float64 * spectralNorm(A) + tinyShift(C);
}

function approximationOf<D extends DType>({ C, sketch, nu, construct }: Trial<D>): Matrix {
  return approximation(construct(C, sketch, nu));
}

/** S → SM with M = Q·diag(1 … 2), Q orthogonal: another basis of the same range. */
function inOtherBasis<D extends DType>(trial: Trial<D>): Trial<D> {
  const { A, C, sketch } = trial;
  const k = sketch.width;
  const Q = randomOrthogonal(k, 7);
  const M = build(k, k, (i, j) => Q.at(i, j) * (1 + j / k));
  const SM = denseAs(product(denseSketch(sketch, 'float64'), 'N', M, 'N'), C.dtype);
  return { ...trial, sketch: SM, C: sketchOf(A, SM, C.dtype) };
}

/**
 * By how much Â moves with C = AS: with Y = C + νS and B = SᵀY a change E of C changes Â by
 * E·B⁻¹Yᵀ + YB⁻¹·Eᵀ − YB⁻¹·SᵀE·B⁻¹Yᵀ, at most (1 + ‖YB⁻¹‖‖S‖)²·‖E‖/‖S‖.
 */
function sensitivity<D extends DType>({ A, nu, sketch }: Trial<D>): number {
  const S = denseSketch(sketch, 'float64');
  const Y = combine(1, product(A, 'N', S, 'N'), nu, S);
  const B = product(S, 'T', Y, 'N');
  const core = spdInverse(combine(0.5, B, 0.5, transpose(B)));
  return (1 + operatorNorm(product(Y, 'N', core, 'N')) * operatorNorm(S)) ** 2;
}

/** The bounds that hold for every A. */
export const GUARANTEES = {
  '0 ⪯ Â': (trial) => -smallestEigenvalue(approximationOf(trial)),

  'Â ⪯ A + νI': (trial) =>
    -smallestEigenvalue(combine(1, trial.A, -1, approximationOf(trial))) - trial.nu,

  'λⱼ(Â) ≤ λⱼ(A)': (trial) => {
    const values = eigvalsh(trial.A);
    const excesses = eigvalsh(approximationOf(trial)).map((value, j) => value - values[j]);
    return Math.max(...excesses);
  },

  '‖ÂS − AS‖ ≤ ν‖S‖': (trial) => {
    const S = denseSketch(trial.sketch, 'float64');
    const E = combine(1, trial.A, -1, approximationOf(trial));
    return operatorNorm(product(E, 'N', S, 'N')) - trial.nu * operatorNorm(S);
  },

  'Â depends on range(S) alone': (trial) => {
    const other = approximationOf(inOtherBasis(trial));
    return spectralNorm(combine(1, approximationOf(trial), -1, other)) / sensitivity(trial);
  },
} as const satisfies Record<string, Excess>;

export type GuaranteeName = keyof typeof GUARANTEES;

/**
 * ‖A − Â‖/γ ≤ ν where VᵀS has full row rank, V a basis of range(A): then SW with W = (VᵀS)⁺Vᵀ
 * reproduces A, so that the Schur complement of A + νI is at most ν(I − SW)(I − SW)ᵀ and
 * γ = (1 + ‖S‖/σmin(VᵀS))² bounds what the shift can cost. It multiplies rounding in A and AS, too.
 */
export function exactnessExcess<D extends DType>(trial: Trial<D>, rank: number): number {
  const { A, nu, sketch } = trial;
  const V = eigh(A).vectors.view(0, 0, A.rows, rank).clone();
  const S = denseSketch(sketch, 'float64');
  const VtS = product(V, 'T', S, 'N');
  const sigma = Math.sqrt(smallestEigenvalue(product(VtS, 'N', VtS, 'T')));
  const gamma = (1 + operatorNorm(S) / sigma) ** 2;
  return spectralNorm(combine(1, A, -1, approximationOf(trial))) / gamma - nu;
}
