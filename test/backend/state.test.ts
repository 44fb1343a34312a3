// State as a list of entries: copied, put back bit for bit, counted, and never half restored.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import {
  exportState,
  type PlainEntry,
  type PlainState,
  restoreState,
  STATE_VERSION,
} from '../../src/backend/saved-state.js';
import {
  Cell,
  distinctIndices,
  type StateEntry,
  scoped,
  stateBytes,
} from '../../src/backend/state.js';
import { checkInteger } from '../../src/core/check.js';
import { allocate, type DType } from '../../src/core/dtype.js';
import { convert, DenseMatrix } from '../../src/core/matrix.js';
import { asyncBackend, placeRounded } from '../support/backends.js';
import { build } from '../support/matrices.js';

const [ROWS, COLS] = [2, 3];

/** What all states here are of. */
const RUN = { method: 'none', seed: 3 };

/** Two matrices, any number, a count and a list of columns. */
function fixture<D extends DType>(backend: Backend<D>) {
  const numbers = { c: new Cell(0.5, () => undefined), count: new Cell(3, checkInteger) };
  const list: { columns: Int32Array } = { columns: Int32Array.of(4, 0) };
  const A = placeRounded(
    backend,
    build(ROWS, COLS, (i, j) => i - j / 3),
  );
  const B = placeRounded(
    backend,
    build(1, 1, () => 7),
  );
  const entries: readonly StateEntry<D>[] = [
    { name: 'A', holds: { slot: A } },
    { name: 'c', holds: numbers.c },
    { name: 'count', holds: numbers.count },
    {
      name: 'columns',
      holds: {
        length: 2,
        check: distinctIndices(5),
        get: () => list.columns,
        set: (columns) => {
          list.columns = columns;
        },
      },
    },
    { name: 'B', holds: { slot: B } },
  ];
  return { backend, numbers, list, A, B, entries };
}

const exported = <D extends DType>({
  backend,
  entries,
}: {
  readonly backend: Backend<D>;
  readonly entries: readonly StateEntry<D>[];
}) => exportState(backend, RUN, entries);

/** The same state with some entries changed. */
const withEntries = (
  saved: PlainState,
  part: Readonly<Record<string, PlainEntry>>,
): PlainState => ({
  ...saved,
  entries: { ...saved.entries, ...part },
});

const zeros = (dtype: DType, rows: number, cols: number) => ({
  rows,
  cols,
  data: allocate(dtype, rows * cols),
});

const one = <D extends DType>(dtype: D, value: number) =>
  convert(
    build(1, 1, () => value),
    dtype,
  );

/** A matrix as it is exported. */
const plain = ({ rows, cols, data }: DenseMatrix) => ({ rows, cols, data });

/** As many finite numbers as a matrix of `dtype` can hold. */
const finite = (dtype: DType, length: number) => {
  const options = { noNaN: true, noDefaultInfinity: true };
  const number = dtype === 'float32' ? fc.float(options) : fc.double(options);
  return fc.array(number, { minLength: length, maxLength: length });
};

const lost = () => Promise.reject(new Error('the device is lost'));

/** A promise, and what resolves it. */
function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  const resolves: (() => void)[] = [];
  const promise = new Promise<void>((resolve) => resolves.push(resolve));
  return { promise, resolve: () => resolves[0]() };
}

const dtypes = ['float64', 'float32'] as const;
const backends = [
  ['reads at once', cpuBackend],
  ['reads later', asyncBackend],
] as const;

describe.each(dtypes)('%s', (dtype) => {
  describe.each(backends)('%s', (_, make) => {
    const backendOf = (of: DType): Backend => make(of);

    test('what is exported and restored is the same, bit for bit', async () => {
      await fc.assert(
        fc.asyncProperty(
          finite(dtype, ROWS * COLS),
          finite(dtype, 1),
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.maxSafeNat(),
          async (a, b, c, count) => {
            const [from, to] = [fixture(backendOf(dtype)), fixture(backendOf(dtype))];
            const matrix = (rows: number, cols: number, values: readonly number[]) => {
              const data = allocate(dtype, rows * cols);
              data.set(values);
              return new DenseMatrix(dtype, rows, cols, data);
            };
            from.backend.write(from.A, matrix(ROWS, COLS, a));
            from.backend.write(from.B, matrix(1, 1, b));
            from.numbers.c.value = c;
            from.numbers.count.value = count;
            from.list.columns = Int32Array.of(1, 3);
            const saved = await exported(from);
            expect(saved).toMatchObject({ version: STATE_VERSION, run: RUN });
            expect(Object.keys(saved.entries)).toEqual(['A', 'c', 'count', 'columns', 'B']);
            restoreState(to.backend, RUN, to.entries, structuredClone(saved));
            expect(await exported(to)).toEqual(saved);
            expect(await to.backend.read(to.A)).toEqual(matrix(ROWS, COLS, a));
            expect([to.numbers.c.value, to.numbers.count.value]).toEqual([c, count]);
            expect(to.list.columns).toEqual(Int32Array.of(1, 3));
          },
        ),
        { numRuns: 25 },
      );
    });

    test('an export is a copy of one moment', async () => {
      const state = fixture(backendOf(dtype));
      const { backend, numbers, list, A } = state;
      const pending = exported(state);
      backend.write(A, new DenseMatrix(dtype, ROWS, COLS, allocate(dtype, ROWS * COLS)));
      numbers.c.value = 99;
      list.columns.fill(9);
      const { entries } = await pending;
      expect(entries.A).toMatchObject({ rows: ROWS, cols: COLS });
      expect(entries).toEqual((await exported(fixture(backendOf(dtype)))).entries);
    });

    test('what is about to be put in place is waited for, and nothing else', async () => {
      const backend = backendOf(dtype);
      const [early, late] = [new Cell(1, checkInteger), fixture(backend)];
      const { promise: flight, resolve: settle } = deferred();
      const pending = () => flight;
      const awaited = new Cell(1, checkInteger, pending);
      const entries = [
        { name: 'early', holds: early },
        { name: 'awaited', holds: awaited },
        { name: 'A', holds: { slot: late.A, pending } },
        { name: 'B', holds: { slot: late.B } },
      ];
      const saved = exportState(backend, RUN, entries);
      const fives = build(ROWS, COLS, () => 5);
      for (const cell of [early, awaited]) cell.value = 2;
      backend.write(late.B, one(dtype, 0));
      backend.write(late.A, convert(fives, dtype));
      settle();
      expect((await saved).entries).toEqual({
        early: 1,
        awaited: 2,
        A: plain(convert(fives, dtype)),
        B: plain(one(dtype, 7)),
      });
    });

    test('a refresh that fails is not waited for in vain', async () => {
      const cell = new Cell(4, checkInteger, lost);
      const saved = await exportState(backendOf(dtype), RUN, [{ name: 'n', holds: cell }]);
      expect(saved.entries).toEqual({ n: 4 });
    });

    test('a restored state is a copy too', async () => {
      const state = fixture(backendOf(dtype));
      const saved = await exported(state);
      const kept = structuredClone(saved);
      restoreState(state.backend, RUN, state.entries, saved);
      for (const value of Object.values(saved.entries)) {
        if (typeof value === 'object') ('data' in value ? value.data : value).fill(5);
      }
      expect(await exported(state)).toEqual(kept);
    });
  });

  const other = dtype === 'float64' ? 'float32' : 'float64';
  const holding = (bad: number) => {
    const A = zeros(dtype, ROWS, COLS);
    A.data[ROWS * COLS - 1] = bad;
    return { A };
  };
  const wanted = `expected a 2×3 ${dtype} matrix`;
  const bad: readonly [string, Readonly<Record<string, PlainEntry>>, ErrorConstructor, string][] = [
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
    [
      'too few columns',
      { columns: Int32Array.of(1) },
      RangeError,
      "entry 'columns' has 1 elements",
    ],
    [
      'a column twice',
      { columns: Int32Array.of(2, 2) },
      RangeError,
      "entry 'columns' holds 2 as numbers 0 and 1, expected distinct columns",
    ],
    [
      'a matrix for columns',
      { columns: zeros(dtype, 1, 2) },
      TypeError,
      "entry 'columns' is a 1×2 matrix, expected an Int32Array",
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
    const state = fixture(cpuBackend(dtype));
    const before = await exported(state);
    const saved = withEntries(before, { A: zeros(dtype, ROWS, COLS), c: 9, ...part });
    const run = () => restoreState(state.backend, RUN, state.entries, saved);
    expect(run).toThrow(type);
    expect(run).toThrow(`restoreState: ${message}`);
    expect(await exported(state)).toEqual(before);
  });

  test.each(['A', 'B', 'c', 'count', 'columns'])(
    'a state without %s is refused, and nothing has changed',
    async (name) => {
      const state = fixture(cpuBackend(dtype));
      const before = await exported(state);
      const changed: PlainState['entries'] = { ...before.entries, count: 9 };
      const { [name]: _, ...rest } = changed;
      const saved = { ...before, entries: rest };
      expect(() => restoreState(state.backend, RUN, state.entries, saved)).toThrow(
        `restoreState: entry '${name}' is undefined, expected`,
      );
      expect(await exported(state)).toEqual(before);
    },
  );

  test('a state that went through JSON is refused, and nothing has changed', async () => {
    const state = fixture(cpuBackend(dtype));
    const before = await exported(state);
    const saved = JSON.parse(JSON.stringify(before));
    expect(() => restoreState(state.backend, RUN, state.entries, saved)).toThrow(
      new TypeError(
        `restoreState: entry 'A' holds no typed array, ${wanted}: JSON cannot carry one; use structuredClone, or convert data to and from plain arrays`,
      ),
    );
    expect(await exported(state)).toEqual(before);
  });

  test.each([null, undefined, 'state', 1, {}, { version: 1, run: {} }])(
    '%o is no state',
    (saved) => {
      const { backend, entries } = fixture(cpuBackend(dtype));
      const restore = () => Reflect.apply(restoreState, undefined, [backend, RUN, entries, saved]);
      expect(restore).toThrow(TypeError);
      expect(restore).toThrow(
        /^restoreState: the saved state is .*, expected what exportState gave$/,
      );
    },
  );

  test.each([
    ['run', null],
    ['run', 'nysact'],
    ['entries', null],
    ['entries', 4],
  ])('%s that is %o is refused', async (part, value) => {
    const state = fixture(cpuBackend(dtype));
    const saved = { ...(await exported(state)), [part]: value };
    const { backend, entries } = state;
    const restore = () => Reflect.apply(restoreState, undefined, [backend, RUN, entries, saved]);
    expect(restore).toThrow(TypeError);
    expect(restore).toThrow(`restoreState: the saved ${part}`);
  });

  test('bytes are those of the matrices', () => {
    const { entries } = fixture(cpuBackend(dtype));
    expect(stateBytes(entries)).toBe((ROWS * COLS + 1) * (dtype === 'float32' ? 4 : 8));
    expect(stateBytes([])).toBe(0);
  });
});

const savedState = () => exported(fixture(cpuBackend('float64')));

const restore = (state: PlainState, run: object, accept?: readonly string[]) => () => {
  const { backend, entries } = fixture(cpuBackend('float64'));
  restoreState(backend, { ...run }, entries, state, accept === undefined ? {} : { accept });
};

describe('a state is of a run', () => {
  test('of this version', async () => {
    for (const version of [0, STATE_VERSION + 1, '1', undefined]) {
      const shown = typeof version === 'string' ? `'${version}'` : version;
      const { entries } = await savedState();
      const other = JSON.parse(JSON.stringify({ run: RUN, entries: {} }));
      expect(restore({ ...other, entries, version }, RUN)).toThrow(
        new RangeError(
          `restoreState: the saved state is of version ${shown}, expected ${STATE_VERSION}`,
        ),
      );
    }
  });

  test.each([
    [
      { method: 'foof', seed: 3 },
      "method of the saved run is 'none', expected 'foof' as in this one, or accept: ['method']",
    ],
    [
      { method: 'none', seed: 4 },
      "seed of the saved run is 3, expected 4 as in this one, or accept: ['seed']",
    ],
    // The first difference is named, in the order of this run.
    [
      { seed: 5, method: 'foof' },
      "seed of the saved run is 3, expected 5 as in this one, or accept: ['seed']",
    ],
    [
      { method: 'none' },
      "seed of the saved run is 3, expected none as in this one, or accept: ['seed']",
    ],
    [
      { ...RUN, rank: 2 },
      "rank of the saved run is missing, expected 2 as in this one, or accept: ['rank']",
    ],
  ])('of %o, another one is refused by the first difference', async (run, message) => {
    expect(restore(await savedState(), run)).toThrow(new RangeError(`restoreState: ${message}`));
  });

  test('differences are accepted by name', async () => {
    const state = await savedState();
    const run = { method: 'foof', seed: 4 };
    expect(restore(state, run, ['method'])).toThrow('restoreState: seed of the saved run is 3');
    restore(state, run, ['seed', 'method'])();
    expect(restore(state, run, ['seed', 'method', 'sede'])).toThrow(
      new RangeError("restoreState: accept names 'sede', expected some of method, seed"),
    );
  });
});

test('scoped entries are the same entries by longer names', async () => {
  const { backend, entries, numbers } = fixture(cpuBackend('float64'));
  const inner = scoped('layer', entries);
  const outer = [...scoped('0', inner), ...scoped('1', [])];
  expect(outer.map(({ name }) => name)).toEqual([
    '0/layer/A',
    '0/layer/c',
    '0/layer/count',
    '0/layer/columns',
    '0/layer/B',
  ]);
  const saved = await exportState(backend, RUN, outer);
  const plainly = await exportState(backend, RUN, entries);
  expect(Object.values(saved.entries)).toEqual(Object.values(plainly.entries));
  restoreState(backend, RUN, outer, withEntries(saved, { '0/layer/c': 8 }));
  expect(numbers.c.value).toBe(8);
  const negative = withEntries(saved, { '0/layer/count': -1 });
  expect(() => restoreState(backend, RUN, outer, negative)).toThrow(
    "restoreState: entry '0/layer/count' is -1, expected an integer >= 0",
  );
  expect(stateBytes(outer)).toBe(stateBytes(entries));
});
