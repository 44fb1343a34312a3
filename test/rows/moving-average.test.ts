// The moving average: its law with the bias correction, its merge, its state.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type CpuBackend, cpuBackend } from '../../src/backend/cpu.js';
import { exportState, restoreState } from '../../src/backend/saved-state.js';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, zeros } from '../../src/core/matrix.js';
import { MovingAverage } from '../../src/rows/moving-average.js';
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
/** c of the rounding bound c·t·eps·Σ‖New‖. */
const ROUNDING = 2;
const SHAPE = [3, 2] as const;

/** One batch: the sum of a statistic over some rows. */
interface Batch {
  readonly sum: Matrix;
  readonly rows: number;
}

const batch = fc
  .record({ seed: fc.nat(1_000_000), rows: fc.integer({ min: 1, max: 50 }) })
  .map(({ seed, rows }): Batch => ({ sum: gaussian(uniform(seed), ...SHAPE), rows }));
const batches = fc.array(batch, { minLength: 1, maxLength: 8 });
const decays = fc.constantFrom(0, 0.3, 0.95, 0.999, 1);

/** A backend and what is done with averages on it. */
function setUp<D extends DType>(dtype: D) {
  const backend: CpuBackend<D> = cpuBackend(dtype);
  const average = (decay: number) => new MovingAverage(backend, ...SHAPE, decay);
  const update = (M: MovingAverage<D>, { sum, rows }: Batch) => {
    const term = backend.wrap(convert(sum, dtype));
    M.update(rows, (weight, decay, slot) => backend.axpby(weight, term, decay, slot));
  };
  const fed = (decay: number, parts: readonly Batch[]) => {
    const M = average(decay);
    for (const part of parts) update(M, part);
    return M;
  };
  /** The bias-corrected value. */
  const value = (M: MovingAverage<D>): Matrix =>
    combine(
      M.correction,
      convert(backend.readSync(M.slot), 'float64'),
      0,
      zeros('float64', ...SHAPE),
    );
  const spoil = (M: MovingAverage<D>) => {
    backend.write(
      M.slot,
      convert(
        build(...SHAPE, () => Number.NaN),
        dtype,
      ),
    );
  };
  return { backend, average, update, fed, value, spoil };
}

/** Σ wᵢ·sumᵢ/rowsᵢ over Σ wᵢ, with wᵢ = β^(t−i), or rowsᵢ for β = 1. */
function expected(decay: number, parts: readonly Batch[]): Matrix {
  let sum = zeros('float64', ...SHAPE);
  let total = 0;
  parts.forEach(({ sum: part, rows }, i) => {
    const weight = decay === 1 ? rows : decay ** (parts.length - 1 - i);
    sum = combine(1, sum, weight / rows, part);
    total += weight;
  });
  return combine(1 / total, sum, 0, sum);
}

function tolerance(dtype: DType, parts: readonly Batch[]): number {
  const size = parts.reduce((sum, part) => sum + norm(part.sum) / part.rows, 0);
  // 1 − βᵗ loses up to 1/(1 − β) of its digits in float64, three for 0.999.
  return ROUNDING * parts.length * (EPSILON[dtype] + 1e3 * EPSILON.float64) * size;
}

describe.each(DTYPES)('MovingAverage, %s', (dtype) => {
  const { backend, average, update, fed, value, spoil } = setUp(dtype);

  test.prop([batches, decays])(
    'is the weighted mean of the batches: β^(t−i) each, or their rows for β = 1',
    (parts, decay) => {
      const M = fed(decay, parts);
      expect(M.updates).toBe(parts.length);
      expect(distance(value(M), expected(decay, parts))).toBeLessThanOrEqual(
        tolerance(dtype, parts),
      );
    },
  );

  test.prop([batches, decays, fc.boolean()])(
    'the first update reads nothing of the slot, nor does the first after a reset',
    (parts, decay, reset) => {
      const M = reset ? fed(decay, [...parts, ...parts]) : average(decay);
      if (reset) M.reset();
      expect(M.updates).toBe(0);
      expect(M.correction).toBe(Number.POSITIVE_INFINITY);
      spoil(M);
      for (const part of parts) update(M, part);
      expect(value(M)).toEqual(value(fed(decay, parts)));
      expect(M.updates).toBe(parts.length);
    },
  );

  test('decay 0 is the last batch, decay 1 the mean of all rows', () => {
    const parts: readonly Batch[] = [
      { sum: build(...SHAPE, () => 6), rows: 2 },
      { sum: build(...SHAPE, () => 8), rows: 8 },
    ];
    expect(value(fed(0, parts))).toEqual(build(...SHAPE, () => 1));
    const mean = distance(
      value(fed(1, parts)),
      build(...SHAPE, () => 1.4),
    );
    expect(mean).toBeLessThanOrEqual(10 * EPSILON[dtype]);
    expect([fed(0, parts).correction, fed(1, parts).correction]).toEqual([1, 1]);
  });

  test('the correction is 1/(1 − βᵗ), with t the updates since the reset', () => {
    const part: Batch = { sum: build(...SHAPE, () => 1), rows: 1 };
    const M = fed(0.5, [part, part, part]);
    expect(M.correction).toBe(1 / (1 - 0.125));
    M.reset();
    update(M, part);
    expect(M.correction).toBe(2);
    expect(value(M)).toEqual(part.sum);
  });

  test.prop([batches, batches])(
    'merge with β = 1 is the mean over the union, in either order',
    (left, right) => {
      const union = expected(1, [...left, ...right]);
      const limit = tolerance(dtype, [...left, ...right]);
      const ab = fed(1, left);
      ab.merge(fed(1, right));
      const ba = fed(1, right);
      ba.merge(fed(1, left));
      expect(distance(value(ab), union)).toBeLessThanOrEqual(limit);
      expect(distance(value(ba), union)).toBeLessThanOrEqual(limit);
    },
  );

  test.prop([batches, decays, fc.integer({ min: 1, max: 5 }), fc.nat()])(
    'merge with β < 1 is the average over the union at every update, for constant shares of rows',
    (left, decay, share, seed) => {
      const right = left.map(
        ({ rows }, i): Batch => ({
          sum: gaussian(uniform(seed + i), ...SHAPE),
          rows: share * rows,
        }),
      );
      const union = left.map(
        ({ sum, rows }, i): Batch => ({
          sum: combine(1, sum, 1, right[i].sum),
          rows: rows + right[i].rows,
        }),
      );
      const limit = tolerance(dtype, [...left, ...right]);
      const M = fed(decay, left);
      M.merge(fed(decay, right));
      expect(distance(value(M), expected(decay, union))).toBeLessThanOrEqual(limit);
      // And it goes on as that average does.
      update(M, union[0]);
      const longer = expected(decay, [...union, union[0]]);
      expect(distance(value(M), longer)).toBeLessThanOrEqual(2 * limit);
    },
  );

  test('merge weighs by the rows, averaged like the statistic itself', () => {
    const of = (mean: number, rows: number): Batch => ({
      sum: build(...SHAPE, () => mean * rows),
      rows,
    });
    // (4 + 2/2) rows against (1 + 1/2), that is 10 to 3.
    const M = fed(0.5, [of(1, 2), of(1, 4)]);
    M.merge(fed(0.5, [of(14, 1), of(14, 1)]));
    const error = distance(
      value(M),
      build(...SHAPE, () => 4),
    );
    expect(error).toBeLessThanOrEqual(100 * EPSILON[dtype]);
  });

  test('merge into an average without updates copies, whatever its slot holds; the other stays', () => {
    const parts = [{ sum: build(...SHAPE, (i) => i), rows: 3 }];
    const other = fed(1, parts);
    const M = average(1);
    spoil(M);
    M.merge(other);
    expect(value(M)).toEqual(value(other));
    expect([M.updates, other.updates]).toEqual([1, 1]);

    const empty = average(1);
    spoil(empty);
    M.merge(empty);
    expect(value(M)).toEqual(value(other));
  });

  test('merge refuses another decay or another number of updates, and nothing changes', () => {
    const part: Batch = { sum: build(...SHAPE, (i, j) => i + j), rows: 2 };
    const M = fed(0.5, [part]);
    const before = value(M);
    expect(() => M.merge(fed(0.25, [part]))).toThrow(
      new RangeError('merge: decay is 0.25, expected 0.5'),
    );
    expect(() => M.merge(fed(0.5, [part, part]))).toThrow(
      new RangeError('merge: 2 updates, expected 1'),
    );
    expect(value(M)).toEqual(before);
    expect(M.updates).toBe(1);
  });

  test('a failed update leaves the average as it is', () => {
    const part: Batch = { sum: build(...SHAPE, (i, j) => i - j), rows: 2 };
    for (const decay of [0.5, 1]) {
      const M = fed(decay, [part]);
      expect(() =>
        M.update(3, () => {
          throw new RangeError('refused');
        }),
      ).toThrow('refused');
      expect(M.updates).toBe(1);
      update(M, part);
      expect(value(M)).toEqual(value(fed(decay, [part, part])));
    }
  });

  test.prop([batches, batches, decays], { numRuns: 30 })(
    'its exported state, restored into another, goes on bit for bit',
    async (before, after, decay) => {
      const M = fed(decay, before);
      const saved = structuredClone(await exportState(backend, {}, M.state));
      expect(Object.keys(saved.entries)).toEqual(['average', 'updates', 'rows']);
      const copy = average(decay);
      restoreState(backend, {}, copy.state, saved);
      expect(copy.updates).toBe(M.updates);
      for (const part of after) {
        update(M, part);
        update(copy, part);
      }
      expect(value(copy)).toEqual(value(M));
      const other = fed(decay, [...before, ...after]);
      M.merge(other);
      copy.merge(other);
      expect(value(copy)).toEqual(value(M));
    },
  );
});
