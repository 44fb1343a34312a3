// A device that goes away before it says so, and one that was given back.

import { describe, expect, test } from 'vitest';
import {
  GpuContextLostError,
  GpuDisposedError,
  GpuDTypeError,
  gpuBackend,
  hybridBackend,
} from '../../../src/backend/gpujs/index.js';
import type { Slot } from '../../../src/backend/slot.js';
import { type DenseMatrix, zeros } from '../../../src/core/matrix.js';
import { doubleOf } from '../../support/gpujs-double.js';

const ones = zeros('float32', 2, 2);
ones.data.fill(1);

/** A write as plain JavaScript may do it. */
function untypedWrite(
  backend: { readonly write: (A: Slot<'float32'>, value: DenseMatrix<'float32'>) => void },
  ...operands: readonly unknown[]
): unknown {
  return Reflect.apply(backend.write, backend, operands);
}

describe('a device that goes away', () => {
  test('and yields zeros before it says so is lost all the same', async () => {
    const double = doubleOf({ devices: ['webgl2'] });
    const backend = await gpuBackend(double.GPU, { reading: 'sync' });
    if (backend.reading !== 'sync') throw new Error('expected a device that reads at once');
    const A = backend.allocate(2, 2);
    backend.write(A, ones);
    expect(backend.read(A).toArrays()).toEqual(ones.toArrays());
    double.crash('zeros');
    expect(() => backend.read(A)).toThrow(GpuContextLostError);
  });

  test('and yields zeros to a read that comes later is lost too', async () => {
    const double = doubleOf({ devices: ['webgl2'] });
    const backend = await gpuBackend(double.GPU, { mode: 'webgl2', reading: 'async' });
    const A = backend.allocate(2, 2);
    backend.write(A, ones);
    expect((await backend.read(A)).toArrays()).toEqual(ones.toArrays());
    double.crash('zeros');
    await expect(backend.read(A)).rejects.toThrow(GpuContextLostError);
  });

  test('and fails before it says so is lost once it does', async () => {
    const double = doubleOf({ devices: ['webgl2'] });
    const backend = await gpuBackend(double.GPU, { mode: 'webgl2', reading: 'async' });
    const A = backend.allocate(2, 2);
    backend.write(A, ones);
    await backend.settled();
    double.crash('error');
    backend.axpby(1, A, 0, backend.allocate(2, 2));
    await expect(backend.settled()).rejects.toThrow('the device went away');
    double.lose();
    expect(() => backend.axpby(1, A, 0, backend.allocate(2, 2))).toThrow(GpuContextLostError);
    await expect(backend.settled()).rejects.toThrow(GpuContextLostError);
    await expect(backend.read(A)).rejects.toThrow(GpuContextLostError);
  });

  test('while it is read is lost', async () => {
    const lost = { now: false };
    const double = doubleOf({
      devices: ['webgl2'],
      observe: (event) => {
        if (!lost.now || event !== 'read') return;
        double.lose();
        throw new Error('cannot read');
      },
    });
    const backend = await gpuBackend(double.GPU, { reading: 'sync' });
    if (backend.reading !== 'sync') throw new Error('expected a device that reads at once');
    const A = backend.allocate(2, 2);
    backend.write(A, ones);
    lost.now = true;
    expect(() => backend.read(A)).toThrow(GpuContextLostError);
  });
});

test('a backend that was disposed says so', async () => {
  const backend = await gpuBackend(doubleOf({ devices: ['webgl2'] }).GPU, { reading: 'sync' });
  if (backend.reading !== 'sync') throw new Error('expected a device that reads at once');
  const A = backend.allocate(2, 2);
  backend.write(A, ones);
  await backend.dispose();
  expect(() => backend.read(A)).toThrow(GpuDisposedError);
  expect(() => backend.write(A, ones)).toThrow(GpuDisposedError);
  expect(() => backend.free(A)).not.toThrow();
});

test('elements of float64 are refused whatever computes', async () => {
  const { GPU } = doubleOf({ devices: ['webgl2'] });
  const device = await gpuBackend(GPU, { reading: 'sync' });
  const handedOver = await gpuBackend(doubleOf().GPU);
  const hybrid = await hybridBackend(GPU, { crossover: 1, reading: 'sync' });
  for (const backend of [device, handedOver, hybrid]) {
    const A = backend.allocate(2, 2);
    expect(() => untypedWrite(backend, A, zeros('float64', 2, 2))).toThrow(GpuDTypeError);
  }
});
