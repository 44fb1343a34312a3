// The averages of the published baselines: started from I, or copied, and corrected as they are.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { exportState, restoreState } from '../../src/backend/saved-state.js';
import { Cell } from '../../src/backend/state.js';
import { checkInteger } from '../../src/core/check.js';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, identity, zeros } from '../../src/core/matrix.js';
import { averageFromIdentity, copiedAverage } from '../../src/published/averages.js';
import type { Average } from '../../src/rows/moving-average.js';
import {
  build,
  combine,
  distance,
  gaussian,
  type Matrix,
  norm,
  uniform,
} from '../support/matrices.js';

const DTYPES: readonly DType[] = ['float32', 'float64'];
/** c of the rounding bound c·t·eps·(1 + Σ‖New‖). */
const ROUNDING = 2;
const SIZE = 3;

interface Batch {
  readonly sum: Matrix;
  readonly rows: number;
}

const batch = fc
  .record({ seed: fc.nat(1_000_000), rows: fc.integer({ min: 1, max: 50 }) })
  .map(({ seed, rows }): Batch => ({ sum: gaussian(uniform(seed), SIZE, SIZE), rows }));
const batches = fc.array(batch, { minLength: 1, maxLength: 6 });
const decays = fc.constantFrom(0.05, 0.5, 0.95);

/** M ← keep·M + take·New over all batches. */
function recursion(start: Matrix, keep: number, take: number, parts: readonly Batch[]): Matrix {
  return parts.reduce((M, { sum, rows }) => combine(keep, M, take / rows, sum), start);
}

function tolerance(dtype: DType, parts: readonly Batch[]): number {
  const size = parts.reduce((sum, part) => sum + norm(part.sum) / part.rows, norm(EYE));
  return ROUNDING * parts.length * EPSILON[dtype] * size;
}

const EYE = identity('float64', SIZE);

describe.each(DTYPES)('published averages, %s', (dtype) => {
  const backend = cpuBackend<DType>(dtype);
  const update = (M: Average<DType>, { sum, rows }: Batch) => {
    const term = backend.wrap(convert(sum, dtype));
    M.update(rows, (weight, decay, slot) => backend.axpby(weight, term, decay, slot));
  };
  const feed = (M: Average<DType>, parts: readonly Batch[]) => {
    for (const part of parts) update(M, part);
    return M;
  };
  const content = (M: Average<DType>): Matrix => convert(backend.readSync(M.slot), 'float64');
  const fromIdentity = (decay: number, counter?: Cell) =>
    averageFromIdentity(decay, counter)(backend, SIZE, SIZE);
  const copied = (decay: number) => copiedAverage(decay)(backend, SIZE, SIZE);

  describe('averageFromIdentity', () => {
    test.prop([batches, decays], { numRuns: 50 })(
      'is M ← βM + (1−β)·New from I, uncorrected',
      (parts, decay) => {
        const M = fromIdentity(decay);
        expect(content(M)).toEqual(EYE);
        expect(M.updates).toBe(0);
        feed(M, parts);
        expect([M.updates, M.correction]).toEqual([parts.length, 1]);
        const exact = recursion(EYE, decay, 1 - decay, parts);
        expect(distance(content(M), exact)).toBeLessThanOrEqual(tolerance(dtype, parts));
      },
    );

    test('a shared counter corrects each by the updates of all', () => {
      const part: Batch = { sum: EYE, rows: 1 };
      const counter = new Cell(0, checkInteger);
      const [first, second] = [fromIdentity(0.5, counter), fromIdentity(0.5, counter)];
      update(first, part);
      update(second, part);
      update(first, part);
      expect(counter.value).toBe(3);
      expect([first.updates, second.updates]).toEqual([2, 1]);
      expect([first.correction, second.correction]).toEqual([1 / 0.875, 1 / 0.875]);
    });

    test('reset goes back to I and to no updates of its own; the shared counter goes on', () => {
      const part: Batch = { sum: build(SIZE, SIZE, (i, j) => i + j), rows: 2 };
      const counter = new Cell(0, checkInteger);
      const M = feed(fromIdentity(0.5, counter), [part, part]);
      M.reset();
      expect(content(M)).toEqual(EYE);
      expect([M.updates, counter.value]).toEqual([0, 2]);
      update(M, part);
      expect(content(M)).toEqual(content(feed(fromIdentity(0.5), [part])));
    });
  });

  describe('copiedAverage', () => {
    test.prop([batches, decays], { numRuns: 50 })(
      'copies the first value, then is M ← (1−β)M + β·New, uncorrected',
      (parts, decay) => {
        const M = copied(decay);
        expect(M.updates).toBe(0);
        feed(M, parts);
        expect([M.updates, M.correction]).toEqual([parts.length, 1]);
        const [first, ...rest] = parts;
        const start = combine(1 / first.rows, first.sum, 0, first.sum);
        const exact = recursion(start, 1 - decay, decay, rest);
        expect(distance(content(M), exact)).toBeLessThanOrEqual(tolerance(dtype, parts));
      },
    );

    test('the first update reads nothing of the slot, nor does the first after a reset', () => {
      const part: Batch = { sum: build(SIZE, SIZE, (i, j) => i - j), rows: 4 };
      const spoil = (M: Average<DType>) => {
        backend.write(
          M.slot,
          convert(
            build(SIZE, SIZE, () => Number.NaN),
            dtype,
          ),
        );
      };
      const M = copied(0.95);
      spoil(M);
      update(M, part);
      expect(content(M)).toEqual(combine(0.25, part.sum, 0, part.sum));
      update(M, part);
      M.reset();
      expect(M.updates).toBe(0);
      spoil(M);
      update(M, part);
      expect(content(M)).toEqual(combine(0.25, part.sum, 0, part.sum));
    });
  });

  test.prop([batches, batches, decays], { numRuns: 20 })(
    'exported state, restored into another, goes on bit for bit',
    async (before, after, decay) => {
      const kinds = [
        { make: () => fromIdentity(decay), names: ['average', 'updates'] },
        {
          make: () => fromIdentity(decay, new Cell(0, checkInteger)),
          names: ['average', 'updates', 'shared'],
        },
        { make: () => copied(decay), names: ['average', 'updates'] },
      ];
      for (const { make, names } of kinds) {
        const M = feed(make(), before);
        const saved = structuredClone(await exportState(backend, {}, M.state));
        expect(Object.keys(saved.entries)).toEqual(names);
        const copy = make();
        restoreState(backend, {}, copy.state, saved);
        feed(M, after);
        feed(copy, after);
        expect([copy.updates, copy.correction]).toEqual([M.updates, M.correction]);
        expect(content(copy)).toEqual(content(M));
      }
    },
  );

  test('copiedAverage with β = 1 is the last batch', () => {
    const parts = [1, 2].map((x): Batch => ({ sum: build(SIZE, SIZE, () => x), rows: 1 }));
    expect(content(feed(copied(1), parts))).toEqual(parts[1].sum);
    expect(content(copied(1))).toEqual(zeros('float64', SIZE, SIZE));
  });
});
