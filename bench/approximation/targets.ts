// The matrices that are approximated, with all that is exact about them.

import type { DenseMatrix } from '../../src/core/matrix.js';
import type { RandomKey } from '../../src/core/random.js';
import { trace } from '../../src/kernels/level1.js';
import { eigh } from '../../src/linalg/eigh.js';
import { dampedInverse } from '../../src/precondition/dense-inverse.js';
import { secondMoment } from '../measure/matrices.js';
import type { LayerInputs } from './activations.js';
import { type Spectrum, spectralMatrix } from './spectra.js';

type Matrix = DenseMatrix<'float64'>;

/** A damping ρ, how it was chosen, and what it makes of A. */
export interface Damping {
  /** `λ̄` stands for the mean eigenvalue tr(A)/p. */
  readonly label: string;
  readonly rho: number;
  /** (A + ρI)⁻¹. */
  readonly inverse: Matrix;
}

/** A positive semidefinite A = V·diag(λ)·Vᵀ. */
export interface Target {
  readonly name: string;
  readonly description: string;
  readonly A: Matrix;
  /** λ, in descending order. */
  readonly eigenvalues: Float64Array;
  readonly vectors: Matrix;
  /** The first is the one that the published variant's Â is made with where an error has no ρ. */
  readonly dampings: readonly Damping[];
}

/** A prescribed spectrum, with ρ from the size of its mean eigenvalue downwards. */
export function spectralTarget(spectrum: Spectrum, p: number, key: RandomKey): Target {
  const A = spectralMatrix(spectrum, p, key);
  const mean = trace(A) / A.rows;
  return makeTarget(spectrum.name, `${spectrum.formula}, p = ${p}`, A, [
    ['λ̄', mean],
    ['λ̄/10', mean / 10],
    ['λ̄/100', mean / 100],
  ]);
}

/** The second moment XᵀX/m of real activations, with dampings as in training and a smaller one. */
export function activationTarget({ name, X }: LayerInputs): Target {
  return momentTarget(name, `XᵀX/m of ${X.rows} images, p = ${X.cols}`, secondMoment(X));
}

/** The same of a second moment that is there already. */
export function momentTarget(name: string, description: string, A: Matrix): Target {
  return makeTarget(name, description, A, [
    ['1', 1],
    ['0.1', 0.1],
    ['λ̄/10', trace(A) / A.rows / 10],
  ]);
}

function makeTarget(
  name: string,
  description: string,
  A: Matrix,
  dampings: readonly (readonly [label: string, rho: number])[],
): Target {
  return {
    name,
    description,
    A,
    ...eigh(A),
    dampings: dampings.map(([label, rho]) => ({ label, rho, inverse: dampedInverse(A, rho) })),
  };
}
