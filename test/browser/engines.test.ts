// The engines of this library in a browser: WebAssembly, plain TypeScript, and threads, on a page that
// is isolated.

import { afterEach, describe, expect, test } from 'vitest';
import { zeros } from '../../src/core/matrix.js';
import { fillNormal, randomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import { kernelInfo, openPool, useKernels } from '../../src/kernels/selection.js';

/** AAᵀ of a 512×300 matrix: large enough to be shared among threads. */
function square() {
  const [A, C] = [zeros('float32', 512, 300), zeros('float32', 512, 512)];
  fillNormal(randomKey(1), A.data);
  gemm(1, A, 'N', A, 'T', 0, C);
  return C.data;
}

afterEach(() => {
  useKernels('auto');
});

describe('in a browser', () => {
  test('the page is isolated, so that memory can be shared', () => {
    expect(crossOriginIsolated).toBe(true);
  });

  test('WebAssembly is what runs by itself', () => {
    useKernels('auto');
    expect(kernelInfo().kind).toBe('wasm');
  });

  test('a product is the same on every engine and any number of threads', async () => {
    useKernels('typescript');
    const expected = square();
    useKernels('wasm');
    const single = square();
    // Two sums of 300 products, each off by at most 300·eps·Σ|ab|, which is about 300 on the diagonal.
    const tolerance = 2 * 300 * 2 ** -23 * (2 * 300);
    const off = single.reduce((most, x, k) => Math.max(most, Math.abs(x - expected[k])), 0);
    expect(off).toBeLessThanOrEqual(tolerance);
    const pool = await openPool({ threads: 2 });
    expect(kernelInfo().threads).toBe(2);
    expect(square()).toEqual(single);
    pool.close();
    expect(kernelInfo().threads).toBe(1);
  });
});
