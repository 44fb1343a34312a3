// The sketch of a layer: drawn by number, checked, redrawn, and put back from its state.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { exportState, type PlainState, restoreState } from '../../src/backend/saved-state.js';
import type { DType } from '../../src/core/dtype.js';
import { convert, zeros } from '../../src/core/matrix.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { drawSketch, type SketchKind } from '../../src/sketch/distributions.js';
import { HeldSketch } from '../../src/sketch/held-sketch.js';
import { type Sketch, sameSketch } from '../../src/sketch/sketch.js';
import { countingBackend } from '../support/backends.js';
import { integerIndices } from '../support/lists.js';
import { gaussian, uniform } from '../support/matrices.js';
import { SEED } from '../support/seed.js';

const SHAPE = { inputs: 7, width: 3 };
const DTYPES = ['float32', 'float64'] as const;
const KINDS: readonly SketchKind[] = ['gaussian', 'subcolumn'];

const numbered =
  <D extends DType>(kind: SketchKind, dtype: D) =>
  (draw: number): Sketch<D> =>
    drawSketch(kind, SHAPE, dtype, foldIn(randomKey(SEED), draw));

const columns = (...indices: number[]): Sketch<'float64'> => ({
  kind: 'columns',
  ...SHAPE,
  indices: Int32Array.from(indices),
});

/** What a sketch is on the host. */
function contentOf<D extends DType>(
  held: HeldSketch<D>,
  backend: ReturnType<typeof cpuBackend<D>>,
): Sketch<D> {
  return held.onHost(
    held.operand,
    held.reads.map((slot) => backend.readSync(slot)),
  );
}

describe.each(KINDS.flatMap((kind) => DTYPES.map((dtype) => ({ kind, dtype }))))(
  'a held $kind sketch, $dtype',
  ({ kind, dtype }) => {
    const source = numbered<DType>(kind, dtype);

    test('is number 0 of its source, then 1, then 2, bit for bit', () => {
      const backend = cpuBackend<DType>(dtype);
      const held = new HeldSketch(backend, SHAPE, source);
      for (const draw of [0, 1, 2]) {
        if (draw > 0) held.redraw();
        expect(sameSketch(contentOf(held, backend), source(draw))).toBe(true);
      }
      expect(held.reads).toHaveLength(kind === 'gaussian' ? 1 : 0);
    });

    test('an operand and what was read of it stand for the sketch of that moment', () => {
      const backend = cpuBackend<DType>(dtype);
      const held = new HeldSketch(backend, SHAPE, source);
      const { operand } = held;
      const reads = held.reads.map((slot) => backend.readSync(slot));
      held.redraw();
      expect(sameSketch(held.onHost(operand, reads), source(0))).toBe(true);
    });

    test('its state, restored into one of another source, goes on with the same sketch', async () => {
      const backend = cpuBackend<DType>(dtype);
      const held = new HeldSketch(backend, SHAPE, source);
      held.redraw();
      const saved = structuredClone(await exportState(backend, {}, held.state));
      expect(Object.keys(saved.entries)).toEqual(['draws', kind === 'gaussian' ? 'S' : 'columns']);
      if (kind === 'subcolumn') {
        const drawn = source(1);
        expect(saved.entries.columns).toEqual(drawn.kind === 'columns' ? drawn.indices : drawn.S);
      }
      const copy = new HeldSketch(backend, SHAPE, (draw) => source(draw === 2 ? 2 : 9));
      restoreState(backend, {}, copy.state, saved);
      expect(sameSketch(contentOf(copy, backend), source(1))).toBe(true);
      copy.redraw();
      expect(sameSketch(contentOf(copy, backend), source(2))).toBe(true);
    });
  },
);

describe('columns', () => {
  test('are a copy of what the source gave, and their state a copy of them', async () => {
    const backend = cpuBackend('float64');
    const indices = Int32Array.of(4, 0, 6);
    const held = new HeldSketch(backend, SHAPE, () => ({ kind: 'columns', ...SHAPE, indices }));
    indices.fill(5);
    expect(held.operand).toEqual({ kind: 'columns', indices: Int32Array.of(4, 0, 6) });
    const { entries } = await exportState(backend, {}, held.state);
    const saved = entries.columns;
    if (!(saved instanceof Int32Array)) throw new TypeError('expected one vector of integers');
    saved.fill(5);
    expect(held.operand).toEqual({ kind: 'columns', indices: Int32Array.of(4, 0, 6) });
    // And so are those of a redraw.
    indices.set([1, 2, 3]);
    held.redraw();
    indices.fill(5);
    expect(held.operand).toEqual({ kind: 'columns', indices: Int32Array.of(1, 2, 3) });
  });

  test.each(integerIndices([4, 0, 6]))('come in any array of integers: %s', (_name, indices) => {
    const sketch: Sketch<'float64'> = Object.assign(columns(), { indices });
    const held = new HeldSketch(cpuBackend('float64'), SHAPE, () => sketch);
    expect(held.operand).toEqual({ kind: 'columns', indices: Int32Array.of(4, 0, 6) });
  });

  test.each<[string, number[], string]>([
    [
      'not of this matrix',
      [4, 0, 7],
      "entry 'columns', number 2 is 7, expected an integer >= 0 and <= 6",
    ],
    ['twice', [4, 0, 4], "entry 'columns' holds 4 as numbers 0 and 2, expected distinct columns"],
    ['too few', [4, 0], "entry 'columns' has 2 elements, expected 3"],
  ])('that are restored must be distinct columns of I: %s', (_name, indices, message) => {
    const backend = cpuBackend('float64');
    const held = new HeldSketch(backend, SHAPE, () => columns(1, 2, 3));
    const saved: PlainState = {
      version: 1,
      run: {},
      entries: { draws: 5, columns: Int32Array.from(indices) },
    };
    expect(() => restoreState(backend, {}, held.state, saved)).toThrow(
      new RangeError(`restoreState: ${message}`),
    );
    expect(held.operand).toEqual({ kind: 'columns', indices: Int32Array.of(1, 2, 3) });
  });
});

test.each([0, -1, 1.5])(
  'a restored number of draws is at least 1: %d is refused',
  async (draws) => {
    const backend = cpuBackend('float64');
    const held = new HeldSketch(backend, SHAPE, () => columns(1, 2, 3));
    const saved = await exportState(backend, {}, held.state);
    const restore = (value: number) => () =>
      restoreState(backend, {}, held.state, {
        ...saved,
        entries: { ...saved.entries, draws: value },
      });
    expect(restore(draws)).toThrow(`entry 'draws' is ${draws}, expected an integer >= 1`);
    restore(1)();
  },
);

describe('a source may be anyone’s:', () => {
  const S = convert(gaussian(uniform(1), 7, 3), 'float64');
  const spoilt = S.clone();
  spoilt.set(6, 2, Number.NaN);

  const refused: readonly [string, unknown][] = [
    ['sketch: draw N is undefined, expected a sketch', undefined],
    [
      "sketch: the kind of draw N is 'sparse', expected 'dense' or 'columns'",
      { ...SHAPE, kind: 'sparse' },
    ],
    ['sketch: draw N is 8×3, expected 7×3', { ...columns(1, 2, 3), inputs: 8 }],
    [
      'sketch: the number of indices of draw N is 2, expected an integer >= 3 and <= 3',
      columns(1, 2),
    ],
    [
      'sketch: indices of draw N is undefined, expected an array of numbers',
      { ...SHAPE, kind: 'columns' },
    ],
    [
      'sketch: indices of draw N, number 1 is 0.5, expected an integer >= 0 and <= 6',
      { ...columns(), indices: [1, 0.5, 2] },
    ],
    [
      'sketch: indices of draw N, number 0 is 4294967297, expected an integer >= 0 and <= 6',
      { ...columns(), indices: [2 ** 32 + 1, 0, 2] },
    ],
    [
      'sketch: indices of draw N holds 3 as numbers 0 and 1, expected distinct columns',
      columns(3, 3, 1),
    ],
    ['sketch: S of draw N is undefined, expected a DenseMatrix', { ...SHAPE, kind: 'dense' }],
    [
      'sketch: S of draw N is 7×2, expected 7×3',
      { ...SHAPE, kind: 'dense', S: zeros('float64', 7, 2) },
    ],
    [
      'sketch: S of draw N holds float32, expected float64',
      { ...SHAPE, kind: 'dense', S: convert(S, 'float32') },
    ],
    [
      'sketch: S of draw N holds NaN at row 6, column 2, expected finite numbers',
      { ...SHAPE, kind: 'dense', S: spoilt },
    ],
  ];

  test.each(refused)('%s', (message, drawn) => {
    const backend = countingBackend('float64');
    const make = () => Reflect.construct(HeldSketch, [backend, SHAPE, () => drawn]);
    expect(make).toThrow(message.replace('N', '0'));
    expect(make).toThrow(/^sketch: /);
    expect(backend.count.allocated).toBe(0);

    const host = cpuBackend('float64');
    const given: unknown[] = [columns(1, 2, 3), drawn, columns(4, 5, 6)];
    const held: HeldSketch<'float64'> = Reflect.construct(HeldSketch, [
      host,
      SHAPE,
      () => given.shift(),
    ]);
    expect(() => held.redraw()).toThrow(message.replace('N', '1'));
    expect(held.operand).toEqual({ kind: 'columns', indices: Int32Array.of(1, 2, 3) });
    held.redraw();
    expect(held.operand).toEqual({ kind: 'columns', indices: Int32Array.of(4, 5, 6) });
  });

  test('another kind at a redraw is refused, and nothing changes', () => {
    const dense: Sketch<'float64'> = { kind: 'dense', ...SHAPE, S };
    for (const [first, second, message] of [
      [dense, columns(1, 2, 3), "sketch: draw 1 is of kind 'columns', expected 'dense' as before"],
      [columns(1, 2, 3), dense, "sketch: draw 1 is of kind 'dense', expected 'columns' as before"],
    ] as const) {
      const backend = cpuBackend('float64');
      const held = new HeldSketch(backend, SHAPE, (draw) => (draw === 0 ? first : second));
      expect(() => held.redraw()).toThrow(new TypeError(message));
      expect(sameSketch(contentOf(held, backend), first)).toBe(true);
    }
  });
});
