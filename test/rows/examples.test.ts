// Which example rows are of: what they are told, what they know, and what becomes of it where they are joined.

import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { denseRows, slotRows } from '../../src/rows/dense.js';
import { joinedRows } from '../../src/rows/joined.js';
import { oneHotRows } from '../../src/rows/one-hot.js';
import { patchRows } from '../../src/rows/patches.js';
import type { Rows } from '../../src/rows/rows.js';
import { scaledRows } from '../../src/rows/scaled.js';
import { filled } from '../support/matrices.js';

const backend = cpuBackend('float64');

const MAKERS: readonly (readonly [string, (exampleOf?: number[]) => Rows<'float64'>])[] = [
  ['denseRows', (exampleOf) => denseRows(backend, filled(3, 2, 1), { exampleOf })],
  ['slotRows', (exampleOf) => slotRows(backend, upload(backend, filled(3, 2, 1)), { exampleOf })],
  ['oneHotRows', (exampleOf) => oneHotRows(backend, [1, 0, 1], { cols: 2, exampleOf })],
];

/** Rows that tell their examples, or two that do not. */
function part(exampleOf: number[] | undefined): Rows<'float64'> {
  return denseRows(backend, filled(exampleOf?.length ?? 2, 1, 1), { exampleOf });
}

/** Parts of one batch, joined. */
function same(all: readonly Rows<'float64'>[]): Rows<'float64'> {
  return joinedRows(all, { batches: all.map(() => 'same') });
}

/** Two parts joined, without the types of the option. */
function join(batches: unknown): unknown {
  return Reflect.apply(joinedRows, undefined, [[part([0]), part([1])], { batches }]);
}

describe.each(MAKERS)('%s', (where, make) => {
  test('keeps a copy of what it is told, and says nothing where it is told nothing', () => {
    const exampleOf = [4, 0, 4];
    const rows = make(exampleOf);
    exampleOf.fill(9);
    expect(Array.from(rows.exampleOf ?? [])).toEqual([4, 0, 4]);
    expect(make().exampleOf).toBeUndefined();
  });

  test('refuses numbers for other rows, and what is none', () => {
    expect(() => make([0, 1])).toThrow(
      new RangeError(`${where}: exampleOf has 2 elements, expected one for each of 3 rows`),
    );
    for (const bad of [-1, 0.5, Number.NaN, 2 ** 31]) {
      expect(() => make([0, bad, 1])).toThrow(
        new RangeError(
          `${where}: exampleOf[1] is ${bad}, expected an integer >= 0 and <= ${2 ** 31 - 1}`,
        ),
      );
    }
  });
});

test('patches are of the example of their image, in every group', () => {
  const geometry = {
    batch: 3,
    channels: 2,
    height: 2,
    width: 3,
    layout: 'channelsFirst',
    kernel: [1, 2],
    groups: 2,
  } as const;
  const images = new Float64Array(36);
  for (const rows of patchRows(backend, images, geometry)) {
    expect(Array.from(rows.exampleOf ?? [])).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
  }
});

test('rows times a number are of the same examples', () => {
  const rows = denseRows(backend, filled(3, 1, 1), { exampleOf: [2, 2, 5] });
  expect(Array.from(scaledRows(rows, 3).exampleOf ?? [])).toEqual([2, 2, 5]);
});

describe('joinedRows', () => {
  const parts = fc.array(
    fc.record({
      exampleOf: fc.option(fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }), { nil: undefined }),
      batch: fc.nat(2),
    }),
    { minLength: 2, maxLength: 4 },
  );

  property.prop([parts, fc.boolean()])(
    'two rows are of one example exactly where they have one number in one batch',
    (drawn, areTold) => {
      const names = drawn.flatMap(({ exampleOf, batch }, p) =>
        exampleOf === undefined
          ? [`${p}: 0`, `${p}: 1`]
          : exampleOf.map((example) => `${areTold ? batch : `part ${p}`}/${example}`),
      );
      const joined = joinedRows(
        drawn.map(({ exampleOf }) => part(exampleOf)),
        areTold ? { batches: drawn.map(({ batch }) => batch) } : {},
      );
      const numbers = Array.from(joined.exampleOf ?? []);
      expect(numbers).toHaveLength(names.length);
      numbers.forEach((number, i) => {
        expect(numbers.map((other) => other === number)).toEqual(
          names.map((other) => other === names[i]),
        );
      });
    },
  );

  property.prop([
    fc.array(fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }), { minLength: 3, maxLength: 5 }),
  ])(
    'joined in twos, the parts of one batch are of the same examples as joined at once',
    (drawn) => {
      const [first, second, ...others] = drawn.map(part);
      const twice = same([same([first, second]), ...others]);
      expect(Array.from(twice.exampleOf ?? [])).toEqual(drawn.flat());
    },
  );

  test('refuses batches for other parts, and what is no list of them', () => {
    expect(() => join([1])).toThrow(
      new RangeError('joinedRows: batches has 1 elements, expected one for each of 2 parts'),
    );
    expect(() => join('ab')).toThrow(TypeError);
  });
});
