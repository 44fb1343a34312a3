// Steps along NysAct's and FOOF's preconditioners, on generated least squares.

import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, identity } from '../../src/core/matrix.js';
import { randomKey } from '../../src/core/random.js';
import { trace } from '../../src/kernels/level1.js';
import { eigh } from '../../src/linalg/eigh.js';
import { nystromEigenpairs } from '../../src/nystrom/factor.js';
import {
  applyLowRankInverse,
  type InverseOptions,
  lowRankInverse,
} from '../../src/nystrom/inverse.js';
import { dampedInverse } from '../../src/precondition/dense-inverse.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import { activations, type LeastSquares, secondMoment } from '../support/least-squares.js';
import { combine, gaussian, type Matrix, norm, product, uniform } from '../support/matrices.js';
import {
  approximation,
  INPUTS,
  KINDS,
  type Pairs,
  dampedInverse as resolvent,
  SPECTRA,
  type SpectrumName,
  sketchOf,
  spectralNorm,
  tinyShift,
} from '../support/nystrom.js';
import type { Promised, Step } from './statements.js';
import type { Construction } from './wrong.js';

const EXAMPLES = 40;
const OUTPUTS = 2;

/** c of the rounding bounds of an inverse. */
const ROUNDING = 4;

/** FOOF, or NysAct by its sketch, its discarded spectrum forgotten or not. */
export const METHODS = ['foof', ...KINDS, 'gaussian with tail', 'subcolumn with tail'] as const;
export type MethodName = (typeof METHODS)[number];

/** Where the gradient points. */
export const GRADIENTS = ['anywhere', 'at what Â has missed'] as const;

export const SPECTRUM_NAMES = [
  'exponential',
  'polynomial',
  'step',
  'rankFive',
  'clustered',
] as const satisfies readonly SpectrumName[];

export interface Setup {
  readonly spectrum: SpectrumName;
  readonly method: MethodName;
  readonly gradient: (typeof GRADIENTS)[number];
  /** Width of the sketch, and rank. */
  readonly width: number;
  readonly seed: number;
  /** ρ/λ₁ */
  readonly damping: number;
  readonly batch: number;
}

/** A way to make P̃, a dense matrix, of eigenpairs. */
export type Inversion = (pairs: Pairs, dtype: DType, options: InverseOptions) => Matrix;

/** The library's. */
export const invert: Inversion = (pairs, dtype, options) => {
  const inverse = lowRankInverse({ shift: 0, retries: 0, ...pairs }, dtype, options);
  return convert(applyLowRankInverse(identity(dtype, pairs.U.rows), inverse), 'float64');
};

/** What takes the place of the library's, wrong on purpose. */
export interface Wrongly {
  readonly construct?: Construction;
  readonly inversion?: Inversion;
}

/** A step but for its learning rate. The promises are those of the library's P̃, whatever P̃ is. */
export function stepOf(setup: Setup, dtype: DType, wrongly: Wrongly = {}): Omit<Step, 'eta'> {
  const { spectrum, method, seed, damping, batch } = setup;
  const X = activations(SPECTRA[spectrum], EXAMPLES, seed);
  const A = secondMoment(X);
  const rho = damping * spectralNorm(A);
  const { missed, ...promised } =
    method === 'foof' ? foofOf(A, rho, dtype) : nysactOf(A, rho, dtype, setup, wrongly);
  return { ...promised, ...placed(X, A, missed, setup), batch };
}

/** What is promised, and the part of A that is not approximated. */
interface Found extends Promised {
  readonly missed: Matrix;
}

function foofOf(A: Matrix, rho: number, dtype: DType): Found {
  const given = convert(A, dtype);
  // A in another dtype is another matrix: an error, and a shift, of rounding size.
  const missed = combine(1, A, -1, convert(given, 'float64'));
  const error = spectralNorm(missed);
  const P = convert(dampedInverse(given, rho), 'float64');
  return { P, A, rho, nu: error, error, missed, rounding: roundingOf(dtype, A, rho) };
}

function nysactOf(
  A: Matrix,
  rho: number,
  dtype: DType,
  { method, width, seed }: Setup,
  { construct, inversion = invert }: Wrongly,
): Found {
  const kind = method.startsWith('gaussian') ? 'gaussian' : 'subcolumn';
  const sketch = drawSketch(kind, { inputs: INPUTS, width }, dtype, randomKey(seed));
  const C = sketchOf(A, sketch, dtype);
  const pairs = nystromEigenpairs(C, sketch);
  const options = { damping: rho, ...(method.endsWith('tail') ? { trace: trace(A) } : {}) };
  // A tail is damping, and what is left of the eigenvalues stands above it.
  const { c } = lowRankInverse(pairs, dtype, options);
  const above = pairs.eigenvalues.map((value) => Math.max(value - (c - rho), 0));
  const missed = combine(1, A, -1, approximation({ U: pairs.U, eigenvalues: above }));
  // Rounding of C and of the oracle, as in the guarantees of the factor.
  const lemma = 2 * (INPUTS * EPSILON.float64 * spectralNorm(A) + tinyShift(C));
  return {
    P: inversion(construct?.(C, sketch, pairs.shift) ?? pairs, dtype, options),
    A,
    rho: c,
    nu: pairs.shift + lemma,
    error: spectralNorm(missed),
    missed,
    rounding: roundingOf(dtype, A, c),
  };
}

/** Relative errors of an inverse count against 1/ρ, and the oracle's own against its condition. */
export function roundingOf(dtype: DType, A: Matrix, rho: number): number {
  const condition = spectralNorm(A) / rho + 1;
  return (ROUNDING * EPSILON[dtype] + A.rows * EPSILON.float64 * condition) / rho;
}

/** Weights, and targets that leave them residuals in a given direction, with noise as large. */
function placed(
  X: Matrix,
  A: Matrix,
  missed: Matrix,
  { gradient, seed }: Setup,
): { readonly problem: LeastSquares; readonly W: Matrix } {
  const random = uniform(seed);
  const W = gaussian(random, OUTPUTS, X.cols);
  const noise = gaussian(random, X.rows, OUTPUTS);
  const signal =
    gradient === 'anywhere' ? noise : pointing(X, A, missed, gaussian(random, OUTPUTS, 1));
  const residuals = combine(1 / norm(signal), signal, 1 / norm(noise), noise);
  return { problem: { X, Y: combine(1, product(X, 'N', W, 'T'), -1, residuals) }, W };
}

/** Residuals XA⁺vtᵀ, of which ∇ is about tvᵀ with v the direction of the largest error. */
function pointing(X: Matrix, A: Matrix, missed: Matrix, t: Matrix): Matrix {
  const v = eigh(missed).vectors.view(0, 0, A.rows, 1).clone();
  const pseudo = resolvent(A, 1e-3 * spectralNorm(missed) + 1e-12 * spectralNorm(A));
  return product(product(X, 'N', product(pseudo, 'N', v, 'N'), 'N'), 'N', t, 'T');
}
