// State as a list of entries: copied, put back bit for bit, counted, and never half restored.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { engineFrom } from '../../src/backend/compose.js';
import { cpuBackend, cpuEngine } from '../../src/backend/cpu.js';
import type { Engine } from '../../src/backend/engine.js';
import {
  exportState,
  type PlainState,
  restoreState,
  type StateEntry,
  scoped,
  stateBytes,
} from '../../src/backend/state.js';
import { checkInteger } from '../../src/core/check.js';
import { allocate, type DType } from '../../src/core/dtype.js';
import { DenseMatrix } from '../../src/core/matrix.js';
import { place } from '../precondition/runs.js';
import { asyncBackend } from '../support/backends.js';
import { build } from '../support/matrices.js';

const [ROWS, COLS] = [2, 3];

/** Two matrices, any number, and a count. */
function fixture<D extends DType>(engine: Engine<D>) {
  const numbers = { c: 0.5, count: 3 };
  const A = place(
    engine,
    build(ROWS, COLS, (i, j) => i - j / 3),
  );
  const B = place(
    engine,
    build(1, 1, () => 7),
  );
  const entries: readonly StateEntry<D>[] = [
    { name: 'A', slot: A },
    { name: 'c', get: () => numbers.c, set: (value) => (numbers.c = value) },
    {
      name: 'count',
      check: checkInteger,
      get: () => numbers.count,
      set: (value) => (numbers.count = value),
    },
    { name: 'B', slot: B },
  ];
  return { engine, numbers, A, B, entries };
}

const zeros = (dtype: DType, rows: number, cols: number) => ({
  rows,
  cols,
  data: allocate(dtype, rows * cols),
});

/** As many finite numbers as a matrix of `dtype` can hold. */
const finite = (dtype: DType, length: number) => {
  const options = { noNaN: true, noDefaultInfinity: true };
  const number = dtype === 'float32' ? fc.float(options) : fc.double(options);
  return fc.array(number, { minLength: length, maxLength: length });
};

const dtypes = ['float64', 'float32'] as const;
const engines = [
  ['reads at once', (dtype: DType): Engine => engineFrom(cpuBackend(dtype))],
  ['reads later', (dtype: DType): Engine => engineFrom(asyncBackend(dtype))],
] as const;

describe.each(dtypes)('%s', (dtype) => {
  describe.each(engines)('%s', (_, engineOf) => {
    test('what is exported and restored is the same, bit for bit', async () => {
      await fc.assert(
        fc.asyncProperty(
          finite(dtype, ROWS * COLS),
          finite(dtype, 1),
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.maxSafeNat(),
          async (a, b, c, count) => {
            const [from, to] = [fixture(engineOf(dtype)), fixture(engineOf(dtype))];
            const matrix = (rows: number, cols: number, values: readonly number[]) => {
              const data = allocate(dtype, rows * cols);
              data.set(values);
              return new DenseMatrix(dtype, rows, cols, data);
            };
            from.engine.write(from.A, matrix(ROWS, COLS, a));
            from.engine.write(from.B, matrix(1, 1, b));
            Object.assign(from.numbers, { c, count });
            const saved = await exportState(from.engine, from.entries);
            expect(Object.keys(saved)).toEqual(['A', 'c', 'count', 'B']);
            restoreState(to.engine, to.entries, structuredClone(saved));
            expect(await exportState(to.engine, to.entries)).toEqual(saved);
            expect(await to.engine.read(to.A)).toEqual(matrix(ROWS, COLS, a));
            expect(to.numbers).toEqual({ c, count });
          },
        ),
        { numRuns: 25 },
      );
    });

    test('an export is a copy of one moment', async () => {
      const { engine, entries, numbers, A } = fixture(engineOf(dtype));
      const pending = exportState(engine, entries);
      engine.write(A, new DenseMatrix(dtype, ROWS, COLS, allocate(dtype, ROWS * COLS)));
      numbers.c = 99;
      const saved = await pending;
      expect(saved.A).toMatchObject({ rows: ROWS, cols: COLS });
      expect(saved).toEqual(await exportState(...whole(fixture(engineOf(dtype)))));
    });

    test('a restored state is a copy too', async () => {
      const { engine, entries } = fixture(engineOf(dtype));
      const saved = await exportState(engine, entries);
      const kept = structuredClone(saved);
      restoreState(engine, entries, saved);
      if (typeof saved.A === 'object') saved.A.data.fill(5);
      expect(await exportState(engine, entries)).toEqual(kept);
    });
  });

  const other = dtype === 'float64' ? 'float32' : 'float64';
  const holding = (bad: number) => {
    const A = zeros(dtype, ROWS, COLS);
    A.data[ROWS * COLS - 1] = bad;
    return { A };
  };
  const wanted = `expected a 2×3 ${dtype} matrix`;
  const bad: readonly [string, PlainState, ErrorConstructor, string][] = [
    ['an unknown entry', { extra: 1 }, RangeError, "unknown entry 'extra'"],
    [
      'a wrong shape',
      { A: zeros(dtype, COLS, ROWS) },
      RangeError,
      `entry 'A' is a 3×2 matrix, ${wanted}`,
    ],
    ['a number for a matrix', { A: 4 }, RangeError, `entry 'A' is 4, ${wanted}`],
    [
      'the other dtype',
      { A: zeros(other, ROWS, COLS) },
      TypeError,
      `entry 'A' holds 6 elements of ${other === 'float32' ? 'Float32Array' : 'Float64Array'}, ${wanted}`,
    ],
    [
      'too few elements',
      { A: { rows: ROWS, cols: COLS, data: allocate(dtype, 5) } },
      TypeError,
      `entry 'A' holds 5 elements of`,
    ],
    ['NaN', holding(Number.NaN), RangeError, "entry 'A' holds NaN at row 1, column 2"],
    [
      'Infinity',
      holding(Number.POSITIVE_INFINITY),
      RangeError,
      "entry 'A' holds Infinity at row 1",
    ],
    [
      'a matrix for a number',
      { c: zeros(dtype, 1, 1) },
      TypeError,
      "entry 'c' is a 1×1 matrix, expected a finite number",
    ],
    [
      'a number that is NaN',
      { c: Number.NaN },
      TypeError,
      "entry 'c' is NaN, expected a finite number",
    ],
    ['an infinite number', { c: Number.NEGATIVE_INFINITY }, TypeError, "entry 'c' is -Infinity"],
    [
      'a count of 1.5',
      { count: 1.5 },
      RangeError,
      "entry 'count' is 1.5, expected an integer >= 0",
    ],
    // It is listed last: everything else has been looked at when it is found.
    [
      'a wrong last entry',
      { c: 1, count: 1, B: zeros(dtype, 2, 2) },
      RangeError,
      "entry 'B' is a 2×2 matrix",
    ],
  ];

  test.each(bad)('%s is refused, and nothing has changed', async (_, part, type, message) => {
    const { engine, entries } = fixture(cpuEngine(dtype));
    const before = await exportState(engine, entries);
    const run = () =>
      restoreState(engine, entries, { ...before, A: zeros(dtype, ROWS, COLS), ...part });
    expect(run).toThrow(type);
    expect(run).toThrow(`restoreState: ${message}`);
    expect(await exportState(engine, entries)).toEqual(before);
  });

  test.each(['A', 'B', 'c', 'count'])(
    'a state without %s is refused, and nothing has changed',
    async (name) => {
      const { engine, entries } = fixture(cpuEngine(dtype));
      const before = await exportState(engine, entries);
      const rest = Object.fromEntries(
        Object.entries({ ...before, c: 9 }).filter(([key]) => key !== name),
      );
      expect(() => restoreState(engine, entries, rest)).toThrow(
        `restoreState: entry '${name}' is undefined, expected`,
      );
      expect(await exportState(engine, entries)).toEqual(before);
    },
  );

  test('a state that went through JSON is refused, and nothing has changed', async () => {
    const { engine, entries } = fixture(cpuEngine(dtype));
    const before = await exportState(engine, entries);
    expect(() => restoreState(engine, entries, JSON.parse(JSON.stringify(before)))).toThrow(
      new TypeError(
        `restoreState: entry 'A' holds no typed array, ${wanted}: JSON cannot carry one; use structuredClone, or convert data to and from plain arrays`,
      ),
    );
    expect(await exportState(engine, entries)).toEqual(before);
  });

  test.each([null, undefined, 'state', 1])('%o is no state', (saved) => {
    const { engine, entries } = fixture(cpuEngine(dtype));
    const shown = typeof saved === 'string' ? `'${saved}'` : saved;
    expect(() => Reflect.apply(restoreState, undefined, [engine, entries, saved])).toThrow(
      new TypeError(`restoreState: the saved state is ${shown}, expected what exportState gave`),
    );
  });

  test('bytes are those of the matrices', () => {
    const { entries } = fixture(cpuEngine(dtype));
    expect(stateBytes(entries)).toBe((ROWS * COLS + 1) * (dtype === 'float32' ? 4 : 8));
    expect(stateBytes([])).toBe(0);
  });
});

const whole = <D extends DType>({
  engine,
  entries,
}: {
  engine: Engine<D>;
  entries: readonly StateEntry<D>[];
}) => [engine, entries] as const;

test('scoped entries are the same entries by longer names', async () => {
  const { engine, entries, numbers } = fixture(cpuEngine('float64'));
  const inner = scoped('layer', entries);
  const outer = [...scoped('0', inner), ...scoped('1', [])];
  expect(outer.map(({ name }) => name)).toEqual([
    '0/layer/A',
    '0/layer/c',
    '0/layer/count',
    '0/layer/B',
  ]);
  const saved = await exportState(engine, outer);
  expect(Object.values(saved)).toEqual(Object.values(await exportState(engine, entries)));
  restoreState(engine, outer, { ...saved, '0/layer/c': 8 });
  expect(numbers.c).toBe(8);
  expect(() => restoreState(engine, outer, { ...saved, '0/layer/count': -1 })).toThrow(
    "restoreState: entry '0/layer/count' is -1, expected an integer >= 0",
  );
  expect(stateBytes(outer)).toBe(stateBytes(entries));
});
