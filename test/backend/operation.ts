// An enqueued operation as data, and the laws that every such operation obeys. The contracts of
// backends and engines are lists of these.

import { describe, expect, test } from 'vitest';
import type { Slot } from '../../src/backend/slot.js';
import { type DType, EPSILON } from '../../src/core/dtype.js';
import { convert, type DenseMatrix } from '../../src/core/matrix.js';
import {
  build,
  combine,
  distance,
  gaussian,
  type Matrix,
  orthogonal,
  rounded,
  transpose,
  uniform,
} from '../support/matrices.js';

/** What backends and engines have in common. */
export interface Device {
  readonly dtype: DType;
  allocate(rows: number, cols: number): Slot;
  write(A: Slot, value: DenseMatrix): void;
  free(A: Slot): void;
  read(A: Slot): DenseMatrix | Promise<DenseMatrix>;
}

type Named<T> = Readonly<Record<string, T>>;

/** Sizes m, p, q, r. A shape is two of these letters; `n` stands for p + 1, `1` for one. */
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

export interface Operation<E extends Device> {
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
  run(device: E, slots: Named<Slot>, sizes: Sizes): void;
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
const SQUARE: Sizes = { m: 3, p: 3, q: 3, r: 3 };

/** Columns that a sketch picks: out of order, with one picked twice where there are two. */
export function picked({ p, r }: Sizes): Int32Array {
  return Int32Array.from({ length: r }, (_, k) => (5 * ((r - k) >> 1) + 3) % p);
}

type Shape = readonly [number, number];

function shapeOf(letters: string, sizes: Sizes): Shape {
  const lengths: Named<number> = { ...sizes, n: sizes.p + 1, 1: 1 };
  return [lengths[letters[0]], lengths[letters[1]]];
}

function mapNamed<T, U>(record: Named<T>, f: (value: T, name: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));
}

/** One value for every operand, as exact in the dtype as the slot will hold it. */
function draw<E extends Device>(
  operation: Operation<E>,
  sizes: Sizes,
  dtype: DType,
): Record<string, Matrix> {
  const random = uniform(sizes.m + 100 * sizes.p + 10_000 * sizes.q);
  const shapes = { ...operation.inputs, ...operation.outputs };
  return mapNamed(shapes, (letters, name) => {
    const [rows, cols] = shapeOf(letters, sizes);
    if (name in operation.outputs && !operation.accumulates) {
      return build(rows, cols, () => Number.NaN);
    }
    const kind = operation.kinds?.[name];
    if (kind === 'orthogonal') return rounded(orthogonal(random, rows), dtype);
    if (kind === 'non-negative') return rounded(build(rows, cols, random), dtype);
    const A = gaussian(random, rows, cols);
    return rounded(kind === 'symmetric' ? combine(1, A, 1, transpose(A)) : A, dtype);
  });
}

/** A new slot holding `value`, rounded to the dtype of the device. */
export function place(device: Device, value: Matrix): Slot {
  const A = device.allocate(value.rows, value.cols);
  device.write(A, convert(value, device.dtype));
  return A;
}

/** What the slot holds, compared with what it should hold. */
export async function expectClose(
  device: Device,
  A: Slot,
  { value, magnitude }: Expected,
  terms: number,
): Promise<void> {
  const tolerance = ROUNDING * terms * EPSILON[device.dtype] * magnitude;
  expect(distance(await device.read(A), value)).toBeLessThanOrEqual(tolerance);
}

async function expectUnchanged(
  device: Device,
  slots: Named<Slot>,
  values: Named<Matrix>,
): Promise<void> {
  for (const [name, A] of Object.entries(slots)) {
    expect(convert(await device.read(A), 'float64').data, name).toEqual(values[name].data);
  }
}

async function expectResult<E extends Device>(
  operation: Operation<E>,
  sizes: Sizes,
  device: E,
  slots: Named<Slot>,
  values: Named<Matrix>,
): Promise<void> {
  const expected = operation.expected(values, sizes);
  operation.run(device, slots, sizes);
  const terms = 4 + sizes.m + sizes.p + sizes.q + sizes.r;
  for (const name of Object.keys(operation.outputs)) {
    await expectClose(device, slots[name], expected[name], terms);
  }
}

/** Declares the tests of one operation. */
export function operationLaws<E extends Device>(
  make: () => E,
  operation: Operation<E>,
  allSizes: readonly Sizes[],
): void {
  const { inputs, outputs } = operation;
  /** How every refusal begins. */
  const routine = new RegExp(`^${operation.name.split(/[ ,]/)[0]}: `);
  const shapes = { ...inputs, ...outputs };

  /** A device with all operands in place. */
  const setUp = (sizes: Sizes) => {
    const device = make();
    const values = draw(operation, sizes, device.dtype);
    return { device, values, slots: mapNamed(values, (value) => place(device, value)) };
  };

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
    test.each(allSizes)('satisfies its equation, m=$m p=$p q=$q r=$r', async (sizes) => {
      const { device, values, slots } = setUp(sizes);
      await expectResult(operation, sizes, device, slots, values);
      const untouched = mapNamed(inputs, (_, name) => slots[name]);
      await expectUnchanged(device, untouched, values);
    });

    test('takes one slot for two inputs', async () => {
      for (const [first, second] of pairs(inputs, inputs, SQUARE)) {
        if (operation.kinds?.[first] !== operation.kinds?.[second]) continue;
        const { device, values, slots } = setUp(SQUARE);
        slots[second] = slots[first];
        values[second] = values[first];
        await expectResult(operation, SQUARE, device, slots, values);
      }
    });

    test('works in place exactly where it says so', async () => {
      for (const sizes of [SQUARE, ONE]) {
        for (const [input, output] of pairs(shapes, outputs, sizes)) {
          const { device, values, slots } = setUp(sizes);
          slots[output] = slots[input];
          values[output] = values[input];
          if (isInPlace(input, output)) {
            await expectResult(operation, sizes, device, slots, values);
          } else {
            const call = () => operation.run(device, slots, sizes);
            expect(call, `${input} = ${output}`).toThrow(routine);
            await expectUnchanged(device, slots, values);
          }
        }
      }
    });

    test('refuses wrong shapes and changes nothing', async () => {
      for (const [name, letters] of Object.entries(shapes)) {
        for (const k of [0, 1]) {
          if (operation.free?.includes(letters[k])) continue;
          const { device, values, slots } = setUp(SMALL);
          const [rows, cols] = shapeOf(letters, SMALL);
          values[name] = build(rows + (k === 0 ? 1 : 0), cols + k, () => 1);
          slots[name] = place(device, values[name]);
          const call = () => operation.run(device, slots, SMALL);
          expect(call, name).toThrow(RangeError);
          expect(call, name).toThrow(routine);
          await expectUnchanged(device, slots, values);
        }
      }
    });

    test('refuses slots of another owner and changes nothing', async () => {
      for (const name of Object.keys(shapes)) {
        const { device, values, slots } = setUp(SMALL);
        const foreign = place(make(), values[name]);
        const call = () => operation.run(device, { ...slots, [name]: foreign }, SMALL);
        expect(call, name).toThrow(TypeError);
        expect(call, name).toThrow(routine);
        await expectUnchanged(device, slots, values);
      }
    });

    test('refuses freed slots and changes nothing', async () => {
      for (const name of Object.keys(shapes)) {
        const { device, values, slots } = setUp(SMALL);
        const { [name]: gone, ...others } = slots;
        device.free(gone);
        const call = () => operation.run(device, slots, SMALL);
        expect(call, name).toThrow(routine);
        expect(call, name).toThrow(/freed/);
        await expectUnchanged(device, others, values);
      }
    });
  });
}
