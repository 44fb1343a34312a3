import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, identity, zeros } from '../../src/core/matrix.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { DISTRIBUTIONS, drawSketch, type SketchKind } from '../../src/sketch/distributions.js';
import {
  applySketchTranspose,
  denseSketch,
  type Sketch,
  sameSketch,
  shiftedTranspose,
} from '../../src/sketch/sketch.js';
import {
  build,
  combine,
  distance,
  gaussian,
  type Matrix,
  norm,
  product,
  uniform,
} from '../support/matrices.js';
import { SEED } from '../support/seed.js';
import { normalLimit, SIGNIFICANCE } from '../support/statistics.js';

const KINDS: readonly SketchKind[] = ['gaussian', 'subcolumn'];
/** What the sketches of each distribution are in memory. */
const FORMS = { gaussian: 'dense', subcolumn: 'columns' } as const;
const DTYPES = ['float32', 'float64'] as const;
const CASES = KINDS.flatMap((kind) => DTYPES.map((dtype) => ({ kind, dtype })));

/** c of the rounding bounds c·p·eps·‖A‖‖B‖; the dot products of length p give c = 1. */
const ROUNDING = 1;

const shapes = fc
  .integer({ min: 1, max: 40 })
  .chain((inputs) =>
    fc.record({ inputs: fc.constant(inputs), width: fc.integer({ min: 1, max: inputs }) }),
  );

function draw<D extends DType>(
  kind: SketchKind,
  inputs: number,
  width: number,
  dtype: D,
  seed = 1,
) {
  return drawSketch(kind, { inputs, width }, dtype, randomKey(seed));
}

/** S in float64. */
function dense(sketch: Sketch): Matrix {
  return denseSketch(sketch, 'float64');
}

/** What an application that is refused must leave as it is. */
const ones = (rows: number, cols: number): Matrix => build(rows, cols, () => 1);

describe.each(CASES)('a $kind sketch, $dtype', ({ kind, dtype }) => {
  test.prop([shapes, fc.nat()])(
    'is a p×r matrix that the key alone decides',
    ({ inputs, width }, seed) => {
      const sketch = draw(kind, inputs, width, dtype, seed);
      expect(sketch).toMatchObject({ kind: FORMS[kind], inputs, width });
      const S = denseSketch(sketch, dtype);
      expect(S).toMatchObject({ dtype, rows: inputs, cols: width });
      draw(kind, inputs, width, dtype, seed + 1);
      expect(draw(kind, inputs, width, dtype, seed)).toEqual(sketch);
      expect(denseSketch(sketch, 'float64')).toEqual(convert(S, 'float64'));
    },
  );

  test.prop([shapes, fc.nat()])(
    'a wider sketch extends a narrower one',
    ({ inputs, width }, seed) => {
      const wide = dense(draw(kind, inputs, inputs, dtype, seed));
      const narrow = dense(draw(kind, inputs, width, dtype, seed));
      expect(narrow).toEqual(wide.view(0, 0, inputs, width).clone());
    },
  );

  test.prop([shapes, fc.nat(), fc.integer({ min: 1, max: 7 })])(
    'applySketchTranspose is the product with the dense sketch',
    ({ inputs, width }, seed, cols) => {
      const sketch = draw(kind, inputs, width, dtype, seed);
      // A view, so that stride and offset take part.
      const Yt = gaussian(uniform(seed), cols + 2, inputs + 3).view(1, 2, cols, inputs);
      const S = dense(sketch);
      const expected = product(S, 'T', Yt, 'T');
      const tolerance = ROUNDING * inputs * EPSILON.float64 * norm(S) * norm(Yt);
      const around = build(width + 2, cols + 3, () => 7);
      const B = around.view(1, 2, width, cols);
      applySketchTranspose(sketch, Yt, B);
      expect(distance(B, expected)).toBeLessThanOrEqual(kind === 'subcolumn' ? 0 : tolerance);
      // The rest stays as it was.
      const sevens = around.data.filter((x) => x === 7).length;
      expect(sevens).toBe(around.data.length - width * cols);
    },
  );

  test.prop([shapes, fc.nat(), fc.double({ min: 0, max: 10, noNaN: true })])(
    'shiftedTranspose is (C + νS)ᵀ, and writes the view alone',
    ({ inputs, width }, seed, nu) => {
      const sketch = draw(kind, inputs, width, dtype, seed);
      const C = convert(gaussian(uniform(seed), inputs + 1, width + 2), dtype);
      const before = gaussian(uniform(seed + 1), width + 2, inputs + 3);
      const after = before.clone();
      const inner = C.view(1, 2, inputs, width);
      shiftedTranspose(inner, nu, sketch, after.view(1, 2, width, inputs));
      const sum = combine(1, convert(inner, 'float64'), nu, dense(sketch));
      const expected = build(width + 2, inputs + 3, (i, j) =>
        i >= 1 && i <= width && j >= 2 && j < inputs + 2 ? sum.at(j - 2, i - 1) : before.at(i, j),
      );
      expect(after).toEqual(expected);
    },
  );

  test('E[SSᵀ] = (r/p)·I: 4000 draws', () => {
    const [inputs, width, draws] = [6, 3, 4000];
    const limit = normalLimit(SIGNIFICANCE / 21);
    const key = randomKey(SEED);
    const sum = zeros('float64', inputs, inputs);
    for (let d = 0; d < draws; d++) {
      const S = dense(drawSketch(kind, { inputs, width }, dtype, foldIn(key, d)));
      for (let i = 0; i < inputs; i++) {
        for (let j = 0; j <= i; j++) {
          for (let k = 0; k < width; k++) sum.set(i, j, sum.at(i, j) + S.at(i, k) * S.at(j, k));
        }
      }
    }
    // Variances of an entry of SSᵀ: r products of N(0, 1/p), or one indicator of probability r/p.
    const ratio = width / inputs;
    const [onDiagonal, offDiagonal] =
      kind === 'gaussian' ? [(2 * ratio) / inputs, ratio / inputs] : [ratio * (1 - ratio), 0];
    for (let i = 0; i < inputs; i++) {
      for (let j = 0; j <= i; j++) {
        const error = Math.abs(sum.at(i, j) / draws - (i === j ? ratio : 0));
        const variance = i === j ? onDiagonal : offDiagonal;
        expect(error).toBeLessThanOrEqual(limit * Math.sqrt(variance / draws));
      }
    }
  });

  test.each([
    { inputs: 5, width: 0, message: 'width is 0, expected an integer >= 1 and <= 5' },
    { inputs: 5, width: 6, message: 'width is 6, expected an integer >= 1 and <= 5' },
    { inputs: 5, width: 1.5, message: 'width is 1.5, expected an integer >= 1 and <= 5' },
    { inputs: 5, width: Number.NaN, message: 'width is NaN, expected an integer >= 1 and <= 5' },
    { inputs: 0, width: 1, message: 'inputs is 0, expected an integer >= 1' },
    { inputs: 2.5, width: 1, message: 'inputs is 2.5, expected an integer >= 1' },
  ])('refuses inputs $inputs with width $width', ({ inputs, width, message }) => {
    expect(() => draw(kind, inputs, width, dtype)).toThrow(
      new RangeError(`drawSketch: ${message}`),
    );
  });

  test('applications refuse shapes that do not fit, and change nothing', () => {
    const sketch = draw(kind, 5, 2, dtype);
    const [C, Yt, B] = [ones(5, 2), ones(2, 5), ones(2, 2)];
    const shifted = (from: Matrix, nu: number, to: Matrix) => () =>
      shiftedTranspose(from, nu, sketch, to);
    expect(shifted(ones(4, 2), 1, Yt)).toThrow(
      new RangeError('shiftedTranspose: C is 4×2, expected 5×2'),
    );
    expect(shifted(C, 1, ones(2, 4))).toThrow(
      new RangeError('shiftedTranspose: Yt is 2×4, expected 2×5'),
    );
    for (const nu of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(shifted(C, nu, Yt)).toThrow(
        new RangeError(`shiftedTranspose: nu is ${nu}, expected a finite number >= 0`),
      );
    }
    expect(() => applySketchTranspose(sketch, ones(2, 4), B)).toThrow(
      new RangeError('applySketchTranspose: Yt is 2×4, expected 2×5'),
    );
    expect(() => applySketchTranspose(sketch, Yt, ones(3, 2))).toThrow(
      new RangeError('applySketchTranspose: B is 3×2, expected 2×2'),
    );
    expect([C, Yt, B]).toEqual([ones(5, 2), ones(2, 5), ones(2, 2)]);
  });

  test.each([
    [{ width: 0 }, 'width of sketch is 0, expected an integer >= 1 and <= 5'],
    [{ width: 6 }, 'width of sketch is 6, expected an integer >= 1 and <= 5'],
    [{ inputs: 0 }, 'inputs of sketch is 0, expected an integer >= 1'],
    [
      { width: 3 },
      kind === 'gaussian'
        ? 'S of sketch is 5×2, expected 5×3'
        : 'the number of indices is 2, expected an integer >= 3 and <= 3',
    ],
  ])('is no sketch with %j', (wrong, message) => {
    const sketch = { ...draw(kind, 5, 2, dtype), ...wrong };
    expect(() => denseSketch(sketch, dtype)).toThrow(new RangeError(`denseSketch: ${message}`));
  });

  test('sameSketch looks at the elements alone, wherever they lie', () => {
    const S = convert(gaussian(uniform(3), 5, 2), dtype);
    const inside = (around: number) => {
      const A = convert(
        build(8, 6, () => around),
        dtype,
      ).view(2, 3, 5, 2);
      for (let i = 0; i < 5; i++) for (let j = 0; j < 2; j++) A.set(i, j, S.at(i, j));
      return { kind: 'dense', inputs: 5, width: 2, S: A } as const;
    };
    expect(sameSketch(inside(1), inside(2))).toBe(true);
  });

  test('sameSketch knows a sketch drawn again, and no other', () => {
    const sketch = draw(kind, 8, 3, dtype);
    expect(sameSketch(sketch, draw(kind, 8, 3, dtype))).toBe(true);
    const others = [
      draw(kind, 8, 3, dtype, 2),
      draw(kind, 8, 2, dtype),
      draw(kind, 9, 3, dtype),
      draw(kind === 'gaussian' ? 'subcolumn' : 'gaussian', 8, 3, dtype),
    ];
    for (const other of others) {
      expect(sameSketch(sketch, other)).toBe(false);
      expect(sameSketch(other, sketch)).toBe(false);
    }
  });
});

describe('sameSketch', () => {
  test('sees one changed element of a dense sketch, wherever it is', () => {
    const sketch = draw('gaussian', 3, 2, 'float64');
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 2; j++) {
        const S = dense(sketch);
        S.set(i, j, S.at(i, j) * (1 + EPSILON.float64));
        expect(sameSketch(sketch, { kind: 'dense', inputs: 3, width: 2, S })).toBe(false);
      }
    }
  });

  test('tells the order of the columns', () => {
    const shape = { kind: 'columns', inputs: 3, width: 2 } as const;
    const a = { ...shape, indices: Int32Array.of(0, 2) };
    expect(sameSketch(a, { ...shape, indices: Int32Array.of(2, 0) })).toBe(false);
    expect(sameSketch(a, { ...shape, indices: Int32Array.of(0, 2) })).toBe(true);
  });

  test('dense sketches of two dtypes differ, even where the numbers agree', () => {
    const a = { kind: 'dense', inputs: 2, width: 2, S: identity('float32', 2) } as const;
    const b = { kind: 'dense', inputs: 2, width: 2, S: identity('float64', 2) } as const;
    expect(sameSketch(a, b)).toBe(false);
  });
});

test('every distribution is tested here', () => {
  expect(Object.keys(DISTRIBUTIONS)).toEqual(KINDS);
});

test('drawSketch refuses an unknown kind', () => {
  const shape = { inputs: 3, width: 1 };
  expect(() =>
    Reflect.apply(drawSketch, undefined, ['rademacher', shape, 'float64', randomKey(1)]),
  ).toThrow(new RangeError("drawSketch: kind is 'rademacher', expected 'gaussian' or 'subcolumn'"));
});
