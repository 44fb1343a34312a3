// Rows of several parts: the contract, and what belongs to joining alone.

import { fc } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { DType } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { denseRows } from '../../src/rows/dense.js';
import { joinedRows } from '../../src/rows/joined.js';
import type { Rows } from '../../src/rows/rows.js';
import { build, gaussian, rounded, uniform } from '../support/matrices.js';
import { type Draft, describeRows, weightsFor } from './rows.contract.js';

function drafts<D extends DType>(dtype: D): fc.Arbitrary<Draft<D>> {
  return fc
    .record({
      heights: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
      cols: fc.integer({ min: 1, max: 5 }),
      seed: fc.nat(),
    })
    .map(({ heights, cols, seed }) => {
      const parts = heights.map((height, i) => ({
        A: rounded(gaussian(uniform(seed + i), height, cols), dtype),
        weights: weightsFor(height, seed + i),
      }));
      const lines = parts.flatMap(({ A }) => Array.from({ length: A.rows }, (_, i) => ({ A, i })));
      const weighted = parts.some(({ weights }) => weights !== undefined);
      return {
        make: (backend) =>
          joinedRows(
            parts.map(({ A, weights }) => denseRows(backend, convert(A, dtype), { weights })),
          ),
        X: build(lines.length, cols, (i, j) => lines[i].A.at(lines[i].i, j)),
        weights: weighted
          ? parts.flatMap(({ A, weights }) => weights ?? Array.from({ length: A.rows }, () => 1))
          : undefined,
      };
    });
}

/** joinedRows without its types. */
function join(...values: readonly unknown[]): unknown {
  return Reflect.apply(joinedRows, undefined, [...values]);
}

describeRows('joinedRows', drafts);

describe('joinedRows', () => {
  const backend = cpuBackend('float64');
  const rows = (cols: number): Rows<'float64'> =>
    denseRows(backend, [Array.from({ length: cols }, () => 1)]);

  test('of one part is that part', () => {
    const only = rows(2);
    expect(joinedRows([only])).toBe(only);
  });

  test('the bound is unknown where that of a part is', () => {
    const known = rows(2);
    const unknown: Rows<'float64'> = Object.create(rows(2), {
      bound: { value: () => undefined },
    });
    expect(joinedRows([known, rows(2)]).bound()).toBe(4);
    expect(joinedRows([known, unknown]).bound()).toBeUndefined();
  });

  test('refuses no parts, one that comes twice, what is no rows, other columns and another backend', () => {
    expect(() => join()).toThrow(TypeError);
    expect(() => join([])).toThrow(new RangeError('joinedRows: parts is empty, expected rows'));
    expect(() => join([rows(2), {}])).toThrow(/^joinedRows: parts\[1\] is .*expected rows/);
    expect(() => join([rows(2), rows(3)])).toThrow(/^joinedRows: parts\[1\] is 1×3, expected 1×2/);
    const only = rows(2);
    expect(() => join([rows(2), only, only])).toThrow(
      new RangeError('joinedRows: parts[2] is parts[1], expected other rows'),
    );
    const foreign = denseRows(cpuBackend('float64'), [[1, 1]]);
    expect(() => join([rows(2), foreign])).toThrow(
      new TypeError('joinedRows: parts[1] belongs to another backend, expected that of parts[0]'),
    );
  });
});
