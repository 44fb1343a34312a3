// An operation as data, and the laws that every operation obeys.

import { describe, expect, test } from 'vitest';
import type { Backend, Slot } from '../../src/backend/backend.js';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert } from '../../src/core/matrix.js';
import { placeRounded } from '../support/backends.js';
import {
  build,
  combine,
  distance,
  filled,
  gaussian,
  type Matrix,
  map,
  orthogonal,
  rounded,
  transpose,
  uniform,
} from '../support/matrices.js';

/** What operands have, by the names that the contract gives them. */
export type Named<T> = Readonly<Record<string, T>>;

/** Sizes m, p, q, r. A shape is two of these letters; `n` stands for p + r, `1` for one. */
export interface Sizes {
  readonly m: number;
  readonly p: number;
  readonly q: number;
  readonly r: number;
}

/** The true result, and the product of norms that its rounding errors are proportional to. */
export interface Expected {
  readonly value: Matrix;
  readonly magnitude: number;
}

/** Operands are named as in the contract, so that its messages are known. */
export interface Operation {
  /** The routine, and what tells this use of it from the others. */
  readonly name: string;
  readonly inputs: Named<string>;
  readonly outputs: Named<string>;
  /** Whether the old content of the outputs counts; where not, it is NaN before the call. */
  readonly accumulates: boolean;
  /** Letters that a single operand decides, so that no shape is wrong on their account. */
  readonly free?: string;
  /** Inputs that an output may be, as [input, output]. */
  readonly inPlace?: readonly (readonly [string, string])[];
  /** Operands that are not just Gaussian. */
  readonly kinds?: Named<'non-negative' | 'orthogonal' | 'symmetric'>;
  run(backend: Backend, slots: Named<Slot>, sizes: Sizes): void;
  /** What the outputs must hold, from what all operands hold. */
  expected(operands: Named<Matrix>, sizes: Sizes): Named<Expected>;
}

/** Rounding errors stay below this many times n·eps·magnitude, n the longest sum of products. */
const ROUNDING = 4;

/** Tiny, ragged against every block size in sight, square and beyond one block. */
export const SIZES: readonly Sizes[] = [
  { m: 1, p: 1, q: 1, r: 1 },
  { m: 5, p: 7, q: 3, r: 2 },
  { m: 8, p: 8, q: 8, r: 8 },
  { m: 33, p: 17, q: 9, r: 4 },
  { m: 19, p: 70, q: 37, r: 13 },
];

/** Shapes with no elements, and products with no terms. */
export const EMPTY: readonly Sizes[] = [
  { m: 0, p: 4, q: 3, r: 2 },
  { m: 4, p: 0, q: 3, r: 0 },
  { m: 4, p: 3, q: 0, r: 2 },
  { m: 4, p: 3, q: 2, r: 0 },
  { m: 0, p: 0, q: 0, r: 0 },
];

const SMALL: Sizes = { m: 3, p: 4, q: 2, r: 2 };
const ONE: Sizes = { m: 1, p: 1, q: 1, r: 1 };
/** Every operand but `s` and `n` has one shape. */
export const SQUARE: Sizes = { m: 3, p: 3, q: 3, r: 3 };

/** Columns that a sketch picks: out of order, with one picked twice where there are two. */
export function picked({ p, r }: Sizes): Int32Array {
  return Int32Array.from({ length: r }, (_, k) => (5 * ((r - k) >> 1) + 3) % p);
}

type Shape = readonly [number, number];

/** The rows and columns that two letters stand for. */
function shapeOf(letters: string, sizes: Sizes): Shape {
  const lengths: Named<number> = { ...sizes, n: sizes.p + sizes.r, 1: 1 };
  return [lengths[letters[0]], lengths[letters[1]]];
}

/** `f` of every value. */
export function mapNamed<T, U>(
  record: Named<T>,
  f: (value: T, name: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));
}

/** One value for every operand, as exact in the dtype as the slot will hold it. */
export function draw(operation: Operation, sizes: Sizes, dtype: DType): Record<string, Matrix> {
  const random = uniform(sizes.m + 100 * sizes.p + 10_000 * sizes.q);
  const shapes = { ...operation.inputs, ...operation.outputs };
  return mapNamed(shapes, (letters, name) => {
    const [rows, cols] = shapeOf(letters, sizes);
    if (name in operation.outputs && !operation.accumulates) {
      return filled(rows, cols, Number.NaN);
    }
    const kind = operation.kinds?.[name];
    if (kind === 'orthogonal') return rounded(orthogonal(random, rows), dtype);
    if (kind === 'non-negative') return rounded(build(rows, cols, random), dtype);
    const A = gaussian(random, rows, cols);
    return rounded(kind === 'symmetric' ? combine(1, A, 1, transpose(A)) : A, dtype);
  });
}

/** What the slot holds, compared with what it should hold. */
export async function expectClose(
  backend: Backend,
  A: Slot,
  { value, magnitude }: Expected,
  terms: number,
): Promise<void> {
  const tolerance = ROUNDING * terms * EPSILON[backend.dtype] * magnitude;
  expect(distance(await backend.read(A), value)).toBeLessThanOrEqual(tolerance);
}

/** What the slots hold is still `values`, to the last bit. */
export async function expectUnchanged(
  backend: Backend,
  slots: Named<Slot>,
  values: Named<Matrix>,
): Promise<void> {
  for (const [name, A] of Object.entries(slots)) {
    expect(convert(await backend.read(A), 'float64').data, name).toEqual(values[name].data);
  }
}

/** Runs the operation, whose operands hold `values`; its outputs must be what they should be. */
export async function expectResult(
  operation: Operation,
  sizes: Sizes,
  backend: Backend,
  slots: Named<Slot>,
  values: Named<Matrix>,
): Promise<void> {
  const expected = operation.expected(values, sizes);
  operation.run(backend, slots, sizes);
  const terms = 4 + sizes.m + sizes.p + sizes.q + sizes.r;
  for (const name of Object.keys(operation.outputs)) {
    await expectClose(backend, slots[name], expected[name], terms);
  }
}

/** A backend with all operands in place. */
function setUp(make: () => Backend, operation: Operation, sizes: Sizes) {
  const backend = make();
  const values = draw(operation, sizes, backend.dtype);
  return { backend, values, slots: mapNamed(values, (value) => placeRounded(backend, value)) };
}

/** How every message of an operation begins. */
export function routineOf(operation: Operation): string {
  return `${operation.name.split(/[ ,]/)[0]}: `;
}

/** Which elements are NaN. */
function broken(A: Matrix): boolean[][] {
  return A.toArrays().map((row) => row.map(Number.isNaN));
}

/** Declares that an operation satisfies its equation and leaves its inputs alone. */
export function equationLaw(
  make: () => Backend,
  operation: Operation,
  allSizes: readonly Sizes[],
): void {
  test.each(allSizes)(
    `${operation.name} satisfies its equation, m=$m p=$p q=$q r=$r`,
    async (sizes) => {
      const { backend, values, slots } = setUp(make, operation, sizes);
      await expectResult(operation, sizes, backend, slots, values);
      const inputs = mapNamed(operation.inputs, (_, name) => slots[name]);
      await expectUnchanged(backend, inputs, values);
    },
  );
}

/** Declares the tests of one operation. */
export function operationLaws(
  make: () => Backend,
  operation: Operation,
  allSizes: readonly Sizes[],
): void {
  const { inputs, outputs } = operation;
  const routine = new RegExp(`^${routineOf(operation)}`);
  const shapes = { ...inputs, ...outputs };

  /** The pairs of operands that have one shape at these sizes. */
  const pairs = (firsts: Named<string>, seconds: Named<string>, sizes: Sizes) =>
    Object.keys(firsts).flatMap((first) =>
      Object.keys(seconds)
        .filter((second) => first !== second)
        .filter((second) =>
          [0, 1].every(
            (k) => shapeOf(shapes[first], sizes)[k] === shapeOf(shapes[second], sizes)[k],
          ),
        )
        .map((second): readonly [string, string] => [first, second]),
    );
  const isInPlace = (input: string, output: string) =>
    operation.inPlace?.some((pair) => pair[0] === input && pair[1] === output) ?? false;

  describe(operation.name, () => {
    equationLaw(make, operation, allSizes);

    test('gives NaN where its equation does, for each operand that is NaN', async () => {
      for (const name of Object.keys(shapes)) {
        if (name in outputs && !operation.accumulates) continue;
        const { backend, values, slots } = setUp(make, operation, SMALL);
        values[name] = map(values[name], () => Number.NaN);
        slots[name] = placeRounded(backend, values[name]);
        operation.run(backend, slots, SMALL);
        const expected = operation.expected(values, SMALL);
        for (const output of Object.keys(outputs)) {
          const content = convert(await backend.read(slots[output]), 'float64');
          expect(broken(content), `${name} to ${output}`).toEqual(broken(expected[output].value));
        }
      }
    });

    test('takes one slot for two inputs', async () => {
      for (const [first, second] of pairs(inputs, inputs, SQUARE)) {
        if (operation.kinds?.[first] !== operation.kinds?.[second]) continue;
        const { backend, values, slots } = setUp(make, operation, SQUARE);
        slots[second] = slots[first];
        values[second] = values[first];
        await expectResult(operation, SQUARE, backend, slots, values);
      }
    });

    test('works in place exactly where it says so', async () => {
      for (const sizes of [SQUARE, ONE]) {
        for (const [input, output] of pairs(inputs, outputs, sizes)) {
          const { backend, values, slots } = setUp(make, operation, sizes);
          slots[output] = slots[input];
          values[output] = values[input];
          if (isInPlace(input, output)) {
            await expectResult(operation, sizes, backend, slots, values);
          } else {
            const call = () => operation.run(backend, slots, sizes);
            expect(call, `${input} = ${output}`).toThrow(RangeError);
            expect(call, `${input} = ${output}`).toThrow(
              new RegExp(`${routine.source}${output} is the slot of ${input} too`),
            );
            await expectUnchanged(backend, slots, values);
          }
        }
      }
    });

    test('refuses wrong shapes and changes nothing', async () => {
      for (const [name, letters] of Object.entries(shapes)) {
        for (const k of [0, 1]) {
          if (operation.free?.includes(letters[k])) continue;
          const { backend, values, slots } = setUp(make, operation, SMALL);
          const [rows, cols] = shapeOf(letters, SMALL);
          values[name] = filled(rows + (k === 0 ? 1 : 0), cols + k, 1);
          slots[name] = placeRounded(backend, values[name]);
          const call = () => operation.run(backend, slots, SMALL);
          expect(call, name).toThrow(RangeError);
          expect(call, name).toThrow(routine);
          await expectUnchanged(backend, slots, values);
        }
      }
    });

    test('refuses slots of another backend and changes nothing', async () => {
      for (const name of Object.keys(shapes)) {
        const { backend, values, slots } = setUp(make, operation, SMALL);
        const foreign = placeRounded(make(), values[name]);
        const call = () => operation.run(backend, { ...slots, [name]: foreign }, SMALL);
        expect(call, name).toThrow(TypeError);
        expect(call, name).toThrow(new RegExp(`${routine.source}${name} belongs to another`));
        await expectUnchanged(backend, slots, values);
      }
    });

    test('refuses freed slots and changes nothing', async () => {
      for (const name of Object.keys(shapes)) {
        const { backend, values, slots } = setUp(make, operation, SMALL);
        const { [name]: gone, ...others } = slots;
        backend.free(gone);
        const call = () => operation.run(backend, slots, SMALL);
        expect(call, name).toThrow(TypeError);
        expect(call, name).toThrow(new RegExp(`${routine.source}${name} was freed`));
        await expectUnchanged(backend, others, values);
      }
    });
  });
}
