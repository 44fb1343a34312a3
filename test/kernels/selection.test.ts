// Which kernels run: by themselves, by name, and where WebAssembly is forbidden or missing.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import * as ours from '../../src/kernels/selection.js';

/** A copy of the library that has chosen nothing yet. */
async function fresh() {
  vi.resetModules();
  return import('../../src/kernels/selection.js');
}

const native = globalThis.WebAssembly;
const relaxed = WebAssembly.validate(
  // (func (param v128) local.get 0 local.get 0 local.get 0 f32x4.relaxed_madd drop)
  Uint8Array.from(
    Buffer.from('0061736d0100000001050160017b00030201000a0e010c00200020002000fd85021a0b', 'hex'),
  ),
);
function refuseToCompile(): never {
  throw new native.CompileError('refused by the content security policy');
}

const wasm = { kind: 'wasm', variant: relaxed ? 'relaxed-simd' : 'simd', threads: 1 };
const scalar = { kind: 'typescript', variant: 'scalar', threads: 1 };

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('without a word', () => {
  test('WebAssembly runs, relaxed where the platform has it', async () => {
    const { kernelInfo } = await fresh();
    expect(kernelInfo()).toEqual(wasm);
  });

  test('nothing is compiled before the first product', async () => {
    const Module = vi.fn();
    vi.stubGlobal('WebAssembly', { ...native, validate: native.validate, Module });
    vi.resetModules();
    await import('../../src/index.js');
    expect(Module).not.toHaveBeenCalled();
  });

  test('plain TypeScript runs where a policy forbids to compile', async () => {
    vi.stubGlobal('WebAssembly', { ...native, validate: native.validate, Module: refuseToCompile });
    const { activeKernels, kernelInfo } = await fresh();
    expect(kernelInfo()).toEqual(scalar);
    const { scalarKernels } = await import('../../src/kernels/scalar/index.js');
    expect(activeKernels()).toBe(scalarKernels);
  });

  test('plain TypeScript runs where there is no WebAssembly', async () => {
    vi.stubGlobal('WebAssembly', undefined);
    const { kernelInfo } = await fresh();
    expect(kernelInfo()).toEqual(scalar);
  });
});

describe('by name', () => {
  let selection: Awaited<ReturnType<typeof fresh>>;

  beforeEach(async () => {
    selection = await fresh();
  });

  test('either engine runs, and says so', () => {
    const { kernelInfo, useKernels } = selection;
    expect(useKernels('typescript')).toEqual(scalar);
    expect(kernelInfo()).toEqual(scalar);
    expect(useKernels('wasm', { arithmetic: 'strict' })).toEqual({ ...wasm, variant: 'simd' });
    expect(useKernels('auto')).toEqual(wasm);
  });

  test('the same kernels come back, with their memory', () => {
    const { activeKernels, useKernels } = selection;
    useKernels('wasm', { arithmetic: 'strict' });
    const first = activeKernels();
    useKernels('typescript');
    useKernels('wasm', { arithmetic: 'strict' });
    expect(activeKernels()).toBe(first);
  });

  test('WebAssembly that cannot run is an error with its reason, and the choice stays', () => {
    const { kernelInfo, useKernels } = selection;
    useKernels('typescript');
    vi.stubGlobal('WebAssembly', undefined);
    expect(() => useKernels('wasm')).toThrow(
      "useKernels: kernels is 'wasm' (strict), which cannot run here: Error: this platform has no WebAssembly",
    );
    expect(kernelInfo()).toEqual(scalar);
  });

  test.each([
    ['kernels', () => selection.useKernels(Object('fast'))],
    ['arithmetic', () => selection.useKernels('wasm', { arithmetic: Object('fast') })],
  ])('an unknown name of %s is refused', (name, use) => {
    expect(use).toThrow(new RegExp(`^useKernels: ${name} is `));
  });
});

describe('initKernels', () => {
  test('compiles in the background where compiling at once is refused', async () => {
    const { validate, compile, Instance, Memory } = native;
    vi.stubGlobal('WebAssembly', {
      validate,
      compile,
      Instance,
      Memory,
      Module: refuseToCompile,
    });
    const { kernelInfo, initKernels } = await fresh();
    expect(kernelInfo()).toEqual(scalar);
    expect(await initKernels()).toEqual(wasm);
    expect(kernelInfo()).toEqual(wasm);
  });

  test('ends with plain TypeScript where nothing can be compiled', async () => {
    vi.stubGlobal('WebAssembly', undefined);
    const { initKernels } = await fresh();
    expect(await initKernels()).toEqual(scalar);
  });
});

test('a backend reports the kernels that run now', () => {
  const { info } = cpuBackend('float32');
  const before = ours.kernelInfo();
  expect(info.variant).toBe(`${before.kind}-${before.variant}`);
  ours.useKernels('typescript');
  expect(info.variant).toBe('typescript-scalar');
  ours.useKernels(before.kind);
});
