// Blocks of a matrix, which are cut out and put together by products.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { blockOf, mapBlocks, partsOf } from '../../src/backend/blocks.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import { asyncBackend, countingBackend, placeRounded } from '../support/backends.js';
import { build, filled, gaussian, rounded, uniform } from '../support/matrices.js';

const BACKENDS: readonly (readonly [string, Backend])[] = [
  ['float32', cpuBackend('float32')],
  ['float64', cpuBackend('float64')],
  ['float32, read later', asyncBackend('float32')],
];

describe.each(BACKENDS)('%s', (_, backend) => {
  const side = fc.integer({ min: 1, max: 7 });

  test.prop([side, side, side, fc.nat(1_000_000)])(
    'blocks are those of the matrix, and make it up again, bit for bit',
    async (q, p, most, seed) => {
      const A = rounded(gaussian(uniform(seed), q, p), backend.dtype);
      const slot = placeRounded(backend, A);
      const copy = placeRounded(backend, filled(q, p, Number.NaN));
      const parts = { rows: partsOf(q, most), cols: partsOf(p, most) };
      const seen: Promise<DenseMatrix>[] = [];
      mapBlocks(
        backend,
        slot,
        parts,
        (block, row, col, into) => {
          backend.borrow((take) => {
            const alone = blockOf(backend, slot, parts.rows[row], parts.cols[col], take);
            seen.push(backend.read(block), backend.read(alone));
          });
          backend.axpby(1, block, 0, into);
        },
        copy,
      );
      expect(convert(await backend.read(copy), 'float64')).toEqual(A);
      const blocks = await Promise.all(seen);
      const columns = Math.ceil(p / most);
      blocks.forEach((block, index) => {
        const k = Math.floor(index / 2);
        const [top, left] = [Math.floor(k / columns) * most, (k % columns) * most];
        expect([block.rows, block.cols].every((size) => size >= 1 && size <= most)).toBe(true);
        const expected = build(block.rows, block.cols, (row, col) => A.at(top + row, left + col));
        expect(convert(block, 'float64')).toEqual(expected);
      });
    },
  );
});

test.each([64, 256, 1024])('blocks of 8 rows of %i take memory for one part at a time', (q) => {
  const [p, b] = [4, 8];
  const backend = countingBackend('float32');
  const [A, C] = [backend.allocate(q, p), backend.allocate(q, p)];
  const given = backend.count.elements;
  const parts = { rows: partsOf(q, b), cols: partsOf(p, b) };
  mapBlocks(backend, A, parts, (block, _, __, into) => backend.axpby(1, block, 0, into), C);
  // The columns of I, the strip, and what is made of it.
  expect(backend.count.elements - given).toBeLessThanOrEqual(q * b + 2 * b * p);
});
