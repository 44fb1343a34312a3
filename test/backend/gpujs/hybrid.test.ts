// The hybrid backend: both contracts wherever the crossover lies, and work where it belongs.

import { describe, expect, test, vi } from 'vitest';
import { engineFrom } from '../../../src/backend/compose.js';
import { readNow, upload } from '../../../src/backend/engine.js';
import { hybridOf } from '../../../src/backend/gpujs/hybrid.js';
import { gpuBackend, hybridBackend } from '../../../src/backend/gpujs/index.js';
import { convert } from '../../../src/core/matrix.js';
import { testDevice } from '../../support/gpu.js';
import { doubleOf } from '../../support/gpujs-double.js';
import { build, gaussian, norm, product, rounded, uniform } from '../../support/matrices.js';
import { backendContract } from '../backend.contract.js';
import { engineContract } from '../engine.contract.js';
import { EMPTY, expectClose, SIZES } from '../operation.js';

const sizes = [SIZES[1], SIZES[3], EMPTY[1]];
for (const [reading, crossover] of [
  ['sync', 0],
  ['sync', 100],
  ['async', 100],
] as const) {
  const { backend } = await testDevice({ mode: 'cpu', reading });
  const make = () => hybridOf(backend(), crossover);
  const name = `the hybrid from ${crossover} multiply-adds, read ${reading}`;
  backendContract(name, make, sizes);
  engineContract(`the engine of ${name}`, () => engineFrom(make()), sizes, 3);
}

/** A hybrid on a double, and what the double is asked to do. */
async function counted(reading: 'sync' | 'async', crossover: number) {
  const count = { run: 0, read: 0 };
  const { GPU, textures } = doubleOf({
    devices: ['webgl2'],
    observe: (event) => {
      count[event] += 1;
    },
  });
  const options = { mode: 'webgl2', crossover } as const;
  const backend = await (reading === 'sync'
    ? hybridBackend(GPU, { ...options, reading })
    : hybridBackend(GPU, { ...options, reading }));
  await backend.settled();
  count.run = 0;
  count.read = 0;
  return { backend, count, textures };
}

describe.each(['sync', 'async'] as const)('read %s', (reading) => {
  const X = rounded(gaussian(uniform(1), 8, 8), 'float32');
  const single = () => convert(X, 'float32');

  test('small work leaves the device alone', async () => {
    const { backend, count, textures } = await counted(reading, 8 ** 3 + 1);
    const [A, C] = [upload(backend, single()), backend.allocate(8, 8)];
    backend.gemm(1, A, 'N', A, 'T', 0, C);
    backend.axpby(1, A, 1, C);
    await backend.read(C);
    await backend.settled();
    expect(count).toEqual({ run: 0, read: 0 });
    expect(textures()).toBe(0);
  });

  test('large work goes there with its operands, and small work on its outcome follows', async () => {
    const { backend, count } = await counted(reading, 8 ** 3);
    const [A, C, s] = [upload(backend, single()), backend.allocate(8, 8), backend.allocate(1, 1)];
    backend.gemm(1, A, 'N', A, 'T', 0, C);
    await backend.settled();
    // Two launches: A is uploaded once.
    expect(count).toEqual({ run: 2, read: 0 });
    backend.axpby(1, A, 1, C);
    backend.dot(1, C, C, 0, s);
    await backend.settled();
    expect(count).toEqual({ run: 5, read: 0 });
    const value = build(8, 8, (i, j) => product(X, 'N', X, 'T').at(i, j) + X.at(i, j));
    await expectClose(backend, C, { value, magnitude: norm(X) ** 2 + norm(X) }, 8 + 2);
  });

  test('thin factors are not worth the way, but worth the work once the device has them', async () => {
    const { backend, count } = await counted(reading, 8 ** 3);
    const Y = gaussian(uniform(2), 8, 64);
    const [A, S] = [
      upload(backend, convert(Y, 'float32')),
      upload(
        backend,
        convert(
          build(64, 1, () => 1),
          'float32',
        ),
      ),
    ];
    const [y, C] = [backend.allocate(8, 1), backend.allocate(8, 8)];
    // As many multiply-adds as the crossover asks for, and three times as many elements.
    backend.gemm(1, A, 'N', S, 'N', 0, y);
    await backend.settled();
    expect(count).toEqual({ run: 0, read: 0 });
    backend.gemm(1, A, 'N', A, 'T', 0, C);
    backend.gemm(1, A, 'N', S, 'N', 0, y);
    await backend.settled();
    // A and its product, and then S and its.
    expect(count).toEqual({ run: 4, read: 0 });
  });

  test('what is overwritten on the host gives the device its memory back', async () => {
    const { backend, textures } = await counted(reading, 8 ** 3);
    const [A, C] = [upload(backend, single()), backend.allocate(8, 8)];
    backend.gemm(1, A, 'N', A, 'T', 0, C);
    await backend.settled();
    expect(textures()).toBe(2);
    backend.write(C, single());
    backend.axpby(0.5, C, 0, A);
    await backend.settled();
    expect(textures()).toBe(0);
    const half = build(8, 8, (i, j) => X.at(i, j) / 2);
    await expectClose(backend, A, { value: half, magnitude: 0 }, 1);
    for (const slot of [A, C]) backend.free(slot);
  });
});

test('what was read at once is on the host too, and small work on it stays there', async () => {
  const { backend, count } = await counted('sync', 1);
  const A = upload(
    backend,
    convert(
      build(4, 4, (i, j) => i + j),
      'float32',
    ),
  );
  const C = backend.allocate(4, 4);
  backend.gemm(1, A, 'N', A, 'N', 0, C);
  await backend.read(C);
  expect(count).toEqual({ run: 2, read: 1 });
  await backend.read(C);
  backend.axpby(1, C, 0, A);
  expect(count).toEqual({ run: 2, read: 1 });
});

test('what is read later decides nothing', async () => {
  const { backend, count } = await counted('async', 1);
  const A = upload(
    backend,
    convert(
      build(4, 4, (i, j) => i + j),
      'float32',
    ),
  );
  const C = backend.allocate(4, 4);
  backend.gemm(1, A, 'N', A, 'N', 0, C);
  await backend.read(C);
  backend.axpby(1, C, 0, A);
  await backend.settled();
  expect(count).toEqual({ run: 3, read: 1 });
});

test('a hybrid says what it is made of, and from where the device pays', async () => {
  const { backend } = await counted('sync', 12345);
  const { GPU } = doubleOf({ devices: ['webgl2'] });
  const gpu = await gpuBackend(GPU, { reading: 'sync' });
  expect(backend.info).toMatchObject({ name: 'hybrid', crossover: 12345, threads: 1 });
  expect(backend.info.variant).toMatch(/ and webgl2$/);
  expect(backend.info.error).toBe(gpu.info.error);
  expect(backend.memory().textures).toBe(0);
  await backend.dispose();
});

test('a crossover that is not given is measured', async () => {
  let time = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => time);
  try {
    // The device takes a second a launch, and the host no time.
    const observe = () => {
      time += 1000;
    };
    const { GPU } = doubleOf({ devices: ['webgl2'], observe });
    const backend = await hybridBackend(GPU, { reading: 'sync' });
    expect(clock).toHaveBeenCalled();
    expect(backend.info.crossover).toBe(Number.POSITIVE_INFINITY);
    const A = upload(
      backend,
      convert(
        build(2, 2, () => 1),
        'float32',
      ),
    );
    expect(readNow(backend, A).at(1, 1)).toBe(1);
  } finally {
    clock.mockRestore();
  }
});

test('without a device the CPU does everything', async () => {
  const { GPU } = doubleOf();
  const { info } = await hybridBackend(GPU, { crossover: 0 });
  expect(info.name).toBe('cpu');
  expect(info.handedOver).toContain('which is no GPU');
});

test.each([-1, Number.NaN])('a crossover of %d is refused', async (crossover) => {
  const { GPU } = doubleOf({ devices: ['webgl2'] });
  await expect(hybridBackend(GPU, { crossover })).rejects.toThrow(
    new RangeError(`hybridBackend: crossover is ${crossover}, expected a number >= 0`),
  );
});
