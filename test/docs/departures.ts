// The figures of the algorithm that docs/departures.md quotes, each computed from its definition.

import { cpuBackend } from '../../src/backend/cpu.js';
import { stateBytes } from '../../src/backend/state.js';
import { type DenseMatrix, identity, zeros } from '../../src/core/matrix.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import { axpby, frobeniusNorm } from '../../src/kernels/level1.js';
import { trsm } from '../../src/kernels/trsm.js';
import { addToDiagonal, choleskyInPlace } from '../../src/linalg/cholesky.js';
import { eigh, eigvalsh } from '../../src/linalg/eigh.js';
import { type Eigenpairs, nystromEigenpairs } from '../../src/nystrom/factor.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { publishedEigenpairs } from '../../src/published/factor.js';
import { drawSketch, type SketchKind } from '../../src/sketch/distributions.js';
import { denseSketch, type Sketch } from '../../src/sketch/sketch.js';
import { only } from '../precondition/runs.js';
import { withSpectrum } from '../support/spectra.js';
import { median } from '../support/statistics.js';

type Matrix = DenseMatrix<'float64'>;

const P = 64;
const RANK = 10;
const SEEDS = 20;
const KINDS: readonly SketchKind[] = ['gaussian', 'subcolumn'];

/** λⱼ = 100·0.8ʲ: of the size of real activations beside ρ = 1, and captured to a tenth by rank ten. */
const decaying = Array.from({ length: P }, (_, j) => 100 * 0.8 ** j);
/** 10, 9, …, 1 and then zeros. */
const exactRank = Array.from({ length: P }, (_, j) => Math.max(RANK - j, 0));

/** op(A)·op(B). */
export function product(A: Matrix, opA: 'N' | 'T', B: Matrix, opB: 'N' | 'T'): Matrix {
  const C = zeros('float64', opA === 'N' ? A.rows : A.cols, opB === 'N' ? B.cols : B.rows);
  gemm(1, A, opA, B, opB, 0, C);
  return C;
}

/** A − B. */
export function difference(A: Matrix, B: Matrix): Matrix {
  const E = A.clone();
  axpby(-1, B, 1, E);
  return E;
}

function transposed(A: Matrix): Matrix {
  return product(identity('float64', A.cols), 'N', A, 'T');
}

function spectralNorm(E: Matrix): number {
  const values = eigvalsh(E);
  return Math.max(Math.abs(values[0]), Math.abs(values[values.length - 1]));
}

/** Â = U diag(λ̂) Uᵀ. */
function dense({ U, eigenvalues }: Eigenpairs): Matrix {
  const scaled = U.clone();
  for (let i = 0; i < U.rows; i++) {
    for (let j = 0; j < U.cols; j++) scaled.set(i, j, U.at(i, j) * eigenvalues[j]);
  }
  return product(scaled, 'N', U, 'T');
}

function relativeError(A: Matrix, pairs: Eigenpairs): number {
  return spectralNorm(difference(A, dense(pairs))) / spectralNorm(A);
}

function sketches(
  kind: SketchKind,
  seed: number,
  count: number,
  width = RANK,
): Sketch<'float64'>[] {
  const shape = { inputs: P, width };
  const key = foldIn(randomKey(20241016), seed);
  return Array.from({ length: count }, (_, draw) =>
    drawSketch(kind, shape, 'float64', foldIn(key, draw)),
  );
}

const S = (sketch: Sketch<'float64'>): Matrix => denseSketch(sketch, 'float64');

/** Median over seeds and both kinds of sketch. */
function typical(measure: (kind: SketchKind, seed: number) => number): number {
  return median(
    KINDS.flatMap((kind) => Array.from({ length: SEEDS }, (_, seed) => measure(kind, seed))),
  );
}

/** The published average: ten updates of the same A, each with a new sketch; and the newest sketch. */
function mixed(
  A: Matrix,
  kind: SketchKind,
  seed: number,
  rank = RANK,
): { C: Matrix; sketch: Sketch<'float64'> } {
  const [beta, updates] = [0.95, 10];
  const C = zeros('float64', P, rank);
  const drawn = sketches(kind, seed, updates, rank);
  for (const sketch of drawn) axpby(1 - beta, product(A, 'N', S(sketch), 'N'), beta, C);
  axpby(1 / (1 - beta ** updates), C, 0, C);
  return { C, sketch: drawn[updates - 1] };
}

/** Line 10: 1 − β^(k mod τ_cov) at every step k at which the inverse is refreshed. */
export function zeroCorrections(): number {
  const [beta, observeEvery, refreshEvery] = [0.95, 5, 50];
  const refreshes = Array.from({ length: 20 }, (_, i) => (i + 1) * refreshEvery);
  const zero = refreshes.filter((k) => 1 - beta ** (k % observeEvery) === 0);
  return (100 * zero.length) / refreshes.length;
}

/** ‖W − Wᵀ‖F/‖W‖F of W = SᵀC when C mixes ten sketches. */
export function asymmetry(): number {
  const A = withSpectrum('float64', decaying, 1);
  return typical((kind, seed) => {
    const { C, sketch } = mixed(A, kind, seed);
    const W = product(S(sketch), 'T', C, 'N');
    return frobeniusNorm(difference(W, transposed(W))) / frobeniusNorm(W);
  });
}

/** The same with one sketch held. */
export function heldAsymmetry(): number {
  const A = withSpectrum('float64', decaying, 1);
  return typical((kind, seed) => {
    const [sketch] = sketches(kind, seed, 1);
    const W = product(S(sketch), 'T', product(A, 'N', S(sketch), 'N'), 'N');
    return frobeniusNorm(difference(W, transposed(W))) / frobeniusNorm(W);
  });
}

/** Relative error on an exact matrix of rank r with X̃ = C·L⁻¹ (op N) or C·L⁻ᵀ (op T). */
export function triangularError(op: 'N' | 'T'): number {
  const A = withSpectrum('float64', exactRank, 2);
  return typical((kind, seed) => {
    const [sketch] = sketches(kind, seed, 1);
    const C = product(A, 'N', S(sketch), 'N');
    const L = product(S(sketch), 'T', C, 'N');
    choleskyInPlace(L);
    trsm('right', op, 1, L, C);
    return spectralNorm(difference(A, product(C, 'N', C, 'T'))) / spectralNorm(A);
  });
}

/** Relative error of our factor on the same matrices. */
export function exactRankError(): number {
  const A = withSpectrum('float64', exactRank, 2);
  return typical((kind, seed) => {
    const [sketch] = sketches(kind, seed, 1);
    return relativeError(A, nystromEigenpairs(product(A, 'N', S(sketch), 'N'), sketch));
  });
}

/**
 * What becomes of the eigenvalue 1 of a matrix with the spectrum 10, 9, …, 1 at ν = 1/2 when the
 * sketch takes every column, so that nothing but the shift can do harm.
 */
export function shiftedEigenvalue(onto: 'W' | 'W and C'): number {
  const A = withSpectrum('float64', exactRank.slice(0, RANK), 3);
  const nu = 1 / 2;
  const W = A.clone();
  const C = A.clone();
  addToDiagonal(W, nu);
  if (onto === 'W and C') addToDiagonal(C, nu);
  choleskyInPlace(W);
  trsm('right', 'T', 1, W, C);
  return pairsOf(C, nu).eigenvalues[RANK - 1];
}

/** The r leading eigenpairs of X̃X̃ᵀ − νI. */
function pairsOf(X: Matrix, nu: number): Eigenpairs {
  const { eigenvalues, vectors } = eigh(product(X, 'N', X, 'T'));
  const kept = eigenvalues.slice(0, RANK).map((value) => Math.max(value - nu, 0));
  return { U: vectors.view(0, 0, X.rows, RANK), eigenvalues: kept, shift: nu, retries: 0 };
}

/**
 * λ₁(A)/λ̂₁ when the published shift, ν = |λmin(W)| + ρ on W with ρS inside C, is all that is wrong:
 * one sketch held, and L⁻ᵀ.
 */
export function shrinkage(kind: SketchKind, rho: number): number {
  const A = withSpectrum('float64', decaying, 4);
  return median(
    Array.from({ length: SEEDS }, (_, seed) => {
      const [sketch] = sketches(kind, seed, 1);
      const Cd = product(A, 'N', S(sketch), 'N');
      axpby(rho, S(sketch), 1, Cd);
      const W = product(S(sketch), 'T', Cd, 'N');
      const nu = Math.abs(eigvalsh(W)[RANK - 1]) + rho;
      addToDiagonal(W, nu);
      choleskyInPlace(W);
      trsm('right', 'T', 1, W, Cd);
      return decaying[0] / pairsOf(Cd, nu).eigenvalues[0];
    }),
  );
}

/** Relative error of our factor and of the published one at a given rank, ρ = 1. */
export function rankError(whose: 'ours' | 'published', rank: number): number {
  const A = withSpectrum('float64', decaying, 5);
  return typical((kind, seed) => {
    if (whose === 'ours') {
      const [sketch] = sketches(kind, seed, 1, rank);
      return relativeError(A, nystromEigenpairs(product(A, 'N', S(sketch), 'N'), sketch));
    }
    const { C, sketch } = mixed(A, kind, seed, rank);
    return relativeError(A, publishedEigenpairs(C, sketch, 1));
  });
}

/** Megabytes (2²⁰) that a 3×3 convolution of 512 channels keeps: ours, and a full SVD with a dense inverse. */
export function megabytes(): { readonly ours: number; readonly dense: number } {
  const inputs = 4609;
  const size = { inputs, outputs: 512 };
  const layer = only(nysactMethod({ rank: 10 }), cpuBackend('float32'), size);
  return { ours: stateBytes(layer.state) / 2 ** 20, dense: (2 * 4 * inputs ** 2) / 2 ** 20 };
}

/** Share of the eigenvalues max(σ² − ν, 0) that are 0 in the published factor, in per cent. */
export function zeroEigenvalues(rank: number): number {
  const A = withSpectrum('float64', decaying, 5);
  return typical((kind, seed) => {
    const { C, sketch } = mixed(A, kind, seed, rank);
    const { eigenvalues } = publishedEigenpairs(C, sketch, 1);
    return (100 * eigenvalues.filter((value) => value === 0).length) / rank;
  });
}
