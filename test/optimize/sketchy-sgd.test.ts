// SketchySGD against its formula, on Hessians of either sign, and where it does not feel the condition.

import { fc, test } from '@fast-check/vitest';
import { EigenvalueDecomposition, inverse, Matrix as MlMatrix } from 'ml-matrix';
import { describe, expect } from 'vitest';
import { type Slot, upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import { PreconditionerError } from '../../src/core/errors.js';
import { descend } from '../../src/optimize/descend.js';
import type { HessianProduct } from '../../src/optimize/hessian-product.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { sgd } from '../../src/optimize/optimizers.js';
import { partition } from '../../src/optimize/partition.js';
import { scaleBySketchedHessian } from '../../src/optimize/sketchy-sgd.js';
import { sketchySgd } from '../../src/optimize/systems.js';
import { chain, type Transform } from '../../src/optimize/transform.js';
import { build, gaussian, type Matrix, orthogonal, uniform } from '../support/matrices.js';
import { SEED } from '../support/seed.js';

type F64 = 'float64';

const backend = cpuBackend('float64');
const SHAPES = [
  { rows: 2, cols: 3 },
  { rows: 2, cols: 1 },
] as const;
const D = 8;

const flat = (slots: readonly Slot<F64>[]): number[] =>
  slots.flatMap((slot) => Array.from(backend.readSync(slot).data));

/** The vector as matrices of some shapes. */
function shaped(v: readonly number[], shapes: readonly { rows: number; cols: number }[]): Matrix[] {
  let from = 0;
  return shapes.map(({ rows, cols }) => {
    const first = from;
    from += rows * cols;
    return build(rows, cols, (i, j) => v[first + i * cols + j]);
  });
}

/** Hv over all parameters as one vector; `seen` has every v. */
function productWith(H: MlMatrix, seen: number[][] = []): HessianProduct<F64> {
  return (vectors, products) => {
    const v = flat(vectors);
    seen.push(v);
    const Hv = H.mmul(MlMatrix.columnVector(v)).to1DArray();
    shaped(Hv, products).forEach((value, i) => {
      backend.write(products[i], value);
    });
  };
}

/** QΛQᵀ for a random orthogonal Q. */
function withSpectrum(seed: number, spectrum: readonly number[]): MlMatrix {
  const Q = new MlMatrix(orthogonal(uniform(SEED + seed), spectrum.length).toArrays());
  return Q.mmul(MlMatrix.diag([...spectrum])).mmul(Q.transpose());
}

/** What one step at the rate 1 takes off parameters of 0. */
function direction(
  transform: Transform,
  H: MlMatrix,
  g: readonly number[],
  seen: number[][] = [],
): number[] {
  const parameters = SHAPES.map(({ rows, cols }) => backend.allocate(rows, cols));
  const optimizer = new Optimizer({ backend, transform, parameters: SHAPES });
  const gradients = shaped(g, SHAPES).map((G) => upload(backend, G));
  optimizer.step(gradients, parameters, [], { hessianProduct: productWith(H, seen) });
  return flat(parameters).map((x) => -x);
}

/** Ĥ = (HΩ)(ΩᵀHΩ)⁻¹(HΩ)ᵀ. */
function nystrom(H: MlMatrix, probes: readonly (readonly number[])[]): MlMatrix {
  const Omega = new MlMatrix(probes.map((p) => [...p])).transpose();
  const Y = H.mmul(Omega);
  return Y.mmul(inverse(Omega.transpose().mmul(Y))).mmul(Y.transpose());
}

function dampedProduct(A: MlMatrix, rho: number, g: readonly number[]): number[] {
  const damped = MlMatrix.eye(A.rows).mul(rho).add(A);
  return inverse(damped)
    .mmul(MlMatrix.columnVector([...g]))
    .to1DArray();
}

const vector = (seed: number, n = D): number[] =>
  Array.from(gaussian(uniform(SEED + seed), n, 1).data);
const length = (v: readonly number[]): number => Math.hypot(...v);
const apart = (a: readonly number[], b: readonly number[]): number =>
  length(a.map((x, i) => x - b[i]));

const rate = { learningRate: 1, refreshEvery: 1 };
/** Condition 1e3 of H and of ΩᵀHΩ, and the shift √d·eps, over ρ = 0.1. */
const CLOSE = 1e7 * EPSILON.float64;

test.prop([fc.nat(), fc.integer({ min: 1, max: D })], { numRuns: 60 })(
  'is (Ĥ + ρI)⁻¹g with the Nyström approximation of all parameters as one vector',
  (seed, rank) => {
    const spectrum = Array.from({ length: D }, (_, i) => 10 ** ((3 * i) / (D - 1) - 1));
    const [H, g, rho] = [withSpectrum(seed, spectrum), vector(seed + 1), 0.1];
    const seen: number[][] = [];
    const found = direction(sketchySgd({ ...rate, rank, damping: rho, seed }), H, g, seen);
    expect(seen.length).toBe(rank);
    // The probes are orthonormal.
    const Omega = new MlMatrix(seen);
    const gram = Omega.mmul(Omega.transpose()).sub(MlMatrix.eye(rank));
    expect(gram.norm()).toBeLessThanOrEqual(D * rank * EPSILON.float64);
    const expected = dampedProduct(nystrom(H, seen), rho, g);
    expect(apart(found, expected)).toBeLessThanOrEqual(CLOSE * (length(g) / rho));
  },
);

test.prop([fc.nat()], { numRuns: 30 })(
  'is (H + ρI)⁻¹g at full rank, and that of every block parameter by parameter',
  (seed) => {
    const spectrum = Array.from({ length: D }, (_, i) => i + 1);
    const [H, g, rho] = [withSpectrum(seed, spectrum), vector(seed + 1), 0.5];
    const settings = { ...rate, rank: D, damping: rho, seed };
    const whole = direction(sketchySgd(settings), H, g);
    expect(apart(whole, dampedProduct(H, rho, g))).toBeLessThanOrEqual(CLOSE * (length(g) / rho));
    const blocks = direction(sketchySgd({ ...settings, blocks: 'parameters' }), H, g);
    const expected = [
      ...dampedProduct(H.subMatrix(0, 5, 0, 5), rho, g.slice(0, 6)),
      ...dampedProduct(H.subMatrix(6, 7, 6, 7), rho, g.slice(6)),
    ];
    expect(apart(blocks, expected)).toBeLessThanOrEqual(CLOSE * (length(g) / rho));
  },
);

test('a group has the block of the Hessian that is of its parameters', () => {
  const [H, g, rho] = [withSpectrum(3, [1, 2, 3, 4, 5, 6, 7, 8]), vector(4), 0.5];
  const first = { takes: ({ index }: { index: number }) => index === 0 };
  const transform = partition(
    [{ ...first, transform: sketchySgd({ ...rate, rank: D, damping: rho }) }],
    sgd({ learningRate: 1 }),
  );
  const expected = [...dampedProduct(H.subMatrix(0, 5, 0, 5), rho, g.slice(0, 6)), ...g.slice(6)];
  expect(apart(direction(transform, H, g), expected)).toBeLessThanOrEqual(
    CLOSE * (length(g) / rho),
  );
});

const sketched = (...takes: string[]) => ({ takes, transform: scaleBySketchedHessian() });

test('groups are told apart in diagnostics, by the names of their parameters', () => {
  const parameters = ['a', 'b', 'c', 'd'].map((name) => ({ rows: 2, cols: 1, name }));
  const named = (transform: Transform) =>
    new Optimizer({ backend, transform: chain(transform, descend(1)), parameters }).diagnostics.map(
      ({ layer, inputs }) => [layer, inputs],
    );
  expect(named(scaleBySketchedHessian())).toEqual([['all parameters', 8]]);
  expect(named(partition([sketched('b'), sketched('a', 'c')], scaleBySketchedHessian()))).toEqual([
    ['b', 2],
    ['a, c', 4],
    ['d', 2],
  ]);
});

test.each(['all', 'parameters'] as const)(
  'a parameter of no elements has no sketch (%s)',
  (blocks) => {
    const shapes = [{ rows: 0, cols: 3 }, ...SHAPES];
    const slots = shapes.map(({ rows, cols }) => backend.allocate(rows, cols));
    const transform = sketchySgd({ ...rate, rank: D, damping: 0.5, blocks });
    const optimizer = new Optimizer({ backend, transform, parameters: shapes });
    const [H, g] = [withSpectrum(5, [1, 2, 3, 4, 5, 6, 7, 8]), vector(6)];
    const gradients = shaped(g, shapes).map((G) => upload(backend, G));
    optimizer.step(gradients, slots, [], { hessianProduct: productWith(H) });
    // Probes are drawn by the index of a parameter, which at full rank changes roundings alone.
    const found = flat(slots).map((x) => -x);
    expect(apart(found, direction(transform, H, g))).toBeLessThanOrEqual(CLOSE * (length(g) / 0.5));
  },
);

test.each(['all', 'parameters'] as const)(
  'the sketch of a parameter is kept where a second one joins it (%s)',
  async (blocks) => {
    const transform = sketchySgd({ learningRate: 1, rank: 3, refreshEvery: 9, blocks });
    const one = new Optimizer({ backend, transform, parameters: SHAPES.slice(0, 1) });
    const H = withSpectrum(1, [1, 2, 4, 8, 16, 32]);
    const G = shaped(vector(2, 6), SHAPES.slice(0, 1));
    const step = (optimizer: Optimizer<F64>, gradients: readonly Matrix[]): number[] => {
      const slots = gradients.map(({ rows, cols }) => backend.allocate(rows, cols));
      optimizer.step(
        gradients.map((A) => upload(backend, A)),
        slots,
        [],
        { hessianProduct: productWith(H) },
      );
      return flat(slots);
    };
    step(one, G);
    const two = new Optimizer({ backend, transform, parameters: SHAPES });
    two.takeOver(one);
    const zero = build(2, 1, () => 0);
    expect(step(two, [...G, zero]).slice(0, 6)).toEqual(step(one, G));
    expect(two.diagnostics[0].refreshes).toBe(1);
  },
);

describe('of an indefinite Hessian', () => {
  test.prop([
    fc.nat(),
    fc.integer({ min: 1, max: D }),
    fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: D, maxLength: D }),
  ])('every direction is one of descent, and no longer than g/ρ', (seed, rank, spectrum) => {
    const [H, g, rho] = [withSpectrum(seed, spectrum), vector(seed + 1), 0.1];
    const u = direction(sketchySgd({ ...rate, rank, damping: rho, seed }), H, g);
    expect(u.reduce((sum, x, i) => sum + x * g[i], 0)).toBeGreaterThan(0);
    expect(length(u)).toBeLessThanOrEqual((length(g) / rho) * (1 + CLOSE));
  });

  test.prop([fc.nat()], { numRuns: 30 })(
    'at full rank negative eigenvalues count as 0 and the others as they are',
    (seed) => {
      const spectrum = [-4, -1, -0.5, 0.5, 1, 2, 4, 8];
      const [H, g, rho] = [withSpectrum(seed, spectrum), vector(seed + 1), 0.5];
      const { eigenvectorMatrix: Q, realEigenvalues } = new EigenvalueDecomposition(H);
      const clipped = Q.mmul(MlMatrix.diag(realEigenvalues.map((x) => Math.max(x, 0)))).mmul(
        Q.transpose(),
      );
      const u = direction(sketchySgd({ ...rate, rank: D, damping: rho, seed }), H, g);
      expect(apart(u, dampedProduct(clipped, rho, g))).toBeLessThanOrEqual(
        CLOSE * (length(g) / rho),
      );
    },
  );

  test('what is not finite keeps the last sketch, and ends the run after maxFailures', () => {
    const parameters = [backend.allocate(2, 1)];
    const optimizer = new Optimizer({
      backend,
      transform: sketchySgd({ ...rate, rank: 1, maxFailures: 2 }),
      parameters,
    });
    const step = (value: number) => {
      const G = upload(
        backend,
        build(2, 1, () => 1),
      );
      optimizer.step([G], parameters, [], {
        hessianProduct: (_, [P]) => {
          backend.write(
            P,
            build(2, 1, () => value),
          );
        },
      });
    };
    step(1);
    step(Number.NaN);
    expect(optimizer.diagnostics.map(({ failures, refreshes }) => [failures, refreshes])).toEqual([
      [1, 1],
    ]);
    expect(() => step(Number.NaN)).toThrow(PreconditionerError);
    expect(optimizer.steps).toBe(2);
  });
});

const stateBytes = (transform: Transform): number =>
  new Optimizer({ backend, transform, parameters: SHAPES }).stateBytes;

test('its state is r numbers a parameter', () => {
  expect(stateBytes(sketchySgd({ rank: 3 }))).toBe(8 * 3 * D);
  // A block of two parameters is of rank two.
  expect(stateBytes(sketchySgd({ rank: 3, blocks: 'parameters' }))).toBe(8 * (3 * 6 + 2 * 2));
});
