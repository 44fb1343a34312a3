// A damping below the rounding errors of Ā: a typed error, and never a P beyond what was promised.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import {
  InaccurateInverseError,
  NotPositiveDefiniteError,
  PreconditionerError,
} from '../../src/core/errors.js';
import { convert, type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { gemm } from '../../src/kernels/gemm.js';
import { frobeniusNorm, scale } from '../../src/kernels/level1.js';
import { syrk } from '../../src/kernels/syrk.js';
import { dampedInverse } from '../../src/precondition/dense-inverse.js';
import { foofMethod } from '../../src/precondition/foof.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { build, gaussian, type Matrix, norm, uniform } from '../support/matrices.js';
import { apply, observe, only, randomGradient } from './runs.js';

/** Rows with a mean of their own, as activations have: λ₁ is about p. */
function rowsOf(m: number, p: number): Matrix {
  const Z = gaussian(uniform(m + p), m, p);
  return build(m, p, (i, j) => 1 + 0.3 * Z.at(i, j));
}

/** ‖R‖₂ of a symmetric R ⪰ 0, from below. */
function largestEigenvalue(R: DenseMatrix): number {
  let v = gaussian(uniform(1), R.rows, 1);
  for (let k = 0; k < 60; k++) {
    const w = zeros('float64', R.rows, 1);
    gemm(1 / frobeniusNorm(v), convert(R, 'float64'), 'N', v, 'N', 0, w);
    v = w;
  }
  return frobeniusNorm(v);
}

const SHARES = [1e-9, 1e-8, 10 ** -7.75, 10 ** -7.5, 10 ** -7.25, 1e-7, 2e-7, 4e-7, 1e-6, 1e-4];

// Ā has fewer directions than columns, in float32 by rounding errors only; these three pass a Cholesky
// factorisation of A + ρI with an inverse of several times 1/ρ.
describe.each([
  [785, 400],
  [785, 100],
  [200, 100],
])('‖(A + ρI)⁻¹‖ ≤ 1/ρ in float32, p = %d, m = %d', (p, m) => {
  const A = zeros('float32', p, p);
  syrk(1 / m, convert(rowsOf(m, p), 'float32'), 'T', 0, A, 'both');

  test.each(SHARES)('or a typed error, at ρ = %d·λ₁', (share) => {
    const rho = share * p;
    let R: DenseMatrix | undefined;
    let broken: unknown;
    try {
      R = dampedInverse(A, rho);
    } catch (error) {
      broken = error;
    }
    // Where A is known well enough there is no excuse.
    if (share >= 1e-4) expect(R).toBeDefined();
    if (share <= 1e-8) expect(R).toBeUndefined();
    if (R === undefined) {
      expect(broken).toBeInstanceOf(InaccurateInverseError);
      expect(broken).toMatchObject({ cause: expect.any(NotPositiveDefiniteError) });
      return;
    }
    scale(rho, R);
    expect(largestEigenvalue(R)).toBeLessThanOrEqual(1.0102);
  });
});

const SIZE = { inputs: 785, outputs: 4 };

test.each([
  ['FOOF', foofMethod],
  ['NysAct of full rank', (options: object) => nysactMethod({ ...options, rank: 785 })],
] as const)(
  '%s gives up on a damping of 1e-8·λ₁ by name, and keeps what it had',
  async (_, method) => {
    const backend = cpuBackend('float32');
    const damping = 1e-8 * SIZE.inputs;
    const layer = only(method({ damping, maxFailures: 1 }), backend, SIZE);
    observe(backend, layer, { X: rowsOf(400, 785), D: build(400, SIZE.outputs, () => 1) });
    let broken: unknown;
    try {
      layer.refresh();
    } catch (error) {
      broken = error;
    }
    expect(broken).toBeInstanceOf(PreconditionerError);
    expect(String(broken)).toContain('InaccurateInverseError: the inverse is larger than 127388.5');
    const G = randomGradient(2, SIZE);
    const ratio = (norm(await apply(backend, layer, G)) * damping) / norm(G);
    expect(Math.abs(ratio - 1)).toBeLessThan(1e-6);
  },
);
