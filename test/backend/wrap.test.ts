// Slots on memory of the caller: shared, told apart to the element, and looked at before each use.

import { describe, expect, test } from 'vitest';
import { upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { DTYPES, type DType } from '../../src/core/dtype.js';
import { convert, copyInto, type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { transferred } from '../support/buffers.js';
import { build } from '../support/matrices.js';
import { backendOperations } from './backend.operations.js';
import { draw, expectResult, expectUnchanged, mapNamed, routineOf, SQUARE } from './operation.js';

describe.each(DTYPES)('cpuBackend.wrap, %s', (dtype) => {
  const counting = () =>
    convert(
      build(4, 5, (i, j) => 10 * i + j),
      dtype,
    );

  test('shares memory both ways', () => {
    const backend = cpuBackend(dtype);
    const value = counting();
    const A = backend.wrap(value);
    expect([A.rows, A.cols, A.dtype]).toEqual([4, 5, dtype]);
    backend.axpby(1, upload(backend, counting()), 1, A);
    expect(value.at(3, 4)).toBe(68);
    value.set(3, 4, 1);
    expect(backend.readSync(A).at(3, 4)).toBe(1);
  });

  test('of a view changes only what the view shows', () => {
    const backend = cpuBackend(dtype);
    const value = counting();
    const A = backend.wrap(value.view(1, 2, 2, 3));
    backend.axpby(0, A, 0, A);
    expect(value.toArrays()).toEqual([
      [0, 1, 2, 3, 4],
      [10, 11, 0, 0, 0],
      [20, 21, 0, 0, 0],
      [30, 31, 32, 33, 34],
    ]);
  });

  test('refuses the other dtype, and what is no matrix', () => {
    const other = dtype === 'float32' ? 'float64' : 'float32';
    const value: DenseMatrix = zeros(other, 2, 2);
    const backend = cpuBackend<DType>(dtype);
    expect(() => backend.wrap(value)).toThrow(
      new TypeError(`wrap: A holds ${other}, expected ${dtype}`),
    );
    const nothing: DenseMatrix = JSON.parse('null');
    expect(() => backend.wrap(nothing)).toThrow(
      new TypeError('wrap: A is null, expected a DenseMatrix'),
    );
  });

  test('leaves the memory alone when the slot is freed', () => {
    const backend = cpuBackend(dtype);
    const value = counting();
    backend.free(backend.wrap(value));
    expect(value.toArrays()).toEqual(counting().toArrays());
  });

  test('a value that overlaps the slot is written as it was before', () => {
    const backend = cpuBackend(dtype);
    const value = counting();
    const A = backend.wrap(value.view(1, 0, 3, 5));
    backend.write(A, value.view(0, 0, 3, 5));
    expect(value.toArrays().map((row) => row[1])).toEqual([1, 1, 11, 21]);
  });

  test('firstOverlap names two slots that share memory, and none that lie side by side', () => {
    const backend = cpuBackend(dtype);
    const value = counting();
    const [left, middle, right] = [0, 1, 2].map((from) => backend.wrap(value.view(0, from, 4, 2)));
    expect(backend.firstOverlap?.([left, right])).toBe(undefined);
    expect(backend.firstOverlap?.([left, right, middle])).toContain(2);
  });

  describe.each(backendOperations)('$name', (operation) => {
    const { inputs, outputs } = operation;

    /** The operands, those of `shared` in one buffer, each from the row on where the one before it ends or `rows` earlier. */
    const setUp = (shared: readonly string[], rows: number) => {
      const backend = cpuBackend<DType>(dtype);
      const values = draw(operation, SQUARE, dtype);
      const whole = zeros<DType>(dtype, 16, 8);
      let row = 0;
      const matrices = mapNamed(values, (value, name) => {
        if (!shared.includes(name)) return convert<DType>(value, dtype);
        const view = whole.view(row, 1, value.rows, value.cols);
        row += value.rows - rows;
        copyInto(value, view);
        return view;
      });
      const held = mapNamed(matrices, (A) => convert(A, 'float64'));
      return { backend, matrices, values: held, slots: mapNamed(matrices, (A) => backend.wrap(A)) };
    };

    const pairs = Object.keys(inputs).flatMap((input) =>
      Object.keys(outputs).map((output): readonly [string, string] => [input, output]),
    );

    test('takes an output beside an input in one buffer', async () => {
      for (const pair of pairs) {
        const { backend, values, slots } = setUp(pair, 0);
        await expectResult(operation, SQUARE, backend, slots, values);
      }
    });

    test('refuses an output that overlaps an input, and changes nothing', async () => {
      for (const [input, output] of pairs) {
        const { backend, values, slots } = setUp([input, output], 1);
        const call = () => operation.run(backend, slots, SQUARE);
        expect(call).toThrow(RangeError);
        expect(call).toThrow(`${routineOf(operation)}${output} shares memory with ${input}, `);
        await expectUnchanged(backend, slots, values);
      }
    });

    test('refuses a matrix whose buffer has gone, and changes nothing', async () => {
      for (const name of Object.keys({ ...inputs, ...outputs })) {
        const { backend, matrices, values, slots } = setUp([], 0);
        transferred(matrices[name]);
        const call = () => operation.run(backend, slots, SQUARE);
        expect(call, name).toThrow(TypeError);
        expect(call, name).toThrow(`${routineOf(operation)}${name} has a buffer of 0 bytes`);
        const { [name]: _, ...others } = slots;
        await expectUnchanged(backend, others, values);
      }
    });
  });

  test('a slot whose buffer has gone is refused by name, and can be freed', () => {
    const backend = cpuBackend(dtype);
    const value = counting();
    const A = backend.wrap(value);
    transferred(value);
    const uses = {
      write: () => backend.write(A, counting()),
      read: () => backend.read(A),
      readSync: () => backend.readSync(A),
      bound: () => backend.bound(A),
    };
    for (const [routine, use] of Object.entries(uses)) {
      expect(use).toThrow(TypeError);
      expect(use).toThrow(`${routine}: A has a buffer of 0 bytes (transferred or shrunk?)`);
    }
    expect(() => backend.firstOverlap?.([backend.allocate(1, 1), A])).toThrow(
      /^firstOverlap: slots\[1\] has a buffer of 0 bytes/,
    );
    backend.free(A);
  });
});
