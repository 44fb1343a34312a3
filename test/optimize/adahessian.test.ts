// AdaHessian against its formula, and where its diagonal is exact.

import { fc, test } from '@fast-check/vitest';
import { Matrix as MlMatrix } from 'ml-matrix';
import { describe, expect } from 'vitest';
import { type Slot, upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import { zeros } from '../../src/core/matrix.js';
import { fillUniform, foldIn, randomKey } from '../../src/core/random.js';
import type { HessianProduct } from '../../src/optimize/hessian-product.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { type AdahessianOptions, adahessian } from '../../src/optimize/systems.js';
import { build, gaussian, type Matrix, uniform } from '../support/matrices.js';
import { SEED } from '../support/seed.js';

type F64 = 'float64';

const backend = cpuBackend('float64');

/** vec(V) ↦ H·vec(V) for one matrix, row by row. */
function productWith(H: MlMatrix): HessianProduct<F64> {
  return ([V], [P]) => {
    const v = MlMatrix.columnVector(Array.from(backend.readSync(V).data));
    const Hv = H.mmul(v);
    backend.write(
      P,
      build(P.rows, P.cols, (i, j) => Hv.get(i * P.cols + j, 0)),
    );
  };
}

/** A symmetric matrix, of either sign. */
function symmetric(seed: number, n: number): MlMatrix {
  const A = new MlMatrix(gaussian(uniform(seed), n, n).toArrays());
  return A.add(A.transpose());
}

/** The signs of a step. */
function signs(seed: number, step: number, rows: number, cols: number): Matrix {
  const value = zeros('float64', rows, cols);
  fillUniform(foldIn(foldIn(randomKey(seed), step), 0), value.data);
  return build(rows, cols, (i, j) => (value.at(i, j) < 0.5 ? -1 : 1));
}

const settings = fc.record({
  seed: fc.nat(),
  power: fc.constantFrom(1 as const, 0.5 as const, 0.25 as const),
  hessianEvery: fc.integer({ min: 1, max: 3 }),
  averaged: fc.boolean(),
  positions: fc.constantFrom(undefined, 1, 2, 3, 6),
  oneHot: fc.boolean(),
});

test.prop([settings], { numRuns: 40 })(
  'is m̂/(v̂^(k/2) + ε) with the mean of z∘Hz over blocks',
  ({ positions, oneHot, ...options }) => {
    const [rows, cols, beta1, beta2, epsilon, learningRate, weightDecay] = [
      2, 6, 0.8, 0.9, 1e-3, 0.1, 0.01,
    ];
    const { seed, power, hessianEvery, averaged } = options;
    const H = symmetric(SEED + seed, rows * cols);
    const start = gaussian(uniform(seed + 1), rows, cols);
    const theta = upload(backend, start);
    const optimizer = new Optimizer({
      backend,
      transform: adahessian({ ...options, beta1, beta2, epsilon, learningRate, weightDecay }),
      parameters: [{ rows, cols, positions, oneHot }],
    });
    const block = positions === undefined ? 1 : cols / positions;
    const width = averaged && !oneHot ? block : cols;
    const w = start.toArrays();
    const m = start.toArrays().map((row) => row.map(() => 0));
    const v = start.toArrays().map((row) => row.map(() => 0));
    let estimates = 0;
    for (let k = 0; k < 7; k++) {
      const G = gaussian(uniform(seed + 10 + k), rows, cols);
      expect(optimizer.needs.curvature).toBe(k % hessianEvery === 0);
      optimizer.step([upload(backend, G)], [theta], [], { hessianProduct: productWith(H) });
      if (k % hessianEvery === 0) {
        estimates++;
        const z = signs(seed, k, rows, cols);
        const Hz = H.mmul(MlMatrix.columnVector(Array.from(z.data)));
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < cols; j++) {
            let [sum, count] = [0, 0];
            for (let l = j % width; l < cols; l += width, count++) {
              sum += z.at(i, l) * Hz.get(i * cols + l, 0);
            }
            v[i][j] = beta2 * v[i][j] + (1 - beta2) * (sum / count) ** 2;
          }
        }
      }
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < cols; j++) {
          m[i][j] = beta1 * m[i][j] + (1 - beta1) * G.at(i, j);
          const mHat = m[i][j] / (1 - beta1 ** (k + 1));
          const vHat = v[i][j] / (1 - beta2 ** estimates);
          w[i][j] -=
            learningRate * (mHat / (vHat ** (power / 2) + epsilon) + weightDecay * w[i][j]);
        }
      }
    }
    const found = backend.readSync(theta);
    const largest = Math.max(...w.flat().map(Math.abs));
    // Sums of 12 products, whose relative error counts by |Hz| over its mean in d, then a few roundings a
    // step; a root of x errs by 2⁻⁵¹¹, which no x here feels.
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++) {
        expect(Math.abs(found.at(i, j) - w[i][j])).toBeLessThanOrEqual(
          (1e5 * EPSILON.float64 * largest) / epsilon,
        );
      }
    }
  },
);

describe('on a separable function', () => {
  test.prop([
    fc.nat(),
    fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 9 }),
  ])(
    'the diagonal is exact whatever the signs: each element of a quadratic moves by η of its way',
    (seed, a) => {
      const n = a.length;
      const theta = upload(
        backend,
        build(n, 1, () => 3),
      );
      const [learningRate, epsilon] = [0.25, 1e-12];
      const optimizer = new Optimizer({
        backend,
        transform: adahessian({ seed, learningRate, epsilon, beta1: 0 }),
        parameters: [{ rows: n, cols: 1 }],
      });
      for (let k = 1; k <= 5; k++) {
        const now = backend.readSync(theta);
        const G = upload(
          backend,
          build(n, 1, (i) => a[i] * now.at(i, 0)),
        );
        optimizer.step([G], [theta], [], { hessianProduct: productWith(MlMatrix.diag(a)) });
        const next = backend.readSync(theta);
        // g/(a + ε) is θ less what ε takes, at most ε/0.01 of it, and a few roundings of v̂.
        for (let i = 0; i < n; i++) {
          const expected = 3 * (1 - learningRate) ** k;
          expect(Math.abs(next.at(i, 0) - expected)).toBeLessThanOrEqual(
            3 * k * (100 * epsilon + 1e3 * EPSILON.float64),
          );
        }
      }
    },
  );
});

const bytes = (options: AdahessianOptions, positions?: number) =>
  new Optimizer({
    backend,
    transform: adahessian(options),
    parameters: [
      { rows: 4, cols: 18, positions },
      { rows: 4, cols: 1 },
    ],
  }).stateBytes;

describe('its state', () => {
  test('is m, and v of one number a block', () => {
    expect(bytes({ averaged: false })).toBe(8 * (2 * 72 + 2 * 4));
    expect(bytes({})).toBe(8 * (72 + 4 + 2 * 4));
    expect(bytes({}, 9)).toBe(8 * (72 + 8 + 2 * 4));
    // A kernel of 1×1.
    expect(bytes({}, 1)).toBe(8 * (2 * 72 + 2 * 4));
  });
});

const run = () => {
  const [theta, G] = [2, 1].map((value) =>
    upload(
      backend,
      build(2, 1, () => value),
    ),
  );
  const optimizer = new Optimizer({
    backend,
    transform: adahessian(),
    parameters: [{ rows: 2, cols: 1, name: 'w' }],
  });
  return { theta, G, optimizer };
};

const writing =
  (value: number): HessianProduct<F64> =>
  (_, [P]: readonly Slot<F64>[]) => {
    backend.write(
      P,
      build(P.rows, P.cols, () => value),
    );
  };

describe('refuses, with nothing changed,', () => {
  test.each([
    ['a product that is not finite', writing(Number.NaN), /the product of the Hessian/],
    [
      'a product whose square is out of range',
      writing(1e200),
      /the square of the curvature of w could reach/,
    ],
  ])('%s', async (_, hessianProduct, message) => {
    const { theta, G, optimizer } = run();
    const before = await optimizer.exportState();
    expect(() => optimizer.step([G], [theta], [], { hessianProduct })).toThrow(message);
    expect(await optimizer.exportState()).toEqual(before);
    expect([theta, G].map((slot) => backend.readSync(slot).at(0, 0))).toEqual([2, 1]);
  });

  test('a step without a product, and products that are none', () => {
    const { theta, G, optimizer } = run();
    expect(() => optimizer.step([G], [theta])).toThrow(
      new TypeError(
        'step: hessianProduct is missing, expected a function, as step 0 uses curvature (see needs.curvature)',
      ),
    );
    const options = { hessianProduct: JSON.parse('1') };
    expect(() => optimizer.step([G], [theta], [], options)).toThrow(
      new TypeError('step: hessianProduct is 1, expected a function of vectors and products'),
    );
    expect(optimizer.steps).toBe(0);
  });

  test('positions that do not divide the columns', () => {
    const parameters = [{ rows: 2, cols: 8, positions: 3 }];
    expect(() => new Optimizer({ backend, transform: adahessian(), parameters })).toThrow(
      new RangeError('Optimizer: parameters[0].positions is 3, expected a divisor of cols, 8'),
    );
  });
});
