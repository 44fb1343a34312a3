// Means of examples: rows of any order, of several uses and batches, against groups made one by one.

import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { denseRows } from '../../src/rows/dense.js';
import { exampleMeans, examplesOf } from '../../src/rows/example-means.js';
import { joinedRows } from '../../src/rows/joined.js';
import type { Rows } from '../../src/rows/rows.js';
import {
  build,
  distance,
  filled,
  gaussian,
  type Matrix,
  pickRows,
  rounded,
  uniform,
} from '../support/matrices.js';
import { type Line, linesOf, meansOf } from './means.js';
import { weightsFor } from './rows.contract.js';

const COLS = 3;

/** Roundings beside those of the sums: of √w twice, of √w·x, of the share, of the mean and the store. */
const ROUNDINGS = 8;

const upTo = (max: number) => fc.integer({ min: 1, max });

/** What a layer saw in one use of `time` tokens for each of the examples of a batch. */
interface Use {
  readonly time: number;
  /** Sequence after sequence, step after step, or a part of its own for each step. */
  readonly order: 'bySequence' | 'byStep' | 'inSteps';
  readonly seed: number;
}

interface Batch {
  readonly examples: number;
  readonly uses: readonly Use[];
}

const batches: fc.Arbitrary<Batch[]> = fc.array(
  fc.record({
    examples: upTo(4),
    uses: fc.array(
      fc.record({
        time: upTo(4),
        order: fc.constantFrom('bySequence' as const, 'byStep' as const, 'inSteps' as const),
        seed: fc.nat(),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  { minLength: 1, maxLength: 3 },
);

/** Rows of one part: the matrix, the example of each row in its batch, and their weights. */
interface Part {
  readonly A: Matrix;
  readonly exampleOf: readonly number[];
  readonly weights: number[] | undefined;
  readonly batch: number;
}

function partsOf({ examples, uses }: Batch, batch: number, dtype: DType): Part[] {
  return uses.flatMap(({ time, order, seed }) => {
    const heights = order === 'inSteps' ? Array.from({ length: time }, () => 1) : [time];
    return heights.map((steps, k): Part => {
      const m = examples * steps;
      return {
        A: rounded(gaussian(uniform(seed + k), m, COLS), dtype),
        exampleOf: Array.from({ length: m }, (_, i) =>
          order === 'bySequence' ? Math.floor(i / steps) : i % examples,
        ),
        weights: weightsFor(m, seed + k),
        batch,
      };
    });
  });
}

/** X̄ as it is computed, of so many rows. */
async function found<D extends DType>(
  X: Rows<D>,
  exampleOf: ArrayLike<number>,
  room: number,
): Promise<Matrix> {
  const { backend, cols } = X;
  const Y = backend.allocate(room, cols);
  backend.write(Y, convert(filled(room, cols, Number.NaN), backend.dtype));
  exampleMeans(X, exampleOf, 1, Y);
  const means = convert(await backend.read(Y), 'float64');
  backend.free(Y);
  return means;
}

/** `A` and rows of zeros below it. */
function padded(A: Matrix, rows: number): Matrix {
  return build(rows, A.cols, (i, j) => (i < A.rows ? A.at(i, j) : 0));
}

/** No mean is larger than its rows, and the shares sum to 1. */
function tolerance(lines: readonly Line[], dtype: DType): number {
  const largest = Math.max(...lines.flatMap(({ x }) => x.map(Math.abs)));
  return (lines.length + ROUNDINGS) * EPSILON[dtype] * Math.sqrt(COLS) * largest;
}

describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
  const backend = cpuBackend<DType>(dtype);
  const rowsOf = ({ A, exampleOf, weights }: Part) =>
    denseRows(backend, convert(A, dtype), { exampleOf, weights });

  property.prop([batches, upTo(14)], { numRuns: 60 })(
    'rows of several uses, step by step, of several batches or under masks count by the mean of their example',
    async (all, room) => {
      const parts = all.flatMap((batch, b) => partsOf(batch, b, dtype));
      const X = joinedRows(parts.map(rowsOf), { batches: parts.map(({ batch }) => batch) });
      const weighted = parts.some(({ weights }) => weights !== undefined);
      const lines = parts.flatMap(({ A, exampleOf, weights, batch }) =>
        linesOf(A, (i) => `${batch}/${exampleOf[i]}`, weighted ? weights : undefined),
      );
      const means = await found(X, examplesOf(X, 1), room);
      expect(distance(means, padded(meansOf(lines, room), room))).toBeLessThanOrEqual(
        tolerance(lines, dtype),
      );
      X.dispose();
    },
  );

  const masked = fc.record({ rows: upTo(9), examples: upTo(4), seed: fc.nat() }).map((drawn) => {
    const random = uniform(drawn.seed);
    const A = rounded(gaussian(random, drawn.rows, COLS), dtype);
    const exampleOf = Array.from({ length: drawn.rows }, () =>
      Math.floor(random() * drawn.examples),
    );
    const kept = exampleOf.map((_, i) => i).filter((i) => i === 0 || random() < 0.6);
    return { A, exampleOf, kept };
  });

  property.prop([masked])(
    'a mask of zeros and ones leaves the means of the rows that it keeps',
    async ({ A, exampleOf, kept }) => {
      const weights = exampleOf.map((_, i) => (kept.includes(i) ? 1 : 0));
      const X = denseRows(backend, convert(A, dtype), { exampleOf, weights });
      const part = denseRows(backend, convert(pickRows(A, kept), dtype), {
        exampleOf: kept.map((i) => exampleOf[i]),
      });
      const whole = await found(X, examplesOf(X, 1), 4);
      const bare = await found(part, examplesOf(part, 1), 4);
      expect(distance(whole, bare)).toBeLessThanOrEqual(
        tolerance(
          linesOf(A, (i) => i),
          dtype,
        ),
      );
    },
  );

  property.prop([masked, fc.constantFrom(0.3, 2, 17)])(
    'weights that are all the same are as none',
    async ({ A, exampleOf }, weight) => {
      const weights = exampleOf.map(() => weight);
      const X = denseRows(backend, convert(A, dtype), { exampleOf, weights });
      const bare = denseRows(backend, convert(A, dtype), { exampleOf });
      const means = await found(X, examplesOf(X, 1), 4);
      expect(distance(means, await found(bare, exampleOf, 4))).toBeLessThanOrEqual(
        tolerance(
          linesOf(A, (i) => i),
          dtype,
        ),
      );
    },
  );

  test('a row of a part that does not tell is of no other row’s example', async () => {
    const [A, B] = [1, 2].map((seed) => rounded(gaussian(uniform(seed), 4, COLS), dtype));
    const parts = [
      denseRows(backend, convert(A, dtype)),
      denseRows(backend, convert(B, dtype), { exampleOf: [0, 0, 1, 1] }),
      denseRows(backend, convert(A, dtype)),
    ];
    const lines = [
      ...linesOf(A, (i) => `first ${i}`),
      ...linesOf(B, (i) => Math.floor(i / 2)),
      ...linesOf(A, (i) => `last ${i}`),
    ];
    const X = joinedRows(parts, { batches: [0, 0, 0] });
    const means = await found(X, examplesOf(X, 4), 10);
    expect(distance(means, meansOf(lines))).toBeLessThanOrEqual(tolerance(lines, dtype));
  });
});

test('rows that do not tell are as many in succession to an example, where they are in one piece and not weighted', () => {
  const backend = cpuBackend('float64');
  const A = filled(6, 1, 1);
  const examples = (count: number, weights?: readonly number[]) =>
    Array.from(examplesOf(denseRows(backend, A, { weights }), count));
  expect(examples(3)).toEqual([0, 0, 1, 1, 2, 2]);
  expect(examples(1)).toEqual([0, 0, 0, 0, 0, 0]);
  for (const count of [4, 6, 12]) expect(examples(count)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(examples(3, [1, 1, 1, 1, 1, 0])).toEqual([0, 1, 2, 3, 4, 5]);
});
