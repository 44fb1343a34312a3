// Rows times a number: the contract, and what belongs to scaling alone.

import { fc } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { DType } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { denseRows } from '../../src/rows/dense.js';
import { scaledRows } from '../../src/rows/scaled.js';
import { gaussian, map, rounded, uniform } from '../support/matrices.js';
import { type Draft, describeRows, weightsFor } from './rows.contract.js';

/** Powers of 2, by which nothing rounds. */
function drafts<D extends DType>(dtype: D): fc.Arbitrary<Draft<D>> {
  return fc
    .record({
      rows: fc.integer({ min: 1, max: 6 }),
      cols: fc.integer({ min: 1, max: 5 }),
      power: fc.integer({ min: -4, max: 3 }),
      seed: fc.nat(),
    })
    .map(({ rows, cols, power, seed }) => {
      const A = rounded(gaussian(uniform(seed), rows, cols), dtype);
      const weights = weightsFor(rows, seed);
      return {
        make: (backend) =>
          scaledRows(denseRows(backend, convert(A, dtype), { weights }), 2 ** power),
        X: map(A, (a) => 2 ** power * a),
        weights,
      };
    });
}

describeRows('scaledRows', drafts);

test('rows times 1 are those rows', () => {
  const rows = denseRows(cpuBackend('float64'), [[1, 2]]);
  expect(scaledRows(rows, 1)).toBe(rows);
});
