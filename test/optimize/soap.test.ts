// SOAP against its algorithm, written with plain matrices, and against Adam.

import fc from 'fast-check';
import { EigenvalueDecomposition } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { BYTES, EPSILON } from '../../src/core/dtype.js';
import { identity } from '../../src/core/matrix.js';
import { toMlMatrix } from '../../src/ml-matrix.js';
import { scaleByAdam } from '../../src/optimize/adam.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { adam } from '../../src/optimize/optimizers.js';
import { scaleBySoap } from '../../src/optimize/soap.js';
import { soap } from '../../src/optimize/systems.js';
import type { Transform } from '../../src/optimize/transform.js';
import { placeRounded } from '../support/backends.js';
import {
  build,
  combine,
  filled,
  gaussian,
  inner,
  type Matrix,
  map,
  orthogonal,
  product,
  uniform,
  zip,
} from '../support/matrices.js';
import { deviation, randomStart, updates } from './rules.js';

const BETAS = { beta1: 0.9, beta2: 0.8 };
const EPS = 1e-4;
const STEPS = 8;

/** Eigenvectors in descending order of their eigenvalues, and how near two of these are, relative to the largest. */
function eigenvectors(A: Matrix): { readonly Q: Matrix; readonly gap: number } {
  const found = new EigenvalueDecomposition(toMlMatrix(A), { assumeSymmetric: true });
  const { realEigenvalues: values } = found;
  const gaps = values.slice(1).map((value, i) => value - values[i]);
  return {
    Q: build(A.rows, A.rows, (i, j) => found.eigenvectorMatrix.get(i, A.rows - 1 - j)),
    gap: Math.min(...gaps) / Math.max(...values),
  };
}

/** Algorithm 3, and the smallest gap between eigenvalues on the way. */
function algorithm(gradients: readonly Matrix[], refreshEvery: number) {
  const { beta1, beta2 } = BETAS;
  const [{ rows, cols }] = gradients;
  let [QL, QR] = [identity('float64', rows), identity('float64', cols)];
  let [M, V, L, R] = [
    filled(rows, cols, 0),
    filled(rows, cols, 0),
    filled(rows, rows, 0),
    filled(cols, cols, 0),
  ];
  let [least, t] = [Number.POSITIVE_INFINITY, 0];
  const found = gradients.map((G, k) => {
    const inBases = (X: Matrix) => product(product(QL, 'T', X, 'N'), 'N', QR, 'N');
    M = combine(beta1, M, 1 - beta1, G);
    V = combine(
      beta2,
      V,
      1 - beta2,
      map(inBases(G), (x) => x * x),
    );
    t += 1;
    const [first, second] = [1 - beta1 ** t, 1 - beta2 ** t];
    const N = zip(inBases(M), V, (x, v) => x / first / (Math.sqrt(v / second) + EPS));
    const u = product(product(QL, 'N', N, 'N'), 'N', QR, 'T');
    L = combine(beta2, L, 1 - beta2, product(G, 'N', G, 'T'));
    R = combine(beta2, R, 1 - beta2, product(G, 'T', G, 'N'));
    if (k % refreshEvery === 0) {
      const [left, right] = [eigenvectors(L), eigenvectors(R)];
      [QL, QR] = [left.Q, right.Q];
      least = Math.min(least, left.gap, right.gap);
    }
    if (k === 0) {
      // The moments so far are of other axes.
      [M, V, t] = [filled(rows, cols, 0), filled(rows, cols, 0), 0];
    }
    return u;
  });
  return { found, gap: least };
}

/** Elements of the first parameter, a matrix of 3×4, and of the second, a column. */
const parts = (rows: readonly number[][]) => ({
  matrix: rows.map((row) => row.slice(0, 12)),
  column: rows.map((row) => row.slice(12)),
});

describe.each([1, 3])('new bases every %d steps', (refreshEvery) => {
  test.each([1, 2, 3, 4])('is Algorithm 3 of the paper, with eigenvectors: start %d', (seed) => {
    const start = randomStart(seed, STEPS);
    const options = { ...BETAS, epsilon: EPS, refreshEvery };
    const ours = parts(updates('float64', scaleBySoap(options), start)).matrix;
    const { found, gap } = algorithm(
      start.gradients.map(([G]) => G),
      refreshEvery,
    );
    const theirs = found.map(({ data }) => Array.from(data));
    // Vectors turn by eps over the gap, and a quotient by as much over ε.
    expect(gap).toBeGreaterThan(1e-6);
    expect(deviation(ours, theirs)).toBeLessThanOrEqual((64 * EPSILON.float64) / gap / EPS);
    // The bases matter.
    const adams = updates('float64', scaleByAdam({ ...BETAS, epsilon: EPS }), start);
    expect(deviation(ours, parts(adams).matrix)).toBeGreaterThan(0.1);
  });
});

describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
  const start = randomStart(5, STEPS);
  const adams = updates(dtype, scaleByAdam({ ...BETAS, epsilon: EPS }), start);

  test('Q = I is Adam, bit for bit', () => {
    const soaps = updates(dtype, scaleBySoap({ ...BETAS, epsilon: EPS, maxDim: 1 }), start);
    expect(soaps).toEqual(adams);
  });

  test('the first step, and those of what is no matrix, are Adam’s', () => {
    const soaps = updates(dtype, scaleBySoap({ ...BETAS, epsilon: EPS }), start);
    expect(deviation(soaps.slice(0, 1), adams.slice(0, 1))).toBeLessThanOrEqual(8 * EPSILON[dtype]);
    expect(parts(soaps).column).toEqual(parts(adams).column);
  });

  test('holds 2rc + 2r² + 2c² numbers of a matrix, without sides longer than maxDim', () => {
    const backend = cpuBackend(dtype);
    const parameters = start.parameters.map((A) => placeRounded(backend, A));
    const held = (transform: Transform) =>
      new Optimizer({ backend, transform, parameters }).stateBytes / BYTES[dtype];
    // A column of three has Adam's two moments.
    expect(held(soap())).toBe(2 * 12 + 2 * 9 + 2 * 16 + 2 * 3);
    expect(held(soap({ maxDim: 3 }))).toBe(2 * 12 + 2 * 9 + 2 * 3);
  });
});

const norm = (u: readonly number[]) => Math.sqrt(u.reduce((sum, x) => sum + x * x, 0));

test.each([2, 10])(
  'with new bases every %d steps, those until the second ones are no longer than √(rc), as Adam’s are where β₁ = β₂',
  (refreshEvery) => {
    const [rows, cols] = [12, 16];
    // Columns that differ a thousandfold: V of the first step along other axes would make the second 13 times as long.
    const scale = build(cols, cols, (i, j) => (i === j ? 10 ** ((3 * j) / cols - 3) : 0));
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(0, 1), fc.boolean(), (seed, common, isDead) => {
        const random = uniform(seed);
        const same = gaussian(random, rows, cols);
        const draw = () => combine(common, same, 1, gaussian(random, rows, cols));
        const drawn = Array.from({ length: refreshEvery + 1 }, () => [
          product(draw(), 'N', scale, 'N'),
        ]);
        // Of a first gradient of zeros there are no bases yet.
        const gradients = isDead ? [[filled(rows, cols, 0)], ...drawn] : drawn;
        const start = { parameters: [filled(rows, cols, 0)], gradients };
        const options = { beta1: 0.95, beta2: 0.95, refreshEvery };
        for (const u of updates('float64', scaleBySoap(options), start)) {
          const roundings = 64 * (rows + cols) * EPSILON.float64;
          expect(norm(u)).toBeLessThanOrEqual(Math.sqrt(rows * cols) * (1 + roundings));
        }
      }),
      { numRuns: 20 },
    );
  },
);

test('a matrix that joins later begins as the first one did, and with its own first bases', () => {
  const backend = cpuBackend('float64');
  const random = uniform(7);
  const shape = { rows: 4, cols: 3 };
  const draw = () => gaussian(random, shape.rows, shape.cols);
  const make = (parameters: readonly (typeof shape)[]) =>
    new Optimizer({ backend, transform: soap({ learningRate: 1, refreshEvery: 2 }), parameters });
  /** What becomes of zeros. */
  const take = (optimizer: Optimizer<'float64'>, gradients: readonly Matrix[]) => {
    const theta = gradients.map(() => placeRounded(backend, filled(shape.rows, shape.cols, 0)));
    optimizer.step(
      gradients.map((G) => placeRounded(backend, G)),
      theta,
    );
    return theta.map((slot) => backend.readSync(slot));
  };
  const [earlier, alone] = [make([shape]), make([shape])];
  for (let k = 0; k < 4; k++) take(earlier, [draw()]);
  const both = make([shape, shape]);
  both.takeOver(earlier);
  for (let k = 0; k < 4; k++) {
    const [A, B] = [draw(), draw()];
    expect(take(both, [A, B])[1]).toEqual(take(alone, [B])[0]);
  }
});

test.each([3, 4, 5])(
  'of a quadratic that is badly scaled along turned axes, SOAP ends nearer the minimum than Adam: start %d',
  (seed) => {
    const random = uniform(seed);
    const [r, c] = [6, 5];
    const turned = (n: number) => {
      const Q = orthogonal(random, n);
      const spectrum = build(n, n, (i, j) => (i === j ? 10 ** -i : 0));
      return product(product(Q, 'N', spectrum, 'N'), 'N', Q, 'T');
    };
    const [A, B] = [turned(r), turned(c)];
    const initial = gaussian(random, r, c);
    /** ½⟨W, AWB⟩ in the end. */
    const lossOf = (transform: Transform) => {
      const backend = cpuBackend('float64');
      const theta = placeRounded(backend, initial);
      const optimizer = new Optimizer({ backend, transform, parameters: [theta] });
      const gradient = () => product(product(A, 'N', backend.readSync(theta), 'N'), 'N', B, 'N');
      for (let k = 0; k < 600; k++) optimizer.step([placeRounded(backend, gradient())], [theta]);
      return inner(backend.readSync(theta), gradient()) / 2;
    };
    const settings = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, weightDecay: 0 };
    expect(lossOf(soap(settings))).toBeLessThan(lossOf(adam(settings)) / 10);
  },
);

test.each([
  [{ maxDim: 0 }, 'soap: maxDim is 0, expected an integer >= 1'],
  [{ beta2: 1 }, 'soap: beta2 is 1, expected'],
  [{ refreshEvery: 0.5 }, 'soap: refreshEvery is 0.5, expected an integer >= 1'],
])('refuses %o', (options, message) => {
  expect(() => soap(options)).toThrow(message);
});

test('an ε that a square would lose is refused', () => {
  const backend = cpuBackend('float32');
  const parameters = [
    placeRounded(
      backend,
      build(2, 2, () => 1),
    ),
  ];
  const make = () => new Optimizer({ backend, transform: soap({ epsilon: 1e-30 }), parameters });
  expect(make).toThrow(/^scaleBySoap: epsilon is 1e-30, expected at least /);
});
