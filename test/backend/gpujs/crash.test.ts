// A device that goes away before it says so, and one that was given back.

import { describe, expect, test } from 'vitest';
import { upload } from '../../../src/backend/backend.js';
import {
  GpuContextLostError,
  GpuDisposedError,
  gpuBackend,
} from '../../../src/backend/gpujs/index.js';
import { zeros } from '../../../src/core/matrix.js';
import { readNow } from '../../support/gpu.js';
import { doubleOf } from '../../support/gpujs-double.js';

const ones = zeros('float32', 2, 2);
ones.data.fill(1);

describe('a device that goes away', () => {
  test('and yields zeros before it says so is lost all the same', async () => {
    const double = doubleOf({ devices: ['webgl2'] });
    const backend = await gpuBackend(double.GPU, { reading: 'sync' });
    const A = upload(backend, ones);
    expect(readNow(backend, A).toArrays()).toEqual(ones.toArrays());
    double.crash('zeros');
    expect(() => readNow(backend, A)).toThrow(GpuContextLostError);
    await expect(backend.read(A)).rejects.toThrow(GpuContextLostError);
  });

  test('and yields zeros to a read that comes later is lost too', async () => {
    const double = doubleOf({ devices: ['webgl2'] });
    const backend = await gpuBackend(double.GPU, { mode: 'webgl2', reading: 'async' });
    const A = upload(backend, ones);
    expect((await backend.read(A)).toArrays()).toEqual(ones.toArrays());
    double.crash('zeros');
    await expect(backend.read(A)).rejects.toThrow(GpuContextLostError);
  });

  test('and fails before it says so is lost once it does', async () => {
    const double = doubleOf({ devices: ['webgl2'] });
    const backend = await gpuBackend(double.GPU, { mode: 'webgl2', reading: 'async' });
    const A = upload(backend, ones);
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
    const A = upload(backend, ones);
    lost.now = true;
    expect(() => readNow(backend, A)).toThrow(GpuContextLostError);
  });
});

test('a backend that was disposed says so, and is disposed once', async () => {
  const { GPU, destroyed } = doubleOf({ devices: ['webgl2'] });
  const backend = await gpuBackend(GPU, { reading: 'sync' });
  const A = upload(backend, ones);
  const disposed = backend.dispose();
  expect(() => backend.axpby(1, A, 0, A)).toThrow(GpuDisposedError);
  await disposed;
  await backend.dispose();
  expect(destroyed()).toBe(1);
  expect(() => readNow(backend, A)).toThrow(GpuDisposedError);
  expect(() => backend.write(A, ones)).toThrow(GpuDisposedError);
  expect(() => backend.free(A)).not.toThrow();
});
