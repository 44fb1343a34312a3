// Which device is taken, what is refused, and what happens where there is none.

import { GPU } from 'gpu.js';
import { describe, expect, test } from 'vitest';
import { LARGEST_ERROR } from '../../../src/backend/accuracy.js';
import { upload } from '../../../src/backend/backend.js';
import {
  type GpuBackend,
  GpuFallbackError,
  GpuPrecisionError,
  GpuUnavailableError,
  gpuBackend,
} from '../../../src/backend/gpujs/index.js';
import { convert } from '../../../src/core/matrix.js';
import { kernelInfo } from '../../../src/kernels/selection.js';
import { doubleOf } from '../../support/gpujs-double.js';
import { build, type Matrix, product } from '../../support/matrices.js';
import { expectClose } from '../operation.js';

const single = (A: Matrix) => convert(A, 'float32');

const rootsOnCpu = (source: string) => (source.includes('Math.sqrt') ? 'cpu' : undefined);

/** `x` with 11 bits of significand, as many as a mediump float has. */
function half(x: number): number {
  const scale = 2 ** (Math.floor(Math.log2(Math.abs(x))) - 10);
  return x === 0 ? 0 : Math.round(x / scale) * scale;
}

function readingOf(backend: GpuBackend): 'sync' | 'async' {
  return backend.readSync === undefined ? 'async' : 'sync';
}

/** What plain JavaScript may give. */
function untyped(...given: readonly unknown[]): Promise<unknown> {
  return Reflect.apply(gpuBackend, undefined, given);
}

describe('a device', () => {
  test.each([
    [['webgpu', 'webgl2', 'webgl', 'headlessgl'], {}, 'webgpu', 'async'],
    [['webgl', 'webgl2', 'headlessgl'], {}, 'webgl2', 'sync'],
    [['headlessgl'], {}, 'headlessgl', 'sync'],
    [['webgpu', 'webgl2'], { reading: 'sync' }, 'webgl2', 'sync'],
    [['webgl2'], { reading: 'async' }, 'webgl2', 'async'],
    [['webgpu', 'webgl2'], { mode: 'webgl2' }, 'webgl2', 'sync'],
    [['webgpu'], { mode: 'async' }, 'webgpu', 'async'],
    [['webgl2'], { mode: 'async' }, 'webgl2', 'async'],
  ] as const)('out of %j for %j is %s, and reads %s', async (devices, options, mode, reading) => {
    const double = doubleOf({ devices });
    const backend = await gpuBackend(double.GPU, options);
    expect(backend.info).toMatchObject({ name: 'gpu.js', variant: mode });
    expect(backend.info).not.toHaveProperty('handedOver');
    expect(readingOf(backend)).toBe(reading);
    expect(backend.info.error).toBeGreaterThan(0);
    expect(backend.info.error).toBeLessThan(LARGEST_ERROR);
    expect(backend.memory()).toMatchObject({ textures: 0, bytes: 0 });
    expect(double.textures()).toBe(0);
  });

  test('that fails when it is tried gives way to the next', async () => {
    const broken = doubleOf({ devices: ['webgl2'], ranOn: rootsOnCpu });
    await expect(gpuBackend(broken.GPU, { mode: 'webgl2' })).rejects.toThrow(
      new GpuUnavailableError('webgl2', [
        `webgl2: ${new GpuFallbackError('gpu', 'cpu', 'the double was told so').message}`,
      ]),
    );
    expect(broken.destroyed()).toBe(1);
    expect(broken.textures()).toBe(0);
    const { info } = await gpuBackend(broken.GPU, {});
    expect(info.name).toBe('cpu');
  });

  test.each(['webgl2', 'webgpu'] as const)('of half precision (%s) is refused', async (mode) => {
    const double = doubleOf({ devices: [mode], arithmetic: half });
    const refusal = gpuBackend(double.GPU, {});
    await expect(refusal).rejects.toThrow(GpuPrecisionError);
    await expect(refusal).rejects.toThrow(/expected at most 0\.0000076\d* \(float32\)/);
    await expect(refusal).rejects.toMatchObject({ bound: LARGEST_ERROR });
    expect(double.destroyed()).toBe(1);
    const { info } = await gpuBackend(double.GPU, { maxError: 1e-2 });
    expect(info.error).toBeGreaterThan(2 ** -13);
    expect(info.error).toBeLessThan(1e-2);
  });

  test('that computes NaN is refused, whatever is accepted', async () => {
    const double = doubleOf({ devices: ['webgl2'], arithmetic: () => Number.NaN });
    await expect(gpuBackend(double.GPU, { maxError: 1e300 })).rejects.toThrow(GpuPrecisionError);
  });

  test('by name that is not there is an error, and is not replaced', async () => {
    const double = doubleOf({ devices: ['webgl2'] });
    await expect(gpuBackend(double.GPU, { mode: 'webgpu' })).rejects.toThrow(
      new GpuUnavailableError('webgpu', ['webgpu: no adapter']),
    );
    await expect(gpuBackend(double.GPU, { mode: 'webgl' })).rejects.toThrow(GpuUnavailableError);
  });

  test.each(['webgl2', 'webgpu'] as const)(
    '(%s) does not take tiles larger than its limit',
    async (mode) => {
      const double = doubleOf({ devices: [mode], maxTextureSize: 512 });
      await expect(gpuBackend(double.GPU, { tile: 513 })).rejects.toThrow(
        new RangeError('gpuBackend: tile is 513, expected an integer >= 1 and <= 512'),
      );
      const backend = await gpuBackend(double.GPU, {});
      const A = upload(backend, single(build(2, 700, (i, j) => i - j)));
      expect(backend.memory().textures).toBe(mode === 'webgl2' ? 2 : 0);
      expect((await backend.read(A)).at(1, 699)).toBe(-698);
      expect(backend.memory().textures).toBe(2);
    },
  );

  test.each([0, Number.NaN])(
    'whose limit is %d, as a lost one says, cuts no matrix to nothing',
    async (limit) => {
      const double = doubleOf({ devices: ['webgl2'], maxTextureSize: limit });
      const backend = await gpuBackend(double.GPU, {});
      const A = upload(backend, single(build(2, 7, (i, j) => i - j)));
      expect((await backend.read(A)).at(1, 6)).toBe(-5);
    },
  );
});

describe('without a device', () => {
  test('the work goes to the CPU backend, which says so', async () => {
    const backend = await gpuBackend(GPU);
    const cpu = kernelInfo();
    expect(backend.info).toEqual({
      name: 'cpu',
      variant: `${cpu.kind}-${cpu.variant}`,
      threads: cpu.threads,
      handedOver: expect.stringMatching(
        /^GPU\.js offers webasm here, which is no GPU \(webgpu: no adapter; webgl2: .*; webgl: .*; headlessgl: .*\)$/,
      ),
    });
    expect(backend.memory()).toEqual({ textures: 0, bytes: 0, kernels: 0 });
    const A = build(3, 2, (i, j) => i + j);
    const slot = upload(backend, single(A));
    const C = backend.allocate(2, 2);
    backend.gemm(1, slot, 'T', slot, 'N', 0, C);
    await expectClose(backend, C, { value: product(A, 'T', A, 'N'), magnitude: 0 }, 1);
    await backend.settled();
    await backend.dispose();
  });

  test.each(['webasm', 'cpu'] as const)('%s by name is handed over too', async (mode) => {
    const { info } = await gpuBackend(GPU, { mode, reading: 'sync' });
    expect(info.handedOver).toBe(`GPU.js offers ${mode} here, which is no GPU`);
  });

  test('kernels that answer with Promises, as those of version 3 do, are the reason', async () => {
    const { GPU: promising } = doubleOf({ devices: ['webgl2'], promises: true });
    const { info } = await gpuBackend(promising, { reading: 'sync' });
    expect(info.handedOver).toContain('webgl2: GPU.js answered with a Promise');
    await expect(gpuBackend(promising, { mode: 'webgl2', reading: 'sync' })).rejects.toThrow(
      GpuUnavailableError,
    );
  });

  test('a mode by name that runs elsewhere is not to be had', async () => {
    const { GPU: elsewhere } = doubleOf({ devices: ['webgl2'], ranOn: () => 'cpu' });
    await expect(gpuBackend(elsewhere, { mode: 'webgl2' })).rejects.toThrow(
      'gpuBackend: webgl2 is not to be had here: webgl2: it runs on cpu',
    );
  });

  test('WebGPU that cannot even be asked for leaves the other modes', async () => {
    const { GPU: broken } = doubleOf({ devices: ['webgl2'] });
    broken.isWebGPUAvailable = () => Promise.reject(new Error('no permission'));
    expect((await gpuBackend(broken)).info.variant).toBe('webgl2');
  });

  test('reads come as they were asked for', async () => {
    for (const [options, reading] of [
      [{}, 'sync'],
      [{ reading: 'sync' }, 'sync'],
      [{ reading: 'async' }, 'async'],
      [{ mode: 'async' }, 'async'],
    ] as const) {
      expect(readingOf(await gpuBackend(GPU, options))).toBe(reading);
    }
  });

  test('it is an error where that was asked for', async () => {
    await expect(gpuBackend(GPU, { fallback: 'refuse' })).rejects.toThrow(
      /^gpuBackend: a GPU is not to be had here: .*GPU\.js offers webasm, which is no GPU$/,
    );
  });

  test.each(['webasm', 'cpu'] as const)('GPU.js computes on %s if told to', async (mode) => {
    const { info } = await gpuBackend(GPU, { mode, reading: 'sync', fallback: 'gpu.js' });
    expect(info).toMatchObject({ name: 'gpu.js', variant: mode });
    expect(info.error).toBeLessThan(LARGEST_ERROR);
  });
});

describe('options', () => {
  test('that there are not are refused, and told the nearest name', async () => {
    await expect(untyped(GPU, { tiles: 64 })).rejects.toThrow(
      new RangeError(
        "gpuBackend: unknown option 'tiles', expected one of mode, reading, fallback, maxError, tile, kernels; did you mean 'tile'?",
      ),
    );
    await expect(untyped(GPU, { dtype: 'float64' })).rejects.toThrow("unknown option 'dtype'");
  });

  test.each(['webgpu', 'async'])('ask in vain for %s to read at once', async (mode) => {
    await expect(untyped(GPU, { mode, reading: 'sync' })).rejects.toThrow(
      new TypeError(
        `gpuBackend: reading is 'sync', but ${mode} answers later: expected reading 'async' or another mode`,
      ),
    );
  });

  test.each([
    [[undefined], TypeError, 'GPU is undefined'],
    [[() => {}], TypeError, 'GPU is a function, expected the class GPU of gpu.js 2.24 or later'],
    [[GPU, 'webgl2'], TypeError, "options is 'webgl2'"],
    [[GPU, { mode: 'cuda' }], RangeError, "mode is 'cuda'"],
    [[GPU, { reading: 'soon' }], RangeError, "reading is 'soon'"],
    [[GPU, { fallback: 'none' }], RangeError, "fallback is 'none'"],
    [[GPU, { maxError: 0 }], RangeError, 'maxError is 0'],
    [[GPU, { tile: 0.5 }], RangeError, 'tile is 0.5'],
    [[GPU, { kernels: 0 }], RangeError, 'kernels is 0'],
  ])('out of range are refused: %j', async (given, type, message) => {
    const call = untyped(...given);
    await expect(call).rejects.toThrow(type);
    await expect(call).rejects.toThrow(`gpuBackend: ${message}`);
  });
});
