// The memory of the WebAssembly kernels: how much a call takes, what is given back, and where there is none.

import { describe, expect, test } from 'vitest';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import type { Kernels } from '../../src/kernels/kernels.js';
import { scalarKernels } from '../../src/kernels/scalar/index.js';
import { BOUNDS, type Bounds } from '../../src/kernels/wasm/bounded.js';
import { sharedKernels, wasmKernels } from '../../src/kernels/wasm/index.js';
import { compile, type Instance, instantiate } from '../../src/kernels/wasm/instance.js';
import { Refusal } from '../../src/kernels/wasm/refusal.js';
import { integers, matrix, reals, values } from './support.js';

const module = compile('strict');

/** Kernels within `bounds`, and every instance that they have had. */
function observed(bounds: Bounds = BOUNDS): { kernels: Kernels; instances: Instance[] } {
  const instances: Instance[] = [];
  const kernels = wasmKernels(() => {
    const instance = instantiate(module);
    instances.push(instance);
    return instance;
  }, bounds);
  return { kernels, instances };
}

const MIB = 2 ** 20;
const PAGE = 2 ** 16;

/** Xᵀ(XS) of integers on both sets of kernels, exactly. */
function expectExact(kernels: Kernels, m: number, p: number, r: number, dense: boolean): void {
  const X = matrix('float32', m, p, integers(1));
  const S = matrix('float32', p, r, integers(2));
  const indices = Int32Array.from({ length: r }, (_, j) => (j * 7919) % p);
  const sketch = dense ? ({ kind: 'dense', S } as const) : ({ kind: 'columns', indices } as const);
  const [one, other] = [kernels, scalarKernels].map((set) => {
    const C = matrix('float32', p, r, integers(3));
    set.sketchMoment(1, X, sketch, 2, C);
    return C;
  });
  expect(values(one)).toEqual(values(other));
}

describe('a sketch', () => {
  test.each([
    [1, 5000, 3],
    [40, 5000, 2],
    [130, 600, 1],
    [130, 700, 7],
  ])('of %i×%i, %i columns wide, takes 2pr elements and a part of X', (m, p, r) => {
    for (const dense of [true, false]) {
      const { kernels, instances } = observed({ ...BOUNDS, area: 2 ** 14 });
      expectExact(kernels, m, p, r, dense);
      const [{ exports, memory }] = instances;
      // The part of X is the larger of 2¹⁴ elements and those of C, up to a block of depth.
      const part = Math.max(2 ** 14, p * r) + 16 * 256;
      const most = exports.workspace() + 4 * (2 * p * r + part + 128 * r) + 2 * PAGE;
      expect(memory.buffer.byteLength).toBeLessThan(most);
    }
  });

  test('of more columns than a block could have rows of is inside too', () => {
    const { kernels, instances } = observed();
    const p = 600_000;
    const C = zeros('float32', p, 1);
    const indices = Int32Array.of(p - 1);
    kernels.sketchMoment(
      2,
      matrix('float32', 1, p, () => 3),
      { kind: 'columns', indices },
      0,
      C,
    );
    expect([C.at(0, 0), C.at(p - 1, 0)]).toEqual([18, 18]);
    expect(instances[0].memory.buffer.byteLength).toBeGreaterThan(4 * p);
  });

  test('whose C is too large goes in strips of its columns', () => {
    const { kernels } = observed({ ...BOUNDS, moment: 100 });
    for (const dense of [true, false]) expectExact(kernels, 9, 40, 7, dense);
  });
});

test('a memory that grew too large to keep is given back, and the kernels go on', () => {
  const { kernels, instances } = observed({ ...BOUNDS, kept: 2 * MIB });
  const product = (n: number): DenseMatrix => {
    const A = matrix('float32', n, n, integers(1));
    const C = zeros('float32', n, n);
    kernels.product(1, A, 'N', A, 'T', 0, C, true);
    return C;
  };
  const before = product(40);
  expect(instances).toHaveLength(1);
  product(600);
  expect(instances).toHaveLength(2);
  expect(product(40).data).toEqual(before.data);
  expect(instances).toHaveLength(2);
  expect(instances[1].memory.buffer.byteLength).toBeLessThan(2 * MIB);
});

test('a memory that cannot grow is no error: plain TypeScript computes', () => {
  const { kernels, instances } = observed();
  const [{ memory }] = instances;
  const limited = (n: number): readonly DenseMatrix[] =>
    [kernels, scalarKernels].map((set) => {
      const A = matrix('float64', n, n, integers(4));
      const C = matrix('float64', n, n, integers(5));
      set.product(3, A, 'N', A, 'T', -2, C, false);
      return C;
    });
  limited(8);
  Object.assign(memory, {
    grow: () => {
      throw new RangeError('WebAssembly.Memory.grow(): Maximum memory size exceeded');
    },
  });
  for (const n of [300, 8, 300]) {
    const [one, other] = limited(n);
    expect(values(one)).toEqual(values(other));
  }
  const [L, B] = [
    matrix('float64', 300, 300, (i, j) => (i === j ? 2 : 0)),
    zeros('float64', 300, 300),
  ];
  kernels.invertFactored(L, B);
  expect(B.at(7, 7)).toBe(0.25);
});

test('a team that breaks costs no result', () => {
  const instance = instantiate(module);
  const broken = {
    size: 2,
    run() {
      throw new Refusal('broken');
    },
  };
  const alone = wasmKernels(() => instantiate(module));
  const shared = sharedKernels(instance, broken, () => alone);
  const A = matrix('float32', 400, 300, reals(6));
  const [one, other] = [alone, shared].map((set) => {
    const C = matrix('float32', 400, 300, reals(7));
    set.product(0.5, A, 'N', matrix('float32', 300, 300, reals(8)), 'N', -1, C, false);
    return C;
  });
  expect(other.data).toEqual(one.data);
});
