// Shampoo against its formula, block by block, and against full-matrix Adagrad.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { type ShampooOptions, shampooMethod } from '../../src/precondition/shampoo.js';
import { placeRounded } from '../support/backends.js';
import {
  build,
  combine,
  distance,
  filled,
  gaussian,
  type Matrix,
  norm,
  orthogonal,
  product,
  uniform,
} from '../support/matrices.js';
import { averaged, eigenvalues, kronecker, power } from './oracles.js';
import { apply, foundOf, only } from './runs.js';

const RHO = 0.3;
/** c of the rounding bounds c·(q + p)·eps. */
const ROUNDING = 16;

/** A layer that has seen these gradients, one a batch, and was refreshed then. */
function learnt<D extends DType>(
  dtype: D,
  gradients: readonly Matrix[],
  options: ShampooOptions = {},
) {
  const backend = cpuBackend(dtype);
  const [{ rows: outputs, cols: inputs }] = gradients;
  const method = shampooMethod({ damping: RHO, ...options });
  const layer = only(method, backend, { inputs, outputs });
  for (const G of gradients) layer.observe({ G: placeRounded(backend, G), examples: 1 });
  layer.refresh();
  return { layer, of: (G: Matrix) => apply(backend, layer, G) };
}

function sum(terms: readonly Matrix[]): Matrix {
  return terms.reduce((total, term) => combine(1, total, 1, term));
}

const lefts = (gradients: readonly Matrix[]) => gradients.map((G) => product(G, 'N', G, 'T'));
const rights = (gradients: readonly Matrix[]) => gradients.map((G) => product(G, 'T', G, 'N'));

/** (L + ρI)^(−1/4)·G·(R + ρI)^(−1/4) */
function twoSided(L: Matrix, R: Matrix, G: Matrix, rho = RHO): Matrix {
  const root = (M: Matrix) => power(M, rho, -1 / 4);
  return product(product(root(L), 'N', G, 'N'), 'N', root(R), 'N');
}

function drawn(seed: number, q: number, p: number, count: number): Matrix[] {
  const random = uniform(seed);
  return Array.from({ length: count }, () => gaussian(random, q, p));
}

const side = fc.integer({ min: 1, max: 7 });
const count = fc.integer({ min: 1, max: 4 });
const seed = fc.nat(1_000_000);

describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
  /** Roundings of L and R move their roots by that of ρ, relatively, and by no more than their conditions. */
  const tolerance = (G: Matrix, largest: number) =>
    (ROUNDING * (G.rows + G.cols) * EPSILON[dtype] * norm(G) * (1 + largest / RHO)) /
    Math.sqrt(RHO);

  test.prop([side, side, count, seed])('is its formula of the sums', async (q, p, n, s) => {
    const [G, ...seen] = drawn(s, q, p, n + 1);
    const [L, R] = [sum(lefts(seen)), sum(rights(seen))];
    const P = await learnt(dtype, seen).of(G);
    expect(distance(P, twoSided(L, R, G))).toBeLessThanOrEqual(tolerance(G, norm(L)));
  });

  test.prop([side, side, count, seed, fc.constantFrom(0.5, 0.9, 1)])(
    'is its formula of moving averages',
    async (q, p, n, s, decay) => {
      const [G, ...seen] = drawn(s, q, p, n + 1);
      const average = (terms: Matrix[]) =>
        decay === 1 ? combine(1 / n, sum(terms), 0, terms[0]) : averaged(terms, decay);
      const [L, R] = [average(lefts(seen)), average(rights(seen))];
      const P = await learnt(dtype, seen, { decay }).of(G);
      expect(distance(P, twoSided(L, R, G))).toBeLessThanOrEqual(tolerance(G, norm(L)));
    },
  );

  test.prop([side, side, count, seed, fc.integer({ min: 1, max: 4 })])(
    'every block is preconditioned as a matrix of its own',
    async (q, p, n, s, blockSize) => {
      const all = drawn(s, q, p, n + 1);
      const [G, ...seen] = all;
      const P = await learnt(dtype, seen, { blockSize }).of(G);
      for (let top = 0; top < q; top += blockSize) {
        for (let left = 0; left < p; left += blockSize) {
          const [rows, cols] = [Math.min(blockSize, q - top), Math.min(blockSize, p - left)];
          const block = (M: Matrix) => build(rows, cols, (i, j) => M.at(top + i, left + j));
          const alone = await learnt(dtype, seen.map(block)).of(block(G));
          expect(distance(block(P), alone)).toBeLessThanOrEqual(
            tolerance(G, norm(sum(lefts(seen)))),
          );
        }
      }
    },
  );

  test.prop([side, side, count, seed])(
    'a block that holds all is the matrix, bit for bit',
    async (q, p, n, s) => {
      const [G, ...seen] = drawn(s, q, p, n + 1);
      const whole = await learnt(dtype, seen).of(G);
      const blockSize = Math.max(q, p);
      expect(await learnt(dtype, seen, { blockSize }).of(G)).toEqual(whole);
    },
  );
});

test.prop([side, side, count, seed])(
  'P(QGR) = Q·P(G)·R for orthogonal Q and R',
  async (q, p, n, s) => {
    const [G, ...seen] = drawn(s, q, p, n + 1);
    const random = uniform(s + 1);
    const [Q, R] = [orthogonal(random, q), orthogonal(random, p)];
    const turn = (M: Matrix) => product(product(Q, 'N', M, 'N'), 'N', R, 'N');
    const P = await learnt('float64', seen).of(G);
    const turned = await learnt('float64', seen.map(turn)).of(turn(G));
    const size = norm(sum(lefts(seen)));
    const bound = (ROUNDING * (q + p) * EPSILON.float64 * norm(G) * (1 + size / RHO)) / RHO;
    expect(distance(turned, turn(P))).toBeLessThanOrEqual(bound);
  },
);

test.prop([side, side, count, seed, fc.constantFrom(0.01, 0.5)])(
  'a relative damping is that share of the mean eigenvalues of L and R',
  (q, p, n, s, alpha) => {
    const seen = drawn(s, q, p, n);
    const total = seen.reduce((all, G) => all + norm(G) ** 2, 0);
    const { layer } = learnt('float64', seen, { damping: { relative: alpha } });
    const expected = alpha * Math.sqrt((total / q) * (total / p));
    const bound = ROUNDING * q * p * n * EPSILON.float64 * expected;
    expect(Math.abs(foundOf(layer, 'damping') - expected)).toBeLessThanOrEqual(bound);
  },
);

/** The gradients of ½‖(W − W*)H‖² along gradient descent. */
function descent(s: number, q: number, p: number, steps: number): Matrix[] {
  const random = uniform(s);
  const H = build(p, p, (i, j) => (i === j ? 2 ** -i : 0));
  let error = combine(0.2, gaussian(random, q, p), 0, filled(q, p, 0));
  return Array.from({ length: steps }, () => {
    const G = product(error, 'N', product(H, 'N', H, 'T'), 'N');
    error = combine(1, error, -0.3, G);
    return G;
  });
}

const outer = (G: Matrix) => {
  const n = G.rows * G.cols;
  const at = (k: number) => G.at(Math.floor(k / G.cols), k % G.cols);
  return build(n, n, (i, j) => at(i) * at(j));
};

/** The least eigenvalue of (Σggᵀ/rank + ρI)^(−1/2) − L^(−1/root) ⊗ R^(−1/root), over the size of the first. */
function gap(seen: readonly Matrix[], rho: number, root: number): number {
  const [{ rows: q, cols: p }] = seen;
  const total = sum(seen.map(outer));
  const adagrad = power(combine(1 / Math.min(q, p), total, 0, total), rho, -1 / 2);
  const L = power(sum(lefts(seen)), rho, -1 / root);
  const R = power(sum(rights(seen)), rho, -1 / root);
  const difference = combine(1, adagrad, -1, kronecker(L, R));
  return (eigenvalues(difference).at(-1) ?? Number.NaN) * Math.sqrt(rho);
}

describe('beside full-matrix Adagrad, which is (Σggᵀ + ρI)^(−1/2) with g = vec(G),', () => {
  test.prop([fc.integer({ min: 2, max: 4 }), fc.integer({ min: 2, max: 4 }), seed])(
    'its steps are at most those for Σggᵀ/rank, as its paper proves, and those of other roots are not',
    async (q, p, s) => {
      const rho = 0.01;
      const seen = descent(s, q, p, 6);
      const rounding = ROUNDING * q * p * EPSILON.float64 * (1 + norm(sum(lefts(seen))) / rho);
      expect(gap(seen, rho, 4)).toBeGreaterThanOrEqual(-rounding);
      expect(gap(seen, rho, 2)).toBeLessThan(-1);
      // And L^(−1/4) ⊗ R^(−1/4) is what the method applies.
      const P = await learnt('float64', seen, { damping: rho }).of(seen[0]);
      const expected = twoSided(sum(lefts(seen)), sum(rights(seen)), seen[0], rho);
      expect(distance(P, expected)).toBeLessThanOrEqual(rounding * norm(P));
    },
  );

  test.prop([side, side, count, seed])(
    'its steps are the same along gradients that are multiples of one of rank 1',
    async (q, p, n, s) => {
      const random = uniform(s);
      const G = product(gaussian(random, q, 1), 'N', gaussian(random, 1, p), 'N');
      const seen = Array.from({ length: n }, (_, k) => combine(k + 1, G, 0, G));
      const total = seen.reduce((all, one) => all + norm(one) ** 2, 0);
      const P = await learnt('float64', seen).of(G);
      const expected = combine(1 / Math.sqrt(total + RHO), G, 0, G);
      const bound = ROUNDING * (q + p) * EPSILON.float64 * (1 + total / RHO) * norm(expected);
      expect(distance(P, expected)).toBeLessThanOrEqual(bound);
    },
  );
});

test.each([
  [{ decay: 'mean' }, /shampoo: decay is 'mean', expected .*'sum'/],
  [{ decay: 2 }, /shampoo: decay is 2, expected/],
  [{ blockSize: 0 }, /shampoo: blockSize is 0, expected an integer >= 1/],
  [{ damping: 0 }, /shampoo: damping is 0, expected/],
  [{ overrides: { 0: { blockSize: 1.5 } } }, /shampoo: blockSize is 1.5, expected an integer >= 1/],
])('%o is refused', (options, message) => {
  // @ts-expect-error What comes from a file.
  expect(() => shampooMethod(options)).toThrow(message);
});
