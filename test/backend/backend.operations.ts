// Every operation of a backend as data: how to call it, and its equation in plain float64.

import type { Op } from '../../src/core/matrix.js';
import {
  build,
  combine,
  inner,
  type Matrix,
  map,
  norm,
  product,
  scalar,
  zip,
} from '../support/matrices.js';
import { type Operation, picked, type Sizes } from './operation.js';

/** Factors of new and old content; with 0 the old content is NaN. */
const FACTORS: readonly (readonly [number, number])[] = [
  [0.5, 0],
  [1, 1],
  [0.125, 0.875],
];

/** What the old content adds to the magnitude of a result. */
function old(beta: number, C: Matrix): number {
  return beta === 0 ? 0 : beta * norm(C);
}

const OPS: readonly (readonly [Op, Op])[] = [
  ['N', 'N'],
  ['N', 'T'],
  ['T', 'N'],
  ['T', 'T'],
];

const products: readonly Operation[] = OPS.flatMap(([opA, opB]) =>
  FACTORS.map(
    ([alpha, beta]): Operation => ({
      name: `gemm ${opA}${opB} (α ${alpha}, β ${beta})`,
      inputs: { A: opA === 'N' ? 'mp' : 'pm', B: opB === 'N' ? 'pq' : 'qp' },
      outputs: { C: 'mq' },
      accumulates: beta !== 0,
      run: (backend, { A, B, C }) => backend.gemm(alpha, A, opA, B, opB, beta, C),
      expected: ({ A, B, C }) => ({
        C: {
          value: combine(alpha, product(A, opA, B, opB), beta, C),
          magnitude: alpha * norm(A) * norm(B) + old(beta, C),
        },
      }),
    }),
  ),
);

/** The columns of I that the indices name. */
function selection(sizes: Sizes): Matrix {
  const indices = picked(sizes);
  return build(sizes.p, sizes.r, (i, j) => (indices[j] === i ? 1 : 0));
}

const moments: readonly Operation[] = FACTORS.flatMap(([weight, decay]): Operation[] => {
  const suffix = `(weight ${weight}, decay ${decay})`;
  const accumulates = decay !== 0;
  const sketched = (X: Matrix, S: Matrix, C: Matrix) => ({
    value: combine(weight, product(X, 'T', product(X, 'N', S, 'N'), 'N'), decay, C),
    magnitude: weight * norm(X) ** 2 * norm(S) + old(decay, C),
  });
  return [
    {
      name: `syrk (α ${weight}, β ${decay})`,
      inputs: { A: 'mp' },
      outputs: { C: 'pp' },
      accumulates,
      free: 'm',
      kinds: { C: 'symmetric' },
      run: (backend, { A, C }) => backend.syrk(weight, A, decay, C),
      expected: ({ A, C }) => ({
        C: {
          value: combine(weight, product(A, 'T', A, 'N'), decay, C),
          magnitude: weight * norm(A) ** 2 + old(decay, C),
        },
      }),
    },
    {
      name: `sketchMoment, dense ${suffix}`,
      inputs: { X: 'mp', S: 'pr' },
      outputs: { C: 'pr' },
      accumulates,
      free: 'm',
      run: (backend, { X, S, C }) =>
        backend.sketchMoment(X, { kind: 'dense', S }, weight, decay, C),
      expected: ({ X, S, C }) => ({ C: sketched(X, S, C) }),
    },
    {
      name: `sketchMoment, columns ${suffix}`,
      inputs: { X: 'mp' },
      outputs: { C: 'pr' },
      accumulates,
      free: 'm',
      run: (backend, { X, C }, sizes) =>
        backend.sketchMoment(X, { kind: 'columns', indices: picked(sizes) }, weight, decay, C),
      expected: ({ X, C }, sizes) => ({ C: sketched(X, selection(sizes), C) }),
    },
  ];
});

const accumulations: readonly Operation[] = FACTORS.flatMap(([alpha, beta]): Operation[] => {
  const suffix = `(α ${alpha}, β ${beta})`;
  const accumulates = beta !== 0;
  return [
    {
      name: `axpby ${suffix}`,
      inputs: { A: 'qp' },
      outputs: { C: 'qp' },
      accumulates,
      inPlace: [['A', 'C']],
      run: (backend, { A, C }) => backend.axpby(alpha, A, beta, C),
      expected: ({ A, C }) => ({
        C: { value: combine(alpha, A, beta, C), magnitude: alpha * norm(A) + old(beta, C) },
      }),
    },
    {
      name: `multiply ${suffix}`,
      inputs: { A: 'qp', B: 'qp' },
      outputs: { C: 'qp' },
      accumulates,
      run: (backend, { A, B, C }) => backend.multiply(alpha, A, B, beta, C),
      expected: ({ A, B, C }) => {
        const AB = zip(A, B, (x, y) => x * y);
        const magnitude = alpha * norm(A) * norm(B) + old(beta, C);
        return { C: { value: combine(alpha, AB, beta, C), magnitude } };
      },
    },
    {
      name: `dot ${suffix}`,
      inputs: { A: 'qp', B: 'qp' },
      outputs: { s: '11' },
      accumulates,
      run: (backend, { A, B, s }) => backend.dot(alpha, A, B, beta, s),
      expected: ({ A, B, s }) => ({
        s: {
          value: combine(alpha, scalar(inner(A, B)), beta, s),
          magnitude: alpha * norm(A) * norm(B) + old(beta, s),
        },
      }),
    },
  ];
});

const quotients: readonly Operation[] = [
  {
    name: 'divide',
    inputs: { A: 'qp', B: 'qp' },
    outputs: { C: 'qp' },
    accumulates: false,
    kinds: { B: 'non-negative' },
    run: (backend, { A, B, C }) => backend.divide(A, B, 0.125, C),
    expected: ({ A, B }) => ({
      C: { value: zip(A, B, (a, b) => a / (b + 0.125)), magnitude: norm(A) / 0.125 },
    }),
  },
  {
    name: 'divideByRoot',
    inputs: { A: 'qp', B: 'qp' },
    outputs: { C: 'qp' },
    accumulates: false,
    kinds: { B: 'non-negative' },
    run: (backend, { A, B, C }) => backend.divideByRoot(1.5, A, 2, B, 0.125, C),
    expected: ({ A, B }) => ({
      C: {
        value: zip(A, B, (a, b) => (1.5 * a) / (Math.sqrt(2 * b) + 0.125)),
        magnitude: (1.5 * norm(A)) / 0.125,
      },
    }),
  },
  {
    name: 'clip',
    inputs: { s: '11' },
    outputs: { C: 'qp' },
    accumulates: true,
    free: 'qp',
    kinds: { s: 'non-negative' },
    run: (backend, { s, C }) => backend.clip(s, 0.01, C),
    expected: ({ s, C }) => {
      const factor = Math.min(1, Math.sqrt(0.01 / s.at(0, 0)));
      return { C: { value: map(C, (x) => factor * x), magnitude: norm(C) } };
    },
  },
];

/** Copies, which round nothing. */
const columns: readonly Operation[] = [
  {
    name: 'joinColumns',
    inputs: { A: 'mp', B: 'mr' },
    outputs: { C: 'mn' },
    accumulates: false,
    run: (backend, { A, B, C }) => backend.joinColumns(A, B, C),
    expected: ({ A, B }, { m, p, r }) => {
      const value = build(m, p + r, (i, j) => (j < p ? A.at(i, j) : B.at(i, j - p)));
      return { C: { value, magnitude: 0 } };
    },
  },
  ...(['first', 'middle', 'last'] as const).map((which): Operation => {
    const start = ({ p }: Sizes) => ({ first: 0, middle: p >> 1, last: p })[which];
    return {
      name: `sliceColumns, ${which}`,
      inputs: { A: 'mn' },
      outputs: { C: 'mr' },
      accumulates: false,
      // A wider slice leaves A where it is of the last columns.
      free: which === 'last' ? 'n' : 'nr',
      run: (backend, { A, C }, sizes) => backend.sliceColumns(A, start(sizes), C),
      expected: ({ A }, sizes) => {
        const value = build(sizes.m, sizes.r, (i, j) => A.at(i, start(sizes) + j));
        return { C: { value, magnitude: 0 } };
      },
    };
  }),
  {
    name: 'gatherColumns',
    inputs: { A: 'mp' },
    outputs: { C: 'mr' },
    accumulates: false,
    free: 'p',
    run: (backend, { A, C }, sizes) => backend.gatherColumns(A, picked(sizes), C),
    expected: ({ A }, sizes) => {
      const indices = picked(sizes);
      const value = build(sizes.m, sizes.r, (i, j) => A.at(i, indices[j]));
      return { C: { value, magnitude: 0 } };
    },
  },
];

export const backendOperations: readonly Operation[] = [
  ...products,
  ...moments,
  ...accumulations,
  ...quotients,
  ...columns,
];
