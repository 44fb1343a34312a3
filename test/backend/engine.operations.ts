// Every engine operation as data: how to call it, and its equation in plain float64.

import type { Engine } from '../../src/backend/engine.js';
import {
  build,
  combine,
  inner,
  type Matrix,
  map,
  norm,
  product,
  zip,
} from '../support/matrices.js';
import { commonOperations, FACTORS, old, scalar } from './common.contract.js';
import { type Operation, picked, type Sizes } from './operation.js';

/** The sketch S whose columns are those columns of I. */
function selection(sizes: Sizes): Matrix {
  const indices = picked(sizes);
  return build(sizes.p, sizes.r, (i, j) => (indices[j] === i ? 1 : 0));
}

const moments: readonly Operation<Engine>[] = FACTORS.flatMap(([weight, decay]) => {
  const suffix = `(weight ${weight}, decay ${decay})`;
  const sketched = (X: Matrix, S: Matrix, C: Matrix) => ({
    value: combine(weight, product(X, 'T', product(X, 'N', S, 'N'), 'N'), decay, C),
    magnitude: weight * norm(X) ** 2 * norm(S) + old(decay, C),
  });
  const accumulates = decay !== 0;
  return [
    {
      name: `secondMoment ${suffix}`,
      inputs: { X: 'mp' },
      outputs: { A: 'pp' },
      accumulates,
      free: 'm',
      kinds: { A: 'symmetric' },
      run: (engine, { X, A }) => engine.secondMoment(X, weight, decay, A),
      expected: ({ X, A }) => ({
        A: {
          value: combine(weight, product(X, 'T', X, 'N'), decay, A),
          magnitude: weight * norm(X) ** 2 + old(decay, A),
        },
      }),
    },
    {
      name: `sketchMoment, dense ${suffix}`,
      inputs: { X: 'mp', S: 'pr' },
      outputs: { C: 'pr' },
      accumulates,
      free: 'm',
      run: (engine, { X, S, C }) => engine.sketchMoment(X, { kind: 'dense', S }, weight, decay, C),
      expected: ({ X, S, C }) => ({ C: sketched(X, S, C) }),
    },
    {
      name: `sketchMoment, columns ${suffix}`,
      inputs: { X: 'mp' },
      outputs: { C: 'pr' },
      accumulates,
      free: 'm',
      run: (engine, { X, C }, sizes) =>
        engine.sketchMoment(X, { kind: 'columns', indices: picked(sizes) }, weight, decay, C),
      expected: ({ X, C }, sizes) => ({ C: sketched(X, selection(sizes), C) }),
    },
    {
      name: `rowSum ${suffix}`,
      inputs: { X: 'mp', v: 'm1' },
      outputs: { a: '1p' },
      accumulates,
      run: (engine, { X, v, a }) => engine.rowSum(X, v, weight, decay, a),
      expected: ({ X, v, a }) => ({
        a: {
          value: combine(weight, product(v, 'T', X, 'N'), decay, a),
          magnitude: weight * norm(v) * norm(X) + old(decay, a),
        },
      }),
    },
  ];
});

/** (G − (ĝGâᵀ)/(ρ + |â|²|ĝ|²)·ĝᵀâ)/ρ, from â = s·a and ĝ = s·g as the equation has it. */
export function rankOneInverse(
  G: Matrix,
  a: Matrix,
  g: Matrix,
  scale: number,
  rho: number,
): Matrix {
  const aHat = map(a, (x) => scale * x);
  const gHat = map(g, (x) => scale * x);
  const numerator = inner(product(gHat, 'N', G, 'N'), aHat);
  const quotient = numerator / (rho + norm(aHat) ** 2 * norm(gHat) ** 2);
  return combine(1 / rho, G, -quotient / rho, product(gHat, 'T', aHat, 'N'));
}

export const RHO = 0.25;

const inverses: readonly Operation<Engine>[] = [
  {
    name: 'applyLowRankInverse',
    inputs: { G: 'qp', V: 'pr' },
    outputs: { P: 'qp' },
    accumulates: false,
    free: 'r',
    run: (engine, { G, V, P }) => engine.applyLowRankInverse(G, V, RHO, P),
    expected: ({ G, V }) => ({
      P: {
        value: combine(1 / RHO, G, -1, product(product(G, 'N', V, 'N'), 'N', V, 'T')),
        magnitude: norm(G) * (1 / RHO + norm(V) ** 2),
      },
    }),
  },
  {
    name: 'applyDenseInverse, right only',
    inputs: { G: 'qp', R: 'pp' },
    outputs: { P: 'qp' },
    accumulates: false,
    run: (engine, { G, R, P }) => engine.applyDenseInverse(G, R, undefined, P),
    kinds: { R: 'symmetric' },
    expected: ({ G, R }) => ({
      P: { value: product(G, 'N', R, 'N'), magnitude: norm(G) * norm(R) },
    }),
  },
  {
    name: 'applyDenseInverse, both sides',
    inputs: { G: 'qp', R: 'pp', L: 'qq' },
    outputs: { P: 'qp' },
    accumulates: false,
    kinds: { R: 'symmetric', L: 'symmetric' },
    run: (engine, { G, R, L, P }) => engine.applyDenseInverse(G, R, L, P),
    expected: ({ G, R, L }) => ({
      P: {
        value: product(L, 'N', product(G, 'N', R, 'N'), 'N'),
        magnitude: norm(L) * norm(G) * norm(R),
      },
    }),
  },
  {
    name: 'applySpectralInverse',
    inputs: { G: 'qp', QA: 'pp', a: 'p1', QB: 'qq', b: 'q1' },
    outputs: { P: 'qp' },
    accumulates: false,
    kinds: { QA: 'orthogonal', QB: 'orthogonal', a: 'non-negative', b: 'non-negative' },
    run: (engine, { G, QA, a, QB, b, P }) =>
      engine.applySpectralInverse(G, { Q: QA, eigenvalues: a }, { Q: QB, eigenvalues: b }, RHO, P),
    expected: ({ G, QA, a, QB, b }) => {
      const middle = product(product(QB, 'T', G, 'N'), 'N', QA, 'N');
      const quotient = zip(middle, product(b, 'N', a, 'T'), (x, y) => x / (y + RHO));
      return {
        P: {
          value: product(product(QB, 'N', quotient, 'N'), 'N', QA, 'T'),
          magnitude: norm(G) / RHO,
        },
      };
    },
  },
  ...[1, 1.75, 0].map(
    (scale): Operation<Engine> => ({
      name: `applyRankOneInverse (scale ${scale})`,
      inputs: { G: 'qp', a: '1p', g: '1q' },
      outputs: { P: 'qp' },
      accumulates: false,
      run: (engine, { G, a, g, P }) => engine.applyRankOneInverse(G, a, g, scale, RHO, P),
      expected: ({ G, a, g }) => ({
        P: { value: rankOneInverse(G, a, g, scale, RHO), magnitude: (2 * norm(G)) / RHO },
      }),
    }),
  ),
];

const innerProducts: readonly Operation<Engine>[] = FACTORS.map(([alpha, beta]) => ({
  name: `innerProduct (α ${alpha}, β ${beta})`,
  inputs: { A: 'qp', B: 'qp' },
  outputs: { s: '11' },
  accumulates: beta !== 0,
  run: (engine, { A, B, s }) => engine.innerProduct(alpha, A, B, beta, s),
  expected: ({ A, B, s }) => ({
    s: {
      value: combine(alpha, scalar(inner(A, B)), beta, s),
      magnitude: alpha * norm(A) * norm(B) + old(beta, s),
    },
  }),
}));

const columns: readonly Operation<Engine>[] = [
  {
    name: 'joinColumns',
    inputs: { W: 'qp', b: 'q1' },
    outputs: { G: 'qn' },
    accumulates: false,
    run: (engine, { W, b, G }) => engine.joinColumns(W, b, G),
    expected: ({ W, b }, { q, p }) => ({
      G: {
        value: build(q, p + 1, (i, j) => (j < p ? W.at(i, j) : b.at(i, 0))),
        magnitude: 0,
      },
    }),
  },
  {
    name: 'splitColumns',
    inputs: { G: 'qn' },
    outputs: { W: 'qp', b: 'q1' },
    accumulates: false,
    run: (engine, { G, W, b }) => engine.splitColumns(G, W, b),
    expected: ({ G }, { q, p }) => ({
      W: { value: build(q, p, (i, j) => G.at(i, j)), magnitude: 0 },
      b: { value: build(q, 1, (i) => G.at(i, p)), magnitude: 0 },
    }),
  },
];

export const engineOperations: readonly Operation<Engine>[] = [
  ...moments,
  ...inverses,
  ...innerProducts,
  ...columns,
  ...commonOperations,
];
