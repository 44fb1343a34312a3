// Every backend operation as data: how to call it, and its equation in plain float64.

import type { Backend } from '../../src/backend/backend.js';
import type { Op } from '../../src/core/matrix.js';
import { build, combine, inner, norm, product, zip } from '../support/matrices.js';
import { commonOperations, FACTORS, old, scalar } from './common.contract.js';
import { type Operation, picked, type Sizes } from './operation.js';

const OPS: readonly (readonly [Op, Op])[] = [
  ['N', 'N'],
  ['N', 'T'],
  ['T', 'N'],
  ['T', 'T'],
];

const products: readonly Operation<Backend>[] = OPS.flatMap(([opA, opB]) =>
  FACTORS.map(
    ([alpha, beta]): Operation<Backend> => ({
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

const squares: readonly Operation<Backend>[] = FACTORS.map(([alpha, beta]) => ({
  name: `syrk (α ${alpha}, β ${beta})`,
  inputs: { A: 'mp' },
  outputs: { C: 'pp' },
  accumulates: beta !== 0,
  free: 'm',
  kinds: { C: 'symmetric' },
  run: (backend, { A, C }) => backend.syrk(alpha, A, beta, C),
  expected: ({ A, C }) => ({
    C: {
      value: combine(alpha, product(A, 'T', A, 'N'), beta, C),
      magnitude: alpha * norm(A) ** 2 + old(beta, C),
    },
  }),
}));

const dots: readonly Operation<Backend>[] = FACTORS.map(([alpha, beta]) => ({
  name: `dot (α ${alpha}, β ${beta})`,
  inputs: { A: 'qp', B: 'qp' },
  outputs: { s: '11' },
  accumulates: beta !== 0,
  run: (backend, { A, B, s }) => backend.dot(alpha, A, B, beta, s),
  expected: ({ A, B, s }) => ({
    s: {
      value: combine(alpha, scalar(inner(A, B)), beta, s),
      magnitude: alpha * norm(A) * norm(B) + old(beta, s),
    },
  }),
}));

/** The last columns of A go to the middle of C. */
function block({ p, q }: Sizes): { from: number; to: number; count: number } {
  const count = Math.ceil(Math.min(p, q) / 2);
  return { from: p - count, to: (q - count) >> 1, count };
}

const others: readonly Operation<Backend>[] = [
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
  {
    name: 'copyColumns',
    inputs: { A: 'mp' },
    outputs: { C: 'mq' },
    accumulates: true,
    free: 'pq',
    run: (backend, { A, C }, sizes) => {
      const { from, to, count } = block(sizes);
      backend.copyColumns(A, from, C, to, count);
    },
    expected: ({ A, C }, sizes) => {
      const { from, to, count } = block(sizes);
      const value = build(sizes.m, sizes.q, (i, j) =>
        j >= to && j < to + count ? A.at(i, j - to + from) : C.at(i, j),
      );
      return { C: { value, magnitude: 0 } };
    },
  },
];

export const backendOperations: readonly Operation<Backend>[] = [
  ...products,
  ...squares,
  ...dots,
  ...others,
  ...commonOperations,
];
