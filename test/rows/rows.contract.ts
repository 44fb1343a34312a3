// The contract of rows: every moment, against the explicit matrix of rows in float64.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type Backend, type Slot, upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import type { SketchOf } from '../../src/kernels/kernels.js';
import type { Rows } from '../../src/rows/rows.js';
import { countingBackend } from '../support/backends.js';
import {
  build,
  combine,
  distance,
  filled,
  gaussian,
  type Matrix,
  map,
  norm,
  product,
  rounded,
  transpose,
  uniform,
} from '../support/matrices.js';

/** Rows that are to be made, and the matrix that they stand for. */
export interface Draft<D extends DType> {
  make(backend: Backend<D>): Rows<D>;
  /** Row by row without their weights, the bias column included; rows of weight 0 may hold anything. */
  readonly X: Matrix;
  readonly weights: readonly number[] | undefined;
}

/** Drafts of one kind of rows, whose inputs `dtype` holds exactly. */
export type Drafts = <D extends DType>(dtype: D) => fc.Arbitrary<Draft<D>>;

/** No weights, or some with at least one that counts; `seed` decides. */
export function weightsFor(rows: number, seed: number): number[] | undefined {
  if (seed % 3 === 0) return undefined;
  const random = uniform(seed);
  const choices = seed % 3 === 1 ? [0, 1] : [0, 0.25, 1, 2, 3];
  const weights = Array.from(
    { length: rows },
    () => choices[Math.floor(random() * choices.length)],
  );
  weights[Math.floor(random() * rows)] = 1;
  return weights;
}

/** What a row that does not count may hold. */
export const POISON: readonly number[] = [Number.NaN, Number.POSITIVE_INFINITY, 1e300];

const dtypes = ['float32', 'float64'] as const;
/** A backend that wraps matrices and has kernels of its own for sketches, and one with neither. */
const backends = [
  ['wrapped', cpuBackend],
  ['uploaded', countingBackend],
] as const;

const scalars = fc.record({
  weight: fc.constantFrom(1, 0.05, -2),
  decay: fc.constantFrom(0, 1, 0.95),
  seed: fc.nat(),
});

/** Sums over rows: Σ wᵢ·f(xᵢ). */
interface Sums {
  readonly X: Matrix;
  readonly weights: readonly number[];
}

/** diag(√w)·X, with zeros where w is 0; of the first rows only, where they are counted. */
function weighted({ X, weights }: Sums, first: number = X.rows): Matrix {
  return build(X.rows, X.cols, (i, j) =>
    i < first && weights[i] > 0 ? Math.sqrt(weights[i]) * X.at(i, j) : 0,
  );
}

function sumsOf({ X, weights }: Draft<DType>): Sums {
  return { X, weights: weights ?? Array.from({ length: X.rows }, () => 1) };
}

/** Σw. */
function countOf({ weights }: Sums): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}

/** √w as a column. */
function roots({ weights }: Sums): Matrix {
  return build(weights.length, 1, (i) => Math.sqrt(weights[i]));
}

/** One moment: how rows take it, what it is, and how large its terms can get. */
interface Moment {
  readonly name: string;
  /** Sums of so many terms. */
  readonly terms: (m: number, p: number) => number;
  readonly shape: (p: number) => readonly [number, number];
  take<D extends DType>(this: void, rows: Rows<D>, weight: number, decay: number, M: Slot<D>): void;
  readonly exact: (sums: Sums) => Matrix;
  readonly size: (W: Matrix, p: number) => number;
}

/** r of the sketches of p inputs. */
const width = (p: number) => 1 + (p % 3 < p ? p % 3 : 0);
/** S that both dtypes hold. */
const denseS = (p: number) => rounded(gaussian(uniform(p), p, width(p)), 'float32');
const columnsOf = (p: number) => Int32Array.from({ length: width(p) }, (_, j) => p - 1 - j);
const picked = (p: number) => build(p, width(p), (i, j) => (i === columnsOf(p)[j] ? 1 : 0));

/** T of two rows that both dtypes hold. */
const sidesOf = (m: number) => rounded(gaussian(uniform(m), 2, m), 'float32');

function sketchedWith(W: Matrix, S: Matrix): Matrix {
  return product(W, 'T', product(W, 'N', S, 'N'), 'N');
}

const squared = (W: Matrix) => norm(W) ** 2;

const MOMENTS: readonly Moment[] = [
  {
    name: 'secondMoment: XᵀX',
    terms: (m) => m,
    shape: (p) => [p, p],
    take: (rows, weight, decay, A) => rows.secondMoment(weight, decay, A),
    exact: (sums) => product(weighted(sums), 'T', weighted(sums), 'N'),
    size: squared,
  },
  {
    name: 'sketchMoment: Xᵀ(XS) with a dense S',
    terms: (m, p) => m + p,
    shape: (p) => [p, width(p)],
    take(rows, weight, decay, C) {
      const { backend, cols } = rows;
      const S = upload(backend, convert(denseS(cols), backend.dtype));
      try {
        rows.sketchMoment({ kind: 'dense', S }, weight, decay, C);
      } finally {
        backend.free(S);
      }
    },
    exact: (sums) => sketchedWith(weighted(sums), denseS(sums.X.cols)),
    size: (W, p) => squared(W) * norm(denseS(p)),
  },
  {
    name: 'sketchMoment: Xᵀ(XS) with columns of I',
    terms: (m) => m,
    shape: (p) => [p, width(p)],
    take(rows, weight, decay, C) {
      const indices = columnsOf(rows.cols);
      rows.sketchMoment({ kind: 'columns', indices }, weight, decay, C);
    },
    exact: (sums) => sketchedWith(weighted(sums), picked(sums.X.cols)),
    size: squared,
  },
  {
    name: 'sum: Σ wᵢxᵢᵀ',
    terms: (m) => m,
    shape: (p) => [1, p],
    take: (rows, weight, decay, a) => rows.sum(weight, decay, a),
    exact: (sums) => product(roots(sums), 'T', weighted(sums), 'N'),
    size: (W) => norm(W),
  },
  {
    name: 'diagonal: Σ wᵢ(xᵢ∘xᵢ)ᵀ',
    terms: (m) => m,
    shape: (p) => [1, p],
    take: (rows, weight, decay, a) => rows.diagonal(weight, decay, a),
    exact: (sums) => {
      const W = weighted(sums);
      return product(
        filled(W.rows, 1, 1),
        'T',
        map(W, (x) => x * x),
        'N',
      );
    },
    size: squared,
  },
  {
    name: 'squares: T(X∘X)',
    terms: (m) => m,
    shape: (p) => [2, p],
    take(rows, weight, decay, Y) {
      const { backend, rows: m } = rows;
      const T = upload(backend, convert(sidesOf(m), backend.dtype));
      try {
        rows.squares(T, weight, decay, Y);
      } finally {
        backend.free(T);
      }
    },
    exact: (sums) =>
      product(
        sidesOf(sums.X.rows),
        'N',
        map(weighted(sums), (x) => x * x),
        'N',
      ),
    size: (W) => squared(W) * norm(sidesOf(W.rows)),
  },
  {
    name: 'squaredNorm: ‖X‖²F',
    terms: (m, p) => m * p,
    shape: () => [1, 1],
    take: (rows, weight, decay, s) => rows.squaredNorm(weight, decay, s),
    exact: (sums) => filled(1, 1, squared(weighted(sums))),
    size: squared,
  },
];

/** Roundings beside those of the sum: of √w, of √w·x twice, of the product, of weight, decay, S and store. */
const ROUNDINGS = 8;

/** Where rows are tried. */
export interface Place {
  readonly dtype: DType;
  readonly backend: Backend;
  /** How many slots, or what holds them, are in use; always 0 where nobody counts. */
  readonly live: () => number;
}

/** Describes one kind of rows. */
export function describeRows(name: string, drafts: Drafts): void {
  describe.each(dtypes)(`${name}, %s`, (dtype) => {
    describe.each(backends)('%s', (_, backendOf) => {
      const backend = backendOf<DType>(dtype);
      const live = () => ('count' in backend ? backend.count.live : 0);
      describeRowsAt({ dtype, backend, live }, drafts<DType>(dtype));
    });
  });
}

/** Describes one kind of rows in one place. */
export function describeRowsAt(place: Place, drafts: fc.Arbitrary<Draft<DType>>): void {
  const { dtype, backend, live } = place;
  const read = (slot: Slot): Promise<DenseMatrix> => backend.read(slot);
  const put = (A: Matrix): Slot => upload(backend, convert(A, dtype));

  /** slot ← decay·old + weight·moment, and what may have been rounded away. */
  const check = async (
    draft: Draft<DType>,
    {
      terms,
      shape,
      exact,
      size,
      take,
    }: Pick<Moment, 'terms' | 'shape' | 'exact' | 'size' | 'take'>,
    { weight, decay, seed }: { weight: number; decay: number; seed: number },
  ) => {
    const sums = sumsOf(draft);
    const { rows: m, cols: p } = draft.X;
    const [height, cols] = shape(p);
    const drawn = gaussian(uniform(seed), height, cols);
    // Symmetric where it is square, as syrk wants it.
    const symmetric = height === cols ? combine(0.5, drawn, 0.5, transpose(drawn)) : drawn;
    const old = decay === 0 ? filled(height, cols, Number.NaN) : rounded(symmetric, dtype);
    const rows = draft.make(backend);
    const slot = put(old);
    take(rows, weight, decay, slot);
    rows.dispose();
    const expected = combine(weight, exact(sums), decay, old);
    const W = weighted(sums);
    const kept = decay === 0 ? 0 : Math.abs(decay) * norm(old);
    // Σ wᵢ|xᵢ| ≤ √Σw·‖W‖F, for the sum.
    const scale = Math.abs(weight) * size(W, p) * Math.sqrt(Math.max(1, countOf(sums)));
    const tolerance = (terms(m, p) + ROUNDINGS) * EPSILON[dtype] * (scale + kept);
    expect(distance(await read(slot), expected)).toBeLessThanOrEqual(tolerance);
    backend.free(slot);
  };

  test.prop([drafts], { numRuns: 20 })(
    'says how many rows and columns there are, and what they count for',
    (draft) => {
      const rows = draft.make(backend);
      const sums = sumsOf(draft);
      expect([rows.rows, rows.cols]).toEqual([draft.X.rows, draft.X.cols]);
      expect(rows.backend).toBe(backend);
      expect(rows.count).toBe(countOf(sums));
      expect(rows.weights === undefined ? undefined : Array.from(rows.weights)).toEqual(
        draft.weights,
      );
      const size = squared(weighted(sums));
      const bound = rows.bound();
      // Of what is on a device already, nothing need be known.
      if (bound !== undefined) {
        expect(bound).toBeGreaterThanOrEqual(
          size * (1 - (draft.X.rows * draft.X.cols + ROUNDINGS) * EPSILON[dtype]),
        );
        expect(bound).toBeLessThan(Number.POSITIVE_INFINITY);
      }
      rows.dispose();
    },
  );

  test.each(MOMENTS)('$name', async (moment) => {
    await fc.assert(
      fc.asyncProperty(drafts, scalars, (draft, numbers) => check(draft, moment, numbers)),
      { numRuns: 25 },
    );
  });

  test('visit: X from top to bottom', async () => {
    await fc.assert(
      fc.asyncProperty(drafts, async (draft) => {
        const rows = draft.make(backend);
        const before: Promise<DenseMatrix>[] = [];
        rows.visit((strip) => before.push(read(strip)));
        const strips = await Promise.all(before);
        rows.dispose();
        const lines = strips.flatMap((strip) =>
          Array.from({ length: strip.rows }, (_, i) => ({ strip, i })),
        );
        const W = weighted(sumsOf(draft));
        expect(lines.length).toBe(W.rows);
        const seen = build(W.rows, W.cols, (i, j) => lines[i].strip.at(lines[i].i, j));
        expect(distance(seen, W)).toBeLessThanOrEqual(ROUNDINGS * EPSILON[dtype] * norm(W));
      }),
      { numRuns: 25 },
    );
  });

  test('sum over the first so many rows', async () => {
    await fc.assert(
      fc.asyncProperty(drafts, scalars, fc.nat(), (draft, numbers, drawn) => {
        const first = 1 + (drawn % draft.X.rows);
        return check(
          draft,
          {
            terms: (m) => m,
            shape: (p) => [1, p],
            take: (rows, weight, decay, a) => rows.sum(weight, decay, a, first),
            exact: (sums) => product(roots(sums), 'T', weighted(sums, first), 'N'),
            size: (W) => norm(W),
          },
          numbers,
        );
      }),
      { numRuns: 25 },
    );
  });

  test.prop([drafts], { numRuns: 5 })(
    'refuses to sum over no rows, more than there are, or a part of one',
    (draft) => {
      const rows = draft.make(backend);
      const a = backend.allocate(1, rows.cols);
      for (const first of [0, rows.rows + 1, 0.5, Number.NaN]) {
        expect(() => rows.sum(1, 0, a, first)).toThrow(
          new RangeError(`sum: first is ${first}, expected an integer >= 1 and <= ${rows.rows}`),
        );
      }
      rows.dispose();
      backend.free(a);
    },
  );

  test.prop([drafts], { numRuns: 5 })(
    'refuses slots of another backend, and numbers that are none; nothing leaks or changes',
    async (draft) => {
      const other = cpuBackend<DType>(dtype);
      const rows = draft.make(backend);
      const p = draft.X.cols;
      const round = () => {
        for (const { shape, take } of MOMENTS) {
          const foreign = other.allocate(...shape(p));
          expect(() => take(rows, 1, 0, foreign)).toThrow(TypeError);
          expect(() => take(rows, 1, 0, foreign)).toThrow(
            /^\w+: [ACYs] belongs to another backend, expected a slot of this one/,
          );
        }
        const S = other.allocate(p, 1);
        const C = backend.allocate(p, 1);
        const sketch: SketchOf<Slot> = { kind: 'dense', S };
        expect(() => rows.sketchMoment(sketch, 1, 0, C)).toThrow(TypeError);
        expect(() => rows.sketchMoment(sketch, 1, 0, C)).toThrow('belongs to another backend');
        const beyond = Int32Array.of(p);
        expect(() => rows.sketchMoment({ kind: 'columns', indices: beyond }, 1, 0, C)).toThrow(
          `indices[0] is ${p}, expected an integer >= 0`,
        );
        backend.free(C);
      };
      // What is borrowed is kept, once.
      round();
      const before = live();
      round();
      expect(live()).toBe(before);
      for (const { shape, take } of MOMENTS) {
        const old = filled(...shape(p), 3);
        const slot = put(old);
        expect(() => take(rows, Number.NaN, 0, slot)).toThrow(/^\w+: (alpha|weight) is NaN/);
        expect(() => take(rows, 1, Number.NaN, slot)).toThrow(/^\w+: (beta|decay) is NaN/);
        expect(distance(await read(slot), old)).toBe(0);
        backend.free(slot);
      }
      rows.dispose();
    },
  );

  test.prop([drafts], { numRuns: 5 })('dispose frees what was made for the rows', (draft) => {
    const round = () => {
      const rows = draft.make(backend);
      for (const { shape, take } of MOMENTS) {
        const slot = backend.allocate(...shape(rows.cols));
        take(rows, 1, 0, slot);
        backend.free(slot);
      }
      rows.visit(() => undefined);
      rows.dispose();
    };
    // What is borrowed is kept, once.
    round();
    const before = live();
    round();
    expect(live()).toBe(before);
  });
}
