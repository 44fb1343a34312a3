// What the formulas of the methods promise: P = (damped curvature)⁻¹G, each against its equation in
// plain float64 and against the inverse that it stands for. They are given as functions of a backend.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Backend, Slot } from '../../src/backend/backend.js';
import { convert } from '../../src/core/matrix.js';
import {
  type Expected,
  equationLaw,
  expectClose,
  type Operation,
  type Sizes,
} from '../backend/operation.js';
import { placeRounded } from '../support/backends.js';
import {
  build,
  combine,
  distance,
  filled,
  gaussian,
  inner,
  type Matrix,
  map,
  norm,
  orthogonal,
  product,
  rounded,
  transpose,
  uniform,
  zip,
} from '../support/matrices.js';

/** P ← G/c − (GV)Vᵀ. G and P are q×p, V is p×r. */
export type ApplyLowRank = (on: Backend, G: Slot, V: Slot, c: number, P: Slot) => void;

/** P ← GR. G and P are q×p, R is p×p and symmetric. */
export type ApplyDense = (on: Backend, G: Slot, R: Slot, P: Slot) => void;

/** Two eigendecompositions; a is p×1 and b is q×1. */
export type SpectralSlots = Readonly<Record<'QA' | 'a' | 'QB' | 'b', Slot>>;

/** P ← Q_B[(Q_BᵀGQ_A) ⊘ (b aᵀ + ρ)]Q_Aᵀ. */
export type ApplySpectral = (
  on: Backend,
  G: Slot,
  factors: SpectralSlots,
  rho: number,
  P: Slot,
) => void;

/** P ← (G − (ĝGâᵀ)/(ρ + |â|²|ĝ|²)·ĝᵀâ)/ρ with â = scaleA·a (1×p) and ĝ = scaleG·g (1×q). */
export type ApplyRankOne = (
  on: Backend,
  G: Slot,
  a: Slot,
  g: Slot,
  scaleA: number,
  scaleG: number,
  rho: number,
  P: Slot,
) => void;

const RHO = 0.25;

/** The content of P, in float64. */
async function contentOf(backend: Backend, P: Slot): Promise<Matrix> {
  return convert(await backend.read(P), 'float64');
}

/** `X` in place of what a slot holds, compared as that would be. */
async function expectBack(backend: Backend, X: Matrix, expected: Expected, terms: number) {
  await expectClose(backend, placeRounded(backend, X), expected, terms);
}

/** Declares the laws of a low-rank inverse. */
export function lowRankLaws(
  make: () => Backend,
  apply: ApplyLowRank,
  sizes: readonly Sizes[],
): void {
  const operation: Operation = {
    name: 'a low-rank inverse',
    inputs: { G: 'qp', V: 'pr' },
    outputs: { P: 'qp' },
    accumulates: false,
    run: (on, { G, V, P }) => apply(on, G, V, RHO, P),
    expected: ({ G, V }) => ({
      P: {
        value: combine(1 / RHO, G, -1, product(product(G, 'N', V, 'N'), 'N', V, 'T')),
        magnitude: norm(G) * (1 / RHO + norm(V) ** 2),
      },
    }),
  };
  equationLaw(make, operation, sizes);

  test('a low-rank inverse times what it inverts is G', async () => {
    // For orthonormal columns U: (ρI + U diag(λ) Uᵀ)⁻¹ = I/ρ − VVᵀ, V = U·diag(√(1/ρ − 1/(ρ+λ))).
    const backend = make();
    const random = uniform(10);
    const [p, q, r] = [12, 5, 3];
    const U = orthogonal(random, p);
    const lambda = Array.from({ length: r }, () => 1 + random());
    const V = build(p, r, (i, j) => U.at(i, j) * Math.sqrt(1 / RHO - 1 / (RHO + lambda[j])));
    const damped = build(p, p, (i, j) =>
      lambda.reduce((sum, l, k) => sum + l * U.at(i, k) * U.at(j, k), i === j ? RHO : 0),
    );
    const G = gaussian(random, q, p);
    const P = backend.allocate(q, p);
    apply(backend, placeRounded(backend, G), placeRounded(backend, V), RHO, P);
    const back = product(await contentOf(backend, P), 'N', damped, 'N');
    await expectBack(backend, back, { value: G, magnitude: (norm(G) * 3) / RHO }, p + r);
  });
}

/** Q·diag(values)·Qᵀ */
function withSpectrum(Q: Matrix, values: Matrix): Matrix {
  const scaled = build(Q.rows, Q.cols, (i, j) => Q.at(i, j) * values.at(j, 0));
  return product(scaled, 'N', Q, 'T');
}

/** Declares the laws of an inverse that is formed. */
export function denseLaws(make: () => Backend, apply: ApplyDense, sizes: readonly Sizes[]): void {
  const operation: Operation = {
    name: 'a dense inverse',
    inputs: { G: 'qp', R: 'pp' },
    outputs: { P: 'qp' },
    accumulates: false,
    kinds: { R: 'symmetric' },
    run: (on, { G, R, P }) => apply(on, G, R, P),
    expected: ({ G, R }) => ({
      P: { value: product(G, 'N', R, 'N'), magnitude: norm(G) * norm(R) },
    }),
  };
  equationLaw(make, operation, sizes);

  test('a dense inverse times what it inverts is G', async () => {
    const backend = make();
    const random = uniform(11);
    const [p, q] = [9, 4];
    const Q = orthogonal(random, p);
    const values = build(p, 1, () => 0.5 + random());
    const G = gaussian(random, q, p);
    const P = backend.allocate(q, p);
    const R = withSpectrum(
      Q,
      map(values, (value) => 1 / value),
    );
    apply(backend, placeRounded(backend, G), placeRounded(backend, R), P);
    const back = product(await contentOf(backend, P), 'N', withSpectrum(Q, values), 'N');
    // ‖R‖F·‖R⁻¹‖₂ ≤ √p·2·1.5.
    const magnitude = 3 * Math.sqrt(p) * norm(G);
    await expectBack(backend, back, { value: G, magnitude }, 2 * p);
  });
}

/** Declares the laws of an inverse by eigendecompositions. */
export function spectralLaws(
  make: () => Backend,
  apply: ApplySpectral,
  sizes: readonly Sizes[],
): void {
  const operation: Operation = {
    name: 'a spectral inverse',
    inputs: { G: 'qp', QA: 'pp', a: 'p1', QB: 'qq', b: 'q1' },
    outputs: { P: 'qp' },
    accumulates: false,
    kinds: { QA: 'orthogonal', QB: 'orthogonal', a: 'non-negative', b: 'non-negative' },
    run: (on, { G, QA, a, QB, b, P }) => apply(on, G, { QA, a, QB, b }, RHO, P),
    expected: ({ G, QA, a, QB, b }) => {
      const middle = product(product(QB, 'T', G, 'N'), 'N', QA, 'N');
      const quotient = zip(middle, product(b, 'N', a, 'T'), (x, y) => x / (y + RHO));
      const value = product(product(QB, 'N', quotient, 'N'), 'N', QA, 'T');
      return { P: { value, magnitude: norm(G) / RHO } };
    },
  };
  equationLaw(make, operation, sizes);

  test('a spectral inverse solves BPA + ρP = G', async () => {
    const backend = make();
    const random = uniform(5);
    const [p, q] = [13, 6];
    const [QA, QB] = [orthogonal(random, p), orthogonal(random, q)];
    const [a, b] = [build(p, 1, random), build(q, 1, random)];
    const G = gaussian(random, q, p);
    const P = backend.allocate(q, p);
    const slot = (A: Matrix) => placeRounded(backend, A);
    apply(backend, slot(G), { QA: slot(QA), a: slot(a), QB: slot(QB), b: slot(b) }, RHO, P);
    const X = await contentOf(backend, P);
    const BXA = product(product(withSpectrum(QB, b), 'N', X, 'N'), 'N', withSpectrum(QA, a), 'N');
    const magnitude = norm(G) / RHO;
    await expectBack(backend, combine(1, BXA, RHO, X), { value: G, magnitude }, p + q);
  });

  test('a spectral inverse of Gᵀ with sides exchanged is the transpose of that of G', async () => {
    const backend = make();
    const random = uniform(12);
    const [p, q] = [5, 3];
    const slot = (A: Matrix) => placeRounded(backend, A);
    const G = rounded(gaussian(random, q, p), backend.dtype);
    const [QA, QB] = [slot(orthogonal(random, p)), slot(orthogonal(random, q))];
    const [a, b] = [slot(build(p, 1, random)), slot(build(q, 1, random))];
    const [P, T] = [backend.allocate(q, p), backend.allocate(p, q)];
    apply(backend, slot(G), { QA, a, QB, b }, RHO, P);
    apply(backend, slot(transpose(G)), { QA: QB, a: b, QB: QA, b: a }, RHO, T);
    const value = transpose(await contentOf(backend, T));
    await expectClose(backend, P, { value, magnitude: norm(G) / RHO }, 2 * (p + q));
  });

  test('a spectral inverse is 0 where Q is 0, and no NaN for eigenvalues of 0', async () => {
    const backend = make();
    const [p, q] = [3, 2];
    const G = placeRounded(backend, filled(q, p, 1));
    const factors = {
      QA: backend.allocate(p, p),
      a: backend.allocate(p, 1),
      QB: backend.allocate(q, q),
      b: backend.allocate(q, 1),
    };
    const P = placeRounded(backend, filled(q, p, Number.NaN));
    apply(backend, G, factors, 0.5, P);
    await expectClose(backend, P, { value: filled(q, p, 0), magnitude: 0 }, 1);
  });
}

/** The rank-one inverse, from â and ĝ as the equation has it. */
function rankOneInverse(
  G: Matrix,
  a: Matrix,
  g: Matrix,
  scaleA: number,
  scaleG: number,
  rho: number,
): Matrix {
  const aHat = map(a, (x) => scaleA * x);
  const gHat = map(g, (x) => scaleG * x);
  const numerator = inner(product(gHat, 'N', G, 'N'), aHat);
  const quotient = numerator / (rho + norm(aHat) ** 2 * norm(gHat) ** 2);
  return combine(1 / rho, G, -quotient / rho, product(gHat, 'T', aHat, 'N'));
}

/** Exponents k of vectors v·2ᵏ: |v|² stays well inside float32, products of two squares do not. */
const EXPONENT = fc.integer({ min: -45, max: 55 });

const zero = (cols: number) => filled(1, cols, 0);
const large = (cols: number) => build(1, cols, (_, j) => (1 + j) * 2 ** 60);

/** Factors of a and of g. */
const SCALES: readonly (readonly [number, number])[] = [
  [1, 1],
  [1.75, 0.5],
  [0.5, 1.75],
  [0, 1],
  [1, 0],
];

/**
 * Declares the laws of a rank-one inverse, of many shapes of up to `largest` a side: few where every
 * shape costs a compilation.
 */
export function rankOneLaws(
  make: () => Backend,
  apply: ApplyRankOne,
  sizes: readonly Sizes[],
  largest = 7,
): void {
  for (const [scaleA, scaleG] of SCALES) {
    const operation: Operation = {
      name: `a rank-one inverse (scales ${scaleA} and ${scaleG})`,
      inputs: { G: 'qp', a: '1p', g: '1q' },
      outputs: { P: 'qp' },
      accumulates: false,
      run: (on, { G, a, g, P }) => apply(on, G, a, g, scaleA, scaleG, RHO, P),
      expected: ({ G, a, g }) => ({
        P: {
          value: rankOneInverse(G, a, g, scaleA, scaleG, RHO),
          magnitude: (2 * norm(G)) / RHO,
        },
      }),
    };
    equationLaw(make, operation, sizes);
  }

  /** P, for operands that the dtype holds exactly. */
  const applied = (
    backend: Backend,
    [G, a, g]: readonly [Matrix, Matrix, Matrix],
    rho: number,
    [scaleA, scaleG]: readonly [number, number] = [1, 1],
  ) => {
    const P = backend.allocate(G.rows, G.cols);
    const slot = (A: Matrix) => placeRounded(backend, A);
    apply(backend, slot(G), slot(a), slot(g), scaleA, scaleG, rho, P);
    return P;
  };

  describe('a rank-one inverse at extreme scales', () => {
    test('is (ĝᵀĝ ⊗ âᵀâ + ρI)⁻¹G to rounding, however large or small â, ĝ and G are', async () => {
      const backend = make();
      const scenario = fc.record({
        seed: fc.nat(1000),
        p: fc.integer({ min: 1, max: largest }),
        q: fc.integer({ min: 1, max: largest }),
        k: EXPONENT,
        l: EXPONENT,
        j: fc.integer({ min: -30, max: 30 }),
        decimal: fc.double({ min: -3, max: 3, noNaN: true }),
        scales: fc.constantFrom(...SCALES),
      });
      await fc.assert(
        fc.asyncProperty(scenario, async ({ seed, p, q, k, l, j, decimal, scales }) => {
          const random = uniform(seed);
          const draw = (rows: number, cols: number, exponent: number) =>
            rounded(
              map(gaussian(random, rows, cols), (x) => x * 2 ** exponent),
              backend.dtype,
            );
          const operands = [draw(q, p, j), draw(1, p, k), draw(1, q, l)] as const;
          const rho = 10 ** decimal;
          const P = applied(backend, operands, rho, scales);
          const value = rankOneInverse(...operands, ...scales, rho);
          const magnitude = (2 * norm(operands[0])) / rho;
          await expectClose(backend, P, { value, magnitude }, p + q + 4);
        }),
        { seed: 1, numRuns: 60 },
      );
    });

    test('large activations times large gradients still correct the step', async () => {
      const backend = make();
      const a = build(1, 2, (_, j) => (j + 1) * 1e10);
      const g = filled(1, 1, 1e10);
      const G = filled(1, 2, 1);
      const P = applied(backend, [G, a, g], 0.03);
      const value = build(1, 2, (_, j) => (j === 0 ? 0.4 : -0.2) / 0.03);
      await expectClose(backend, P, { value, magnitude: norm(G) / 0.03 }, 4);
    });

    test('is G/ρ where a or g is zero, however large the other is', async () => {
      const [p, q, rho] = [5, 3, 0.03];
      for (const [a, g] of [
        [zero(p), large(q)],
        [large(p), zero(q)],
        [zero(p), zero(q)],
      ]) {
        const backend = make();
        const G = rounded(gaussian(uniform(1), q, p), backend.dtype);
        const P = applied(backend, [G, a, g], rho);
        const value = combine(1 / rho, G, 0, G);
        await expectClose(backend, P, { value, magnitude: norm(G) / rho }, 1);
      }
    });

    test('is right or NaN, never G/ρ, where the square of a norm overflows', async () => {
      const [p, q, rho] = [5, 3, 0.03];
      const backend = make();
      const huge = backend.dtype === 'float32' ? 2 ** 90 : 2 ** 700;
      const [a, g] = [build(1, p, (_, j) => 1 + j), build(1, q, (_, j) => 2 - j)];
      const G = rounded(gaussian(uniform(2), q, p), backend.dtype);
      // So far beyond ρ that only the directions of a and g count.
      const value = rankOneInverse(G, a, g, 2 ** 60, 2 ** 60, rho);
      const tolerance = (1e-5 * norm(G)) / rho;
      for (const [x, y] of [
        [huge, 1],
        [1, huge],
        [huge, huge],
      ]) {
        const scaled = [G, map(a, (v) => x * v), map(g, (v) => y * v)] as const;
        const content = await contentOf(backend, applied(backend, scaled, rho));
        const broken = content.data.every((v) => Number.isNaN(v));
        expect(broken || distance(content, value) <= tolerance).toBe(true);
      }
    });
  });
}
