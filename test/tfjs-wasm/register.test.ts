// Registering our kernels: what it changes, what it takes back, and what it refuses.

import { beforeEach, describe, expect, test, vi } from 'vitest';
import { registerKernels } from '../../src/tfjs-wasm/index.js';
import { asWasmBackend } from '../../src/tfjs-wasm/tensorflow.js';
import { tf } from './backend.js';

/** The kernels of the wasm backend by their names. */
function kernels(): ReadonlyMap<string, unknown> {
  return new Map(tf.getKernelsForBackend('wasm').map((kernel) => [kernel.kernelName, kernel]));
}

/** A product, and the gradient of a filter, which TensorFlow.js has none of on wasm. */
function compute(): number[][] {
  return tf.tidy(() => {
    const x = tf.ones([2, 4, 4, 3]).as4D(2, 4, 4, 3);
    const gradient = tf.grad((filter) => tf.conv2d(x, filter.as4D(3, 3, 3, 5), 1, 'same'));
    const product = tf.matMul(tf.ones([3, 2]), tf.ones([4, 2]), false, true);
    return [product, gradient(tf.ones([3, 3, 3, 5]))].map((t) => Array.from(t.dataSync()));
  });
}

beforeEach(() => tf.setBackend('wasm'));

describe('registering', () => {
  test('puts kernels in the place of others, and takes them back', async () => {
    const before = kernels();
    const handle = await registerKernels(tf);
    const during = kernels();
    expect(handle.names.length).toBeGreaterThan(0);
    expect(new Set(handle.names).size).toBe(handle.names.length);
    for (const name of handle.names) {
      expect(during.get(name)).toBeDefined();
      expect(during.get(name)).not.toBe(before.get(name));
    }
    expect(compute()).toEqual([Array.from({ length: 12 }, () => 2), expect.anything()]);
    handle.restore();
    // The very objects.
    const after = kernels();
    expect([...after.keys()].toSorted()).toEqual([...before.keys()].toSorted());
    for (const [name, kernel] of after) expect(kernel).toBe(before.get(name));
    expect(compute).toThrow('Conv2DBackpropFilter');
  });

  test('once more gives the same handle, and once more restored nothing happens', async () => {
    const before = kernels();
    const [first, second] = await Promise.all([registerKernels(tf), registerKernels(tf)]);
    const third = await registerKernels(tf);
    expect(second).toBe(first);
    expect(third).toBe(first);
    first.restore();
    const anew = await registerKernels(tf);
    expect(anew).not.toBe(first);
    const during = kernels();
    first.restore();
    expect(kernels()).toEqual(during);
    anew.restore();
    anew.restore();
    expect(kernels()).toEqual(before);
  });

  test('leaves what somebody else has registered since', async () => {
    const stock = tf.getKernel('BatchMatMul', 'wasm');
    const handle = await registerKernels(tf);
    const theirs = { ...stock };
    tf.unregisterKernel('BatchMatMul', 'wasm');
    tf.registerKernel(theirs);
    handle.restore();
    expect(tf.getKernel('BatchMatMul', 'wasm')).toBe(theirs);
    tf.unregisterKernel('BatchMatMul', 'wasm');
    tf.registerKernel(stock);
  });
});

describe('memory', () => {
  test('of every tensor and of the workspace is given back', async () => {
    const { wasm } = asWasmBackend('test', tf.findBackend('wasm'), tf.version_core).backend;
    // At the first call, both replace themselves.
    wasm._free(wasm._malloc(1));
    const malloc = vi.spyOn(wasm, '_malloc');
    const free = vi.spyOn(wasm, '_free');
    const kept = [tf.memory().numTensors, tf.backend().numDataIds()];
    const handle = await registerKernels(tf);
    compute();
    expect([tf.memory().numTensors, tf.backend().numDataIds()]).toEqual(kept);
    expect(free.mock.calls.length).toBeLessThan(malloc.mock.calls.length);
    handle.restore();
    const taken = malloc.mock.results.map(({ value }) => value >>> 0);
    const given = free.mock.calls.map(([address]) => address >>> 0);
    expect(new Set(given)).toEqual(new Set(taken));
    expect(given.length).toBe(taken.length);
    malloc.mockRestore();
    free.mockRestore();
  });

  test('that there is none of for the workspace leaves the work to TensorFlow.js', async () => {
    const { wasm } = asWasmBackend('test', tf.findBackend('wasm'), tf.version_core).backend;
    const handle = await registerKernels(tf);
    const x = tf.ones([2, 2]);
    const kept = [tf.memory().numTensors, tf.backend().numDataIds()];
    const malloc = vi.spyOn(wasm, '_malloc').mockReturnValueOnce(0);
    expect(Array.from(tf.tidy(() => tf.matMul(x, x).dataSync()))).toEqual([2, 2, 2, 2]);
    expect([tf.memory().numTensors, tf.backend().numDataIds()]).toEqual(kept);
    malloc.mockRestore();
    x.dispose();
    handle.restore();
  });

  test('may grow under the kernels', async () => {
    const handle = await registerKernels(tf);
    const before = compute();
    const { memory } = asWasmBackend('test', tf.findBackend('wasm'), tf.version_core);
    const { byteLength } = memory.buffer;
    const large = tf.ones([byteLength / 4]);
    expect(memory.buffer.byteLength).toBeGreaterThan(byteLength);
    expect(compute()).toEqual(before);
    large.dispose();
    handle.restore();
  });
});

/** A kernel that TensorFlow.js has none of, on whole numbers. */
function whole(): unknown {
  return tf.tidy(() =>
    tf
      .engine()
      .runKernel(
        'Conv2DBackpropFilter',
        { x: tf.ones([1, 2, 2, 1], 'int32'), dy: tf.ones([1, 2, 2, 1], 'int32') },
        { strides: 1, pad: 'same', filterShape: [1, 1, 1, 1] },
      ),
  );
}

function refused(argument: unknown) {
  return expect(Reflect.apply(registerKernels, undefined, [argument])).rejects;
}

describe('what is refused', () => {
  test('no TensorFlow.js', async () => {
    for (const argument of [undefined, null, {}, 3]) {
      await refused(argument).toThrow(/^registerKernels: tf .*expected the TensorFlow.js module/);
    }
  });

  test('no wasm backend yet', () =>
    refused({ ...tf, findBackend: () => null }).toThrow(
      /^registerKernels: TensorFlow.js has no wasm backend .*setBackend\('wasm'\)/,
    ));

  test('a backend that keeps its memory elsewhere, and leaves all as it is', async () => {
    const before = kernels();
    const [cpu, wasm] = [tf.findBackend('cpu'), tf.findBackend('wasm')];
    const { memory } = asWasmBackend('test', wasm, tf.version_core);
    const half = { wasm: { asm: { memory }, _malloc() {} }, getMemoryOffset() {}, makeOutput() {} };
    for (const backend of [cpu, {}, half, { wasm: { asm: {} } }]) {
      await refused({ ...tf, findBackend: () => backend }).toThrow(
        /^registerKernels: the wasm backend of TensorFlow.js \d.* keeps its memory elsewhere/,
      );
    }
    expect(kernels()).toEqual(before);
  });

  test('arguments that neither kernel knows, by the name of the kernel', async () => {
    const handle = await registerKernels(tf);
    expect(whole).toThrow(/^Conv2DBackpropFilter: these arguments are not known/);
    handle.restore();
  });
});
