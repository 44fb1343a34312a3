// ((DQ_B)²)ᵀ((XQ_A)²) over rows of every kind, against the explicit matrices.

import { fc } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { denseRows } from '../../src/rows/dense.js';
import { joinedRows } from '../../src/rows/joined.js';
import { oneHotRows } from '../../src/rows/one-hot.js';
import { patchRows } from '../../src/rows/patches.js';
import { projectedSquares } from '../../src/rows/projected-squares.js';
import type { Rows } from '../../src/rows/rows.js';
import { scaledRows } from '../../src/rows/scaled.js';
import { placeRounded } from '../support/backends.js';
import {
  build,
  combine,
  distance,
  filled,
  gaussian,
  type Matrix,
  map,
  norm,
  orthogonal,
  product,
  rounded,
  uniform,
} from '../support/matrices.js';
import { weightsFor } from './rows.contract.js';

/** Roundings beside those of the sums: of weights, squares, products and factors. */
const ROUNDINGS = 16;
const M = 12;
/** Where the parts of joined rows begin, each with a row that counts. */
const STARTS = [0, 5, 6];

/** Rows and the matrix that they stand for. */
interface Made<D extends DType> {
  readonly rows: Rows<D>;
  readonly X: Matrix;
}

/** Drawn anew for each kind of M rows. */
type Kind = <D extends DType>(
  backend: Backend<D>,
  seed: number,
  weights?: readonly number[],
) => Made<D>;

const dense: Kind = (backend, seed, weights) => {
  const X = rounded(gaussian(uniform(seed), M, 4), backend.dtype);
  return { rows: denseRows(backend, convert(X, backend.dtype), { weights }), X };
};

const joined: Kind = (backend, seed, weights) => {
  const X = rounded(gaussian(uniform(seed), M, 4), backend.dtype);
  const rows = joinedRows(
    STARTS.map((from, i) => {
      const to = STARTS[i + 1] ?? M;
      const own = convert(X.view(from, 0, to - from, 4), backend.dtype);
      return denseRows(backend, own, { weights: weights?.slice(from, to) });
    }),
  );
  return { rows, X };
};

const scaled: Kind = (backend, seed, weights) => {
  const { rows, X } = dense(backend, seed, weights);
  return { rows: scaledRows(rows, 0.5), X: map(X, (x) => x / 2) };
};

/** A kernel of 2×2 at 3×4 positions of one image, five numbers at a time and so one row. */
const patches: Kind = (backend, seed, weights) => {
  const image = rounded(gaussian(uniform(seed), 4, 5), backend.dtype);
  const geometry = {
    batch: 1,
    channels: 1,
    height: 4,
    width: 5,
    layout: 'channelsLast',
    kernel: [2, 2],
  } as const;
  const [rows] = patchRows(backend, convert(image, backend.dtype), geometry, {
    weights,
    strip: 5,
  });
  const X = build(M, 4, (i, j) =>
    image.at(Math.floor(i / 4) + Math.floor(j / 2), (i % 4) + (j % 2)),
  );
  return { rows, X };
};

const words: Kind = (backend, seed, weights) => {
  const random = uniform(seed);
  const indices = Array.from({ length: M }, () => Math.floor(4 * random()));
  return {
    rows: oneHotRows(backend, indices, { cols: 4, weights }),
    X: build(M, 4, (i, j) => (indices[i] === j ? 1 : 0)),
  };
};

const KINDS: readonly [string, Kind][] = [
  ['dense', dense],
  ['joined', joined],
  ['scaled', scaled],
  ['patch', patches],
  ['one-hot', words],
];

const squares = (A: Matrix) => map(A, (a) => a * a);

describe.each(['float64', 'float32'] as const)('projectedSquares, %s', (dtype) => {
  test.each(
    KINDS.flatMap(([nameX, X]) =>
      (
        [
          ['dense', dense],
          ['joined', joined],
          ['patch', patches],
        ] as const
      ).map(([nameD, D]) => [nameX, nameD, X, D] as const),
    ),
  )('of %s rows X and %s rows D', (_, __, kindX, kindD) => {
    fc.assert(
      fc.property(fc.nat(), fc.boolean(), fc.constantFrom(0, 0.9, 1), (seed, inBasis, decay) => {
        const backend = cpuBackend<DType>(dtype);
        const weights = weightsFor(M, seed)?.map((w, i) => (STARTS.includes(i) ? 1 : w));
        const [x, d] = [kindX(backend, seed, weights), kindD(backend, seed + 1, weights)];
        const random = uniform(seed + 2);
        const [p, q] = [x.X.cols, d.X.cols];
        const [QA, QB] = [orthogonal(random, p), orthogonal(random, q)];
        const old = rounded(gaussian(random, q, p), dtype);
        const S = placeRounded(backend, decay === 0 ? filled(q, p, Number.NaN) : old);
        const bases = {
          QA: inBasis ? placeRounded(backend, QA) : undefined,
          QB: placeRounded(backend, QB),
        };
        projectedSquares(x.rows, d.rows, bases, 0.25, decay, S);
        const XQ = squares(inBasis ? product(x.X, 'N', QA, 'N') : x.X);
        const DQ = squares(product(d.X, 'N', QB, 'N'));
        const W = build(M, q, (i, j) => (weights?.[i] ?? 1) * DQ.at(i, j));
        const expected = combine(0.25, product(W, 'T', XQ, 'N'), decay, old);
        const scale = norm(x.X) ** 2 * norm(d.X) ** 2 * Math.max(1, ...(weights ?? [])) + norm(old);
        expect(distance(backend.readSync(S), expected)).toBeLessThanOrEqual(
          (M + 2 * p + 2 * q + ROUNDINGS) * EPSILON[dtype] * scale,
        );
      }),
      { numRuns: 10 },
    );
  });
});
