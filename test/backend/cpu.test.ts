// The backend of the host keeps both contracts, and wraps memory that is not its own.

import { describe, expect, test } from 'vitest';
import { cpuBackend, cpuEngine } from '../../src/backend/cpu.js';
import { upload } from '../../src/backend/engine.js';
import type { DType } from '../../src/core/dtype.js';
import { convert, DenseMatrix, zeros } from '../../src/core/matrix.js';
import { kernelInfo } from '../../src/kernels/selection.js';
import { build } from '../support/matrices.js';
import { backendContract } from './backend.contract.js';
import { engineContract } from './engine.contract.js';
import { EMPTY, SIZES } from './operation.js';

backendContract('cpuBackend, float64', () => cpuBackend('float64'));
backendContract('cpuBackend, float32', () => cpuBackend('float32'));
engineContract('cpuEngine, float64', () => cpuEngine('float64'), [...SIZES, ...EMPTY]);
engineContract('cpuEngine, float32', () => cpuEngine('float32'), [...SIZES, ...EMPTY]);

const DTYPES: readonly DType[] = ['float32', 'float64'];

describe.each(DTYPES)('cpuEngine.wrap, %s', (dtype) => {
  const counting = () =>
    convert(
      build(4, 5, (i, j) => 10 * i + j),
      dtype,
    );

  test('shares memory both ways', () => {
    const engine = cpuEngine(dtype);
    const value = counting();
    const A = engine.wrap(value);
    expect([A.rows, A.cols, A.dtype]).toEqual([4, 5, dtype]);
    engine.axpby(1, upload(engine, counting()), 1, A);
    expect(value.at(3, 4)).toBe(68);
    value.set(3, 4, 1);
    expect(engine.read(A).at(3, 4)).toBe(1);
  });

  test('of a view changes only what the view shows', () => {
    const engine = cpuEngine(dtype);
    const value = counting();
    const A = engine.wrap(value.view(1, 2, 2, 3));
    engine.axpby(0, A, 0, A);
    expect(value.toArrays()).toEqual([
      [0, 1, 2, 3, 4],
      [10, 11, 0, 0, 0],
      [20, 21, 0, 0, 0],
      [30, 31, 32, 33, 34],
    ]);
  });

  test('refuses the other dtype', () => {
    const other = dtype === 'float32' ? 'float64' : 'float32';
    const value: DenseMatrix = zeros(other, 2, 2);
    expect(() => cpuEngine<DType>(dtype).wrap(value)).toThrow(
      new TypeError(`wrap: A holds ${other}, expected ${dtype}`),
    );
  });

  test('leaves the memory alone when the slot is freed', () => {
    const engine = cpuEngine(dtype);
    const value = counting();
    engine.free(engine.wrap(value));
    expect(value.toArrays()).toEqual(counting().toArrays());
  });

  test('two slots that overlap cannot be input and output, two apart can', () => {
    const engine = cpuEngine(dtype);
    const value = counting();
    const left = engine.wrap(value.view(0, 0, 4, 2));
    const middle = engine.wrap(value.view(0, 1, 4, 2));
    const right = engine.wrap(value.view(0, 2, 4, 2));
    const square = engine.wrap(value.view(0, 0, 2, 2));
    expect(() => engine.axpby(1, left, 0, middle)).toThrow(RangeError);
    expect(() => engine.secondMoment(left, 1, 0, square)).toThrow(RangeError);
    expect(() =>
      engine.innerProduct(1, left, left, 0, engine.wrap(value.view(0, 0, 1, 1))),
    ).toThrow(RangeError);
    expect(() => engine.clip(engine.wrap(value.view(0, 0, 1, 1)), 1, left)).toThrow(RangeError);
    expect(value.toArrays()).toEqual(counting().toArrays());
    engine.axpby(1, left, 0, right);
    expect(value.view(0, 2, 4, 2).toArrays()).toEqual(value.view(0, 0, 4, 2).toArrays());
  });

  test('a value that overlaps the slot is written as it was before', () => {
    const engine = cpuEngine(dtype);
    const value = counting();
    const A = engine.wrap(value.view(1, 0, 3, 5));
    engine.write(A, value.view(0, 0, 3, 5));
    expect(value.toArrays().map((row) => row[1])).toEqual([1, 1, 11, 21]);
  });
});

describe('cpuBackend', () => {
  test('names routine, argument, what came and what was expected', () => {
    const backend = cpuBackend('float64');
    const A = backend.allocate(2, 3);
    const C = backend.allocate(2, 2);
    const foreign = cpuBackend('float64').allocate(2, 3);
    expect(() => backend.gemm(1, A, 'N', A, 'N', 0, C)).toThrow(
      new RangeError('gemm: B is 2×3, expected 3×2'),
    );
    expect(() => backend.gemm(1, A, 'N', foreign, 'T', 0, C)).toThrow(
      new TypeError(
        'gemm: B belongs to another engine, expected a slot of this one (cpu, float64)',
      ),
    );
    backend.free(A);
    expect(() => backend.syrk(1, A, 0, C)).toThrow(
      new TypeError('syrk: A was freed, expected a slot in use'),
    );
  });

  test('refuses an unknown dtype', () => {
    const dtype: DType = JSON.parse('"float16"');
    expect(() => cpuBackend(dtype)).toThrow(
      new RangeError("cpuBackend: dtype is 'float16', expected 'float32' or 'float64'"),
    );
  });

  test('checkFinite finds NaN and Infinity', () => {
    const backend = cpuBackend('float32');
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const A = backend.wrap(new DenseMatrix('float32', 1, 2, Float32Array.of(0, wrong)));
      expect(() => backend.checkFinite('step', 'G', A)).toThrow(
        new RangeError(`step: G holds ${wrong} at row 0, column 1, expected finite numbers`),
      );
    }
  });

  test('clip breaks C where s is NaN, so that it does not pass for a small sum', () => {
    const backend = cpuBackend('float64');
    const C = backend.wrap(
      convert(
        build(1, 2, () => 1),
        'float64',
      ),
    );
    const s = backend.wrap(
      convert(
        build(1, 1, () => Number.NaN),
        'float64',
      ),
    );
    backend.clip(s, 1, C);
    expect(backend.read(C).toArrays()).toEqual([[Number.NaN, Number.NaN]]);
    expect(() => backend.clip(s, Number.NaN, C)).toThrow(RangeError);
  });

  test('says what runs', () => {
    const { info } = cpuBackend('float32');
    const chosen = kernelInfo();
    expect(info).toEqual({
      name: 'cpu',
      variant: `${chosen.kind}-${chosen.variant}`,
      threads: 1,
    });
  });
});
