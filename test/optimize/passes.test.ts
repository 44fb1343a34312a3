// What a step costs, in calls and in looks: no pass that it does not need, and linear in the parameters.

import { describe, expect, test } from 'vitest';
import { type Backend, upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { backendFrom } from '../../src/backend/slot-backend.js';
import { DenseMatrix, zeros } from '../../src/core/matrix.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { adam, nysact, sgd } from '../../src/optimize/optimizers.js';
import type { Transform } from '../../src/optimize/transform.js';
import type { LayerParameters } from '../../src/precondition/network.js';
import { denseRows } from '../../src/rows/dense.js';
import { primitivesOf } from '../support/backends.js';
import { gaussian, uniform } from '../support/matrices.js';

const OPERATIONS = [
  'gemm',
  'syrk',
  'axpby',
  'multiply',
  'divide',
  'divideByRoot',
  'dot',
  'clip',
  'joinColumns',
  'sliceColumns',
  'gatherColumns',
  'bound',
  'write',
  'allocate',
] as const;

/** The host's backend, and what its primitives have been called for. */
function noting(): { readonly backend: Backend<'float64'>; readonly calls: string[] } {
  const host = cpuBackend('float64');
  const calls: string[] = [];
  const primitives = {
    ...primitivesOf(host),
    readSync: host.readSync.bind(host),
    bound: host.bound.bind(host),
  };
  const noted = new Proxy(primitives, {
    get(target, name, receiver) {
      const found: unknown = Reflect.get(target, name, receiver);
      const operation = OPERATIONS.find((known) => known === name);
      if (operation === undefined || typeof found !== 'function') return found;
      return (...operands: readonly unknown[]) => {
        calls.push(operation);
        return Reflect.apply(found, target, operands);
      };
    },
  });
  return { backend: backendFrom(noted), calls };
}

/** The calls of a second step, which neither observes nor refreshes, for a weight and a bias. */
function callsOf(transform: Transform, layers: readonly LayerParameters[] = []): string[] {
  const { backend, calls } = noting();
  const parameters = [
    { rows: 3, cols: 5 },
    { rows: 3, cols: 1 },
  ];
  const place = (seed: number) =>
    parameters.map(({ rows, cols }) => upload(backend, gaussian(uniform(seed), rows, cols)));
  const theta = place(1);
  const optimizer = new Optimizer({ backend, transform, parameters, layers });
  const cols = layers[0]?.bias === undefined ? 5 : 6;
  const X = denseRows(backend, gaussian(uniform(2), 8, cols));
  optimizer.step(place(3), theta, layers.length === 0 ? [] : [{ X }]);
  const gradients = place(4);
  calls.length = 0;
  optimizer.step(gradients, theta);
  return calls;
}

describe('a step makes no pass that it does not need', () => {
  // Every gradient is looked at once, for what is not finite or too large.
  const looks = ['bound', 'bound'];

  test('sgd: one each to move a parameter', () => {
    expect(callsOf(sgd())).toEqual([...looks, 'axpby', 'axpby']);
  });

  test('momentum: another for the buffer, none to copy it', () => {
    expect(callsOf(sgd({ momentum: 0.9 }))).toEqual([...looks, ...Array(4).fill('axpby')]);
  });

  test('adam: two moments, their quotient, and the move', () => {
    const moments = ['axpby', 'multiply', 'divideByRoot'];
    expect(callsOf(adam())).toEqual([...looks, ...moments, ...moments, 'axpby', 'axpby']);
  });

  /** P = G/c − (GV)Vᵀ */
  const lowRank = ['gemm', 'axpby', 'gemm'];
  const transform = nysact({ rank: 2, rest: 'sgd' });

  test('nysact without a bias: G is read where it lies, and P copied back once', () => {
    const moves = ['axpby', 'axpby'];
    expect(withoutScratch(callsOf(transform, [{ weight: 0 }]))).toEqual([
      ...looks,
      ...lowRank,
      'axpby',
      ...moves,
    ]);
  });

  test('nysact with a bias: one join, and two slices', () => {
    expect(withoutScratch(callsOf(transform, [{ weight: 0, bias: 1 }]))).toEqual([
      ...looks,
      'joinColumns',
      ...lowRank,
      'sliceColumns',
      'sliceColumns',
      'axpby',
      'axpby',
    ]);
  });
});

/** The first low-rank product takes scratch once. */
function withoutScratch(calls: readonly string[]): string[] {
  return calls.filter((name) => name !== 'allocate');
}

/** How often a step looks where matrices lie, for `count` parameters cut from one buffer or not. */
function looksOf(count: number, shared: boolean): number {
  let seen = 0;
  const backend = cpuBackend('float32');
  const buffer = new Float32Array(8 * count);
  const slots = (from: number) =>
    Array.from({ length: count }, (_, i) => {
      const A = shared
        ? new DenseMatrix('float32', 2, 2, buffer, 4 * (from + i))
        : zeros('float32', 2, 2);
      const { data } = A;
      Object.defineProperty(A, 'data', {
        get() {
          seen += 1;
          return data;
        },
      });
      return backend.wrap(A);
    });
  const parameters = Array.from({ length: count }, () => ({ rows: 2, cols: 2 }));
  const optimizer = new Optimizer({ backend, transform: sgd(), parameters });
  const [gradients, theta] = [slots(0), slots(count)];
  seen = 0;
  optimizer.step(gradients, theta);
  return seen;
}

describe('the checks of a step are linear in the number of parameters', () => {
  test.each([
    ['with memory of their own', false],
    ['one behind the other in one buffer', true],
  ])('%s', (_, shared) => {
    const few = looksOf(10, shared);
    expect(few).toBeGreaterThan(10);
    expect(looksOf(160, shared)).toBeLessThanOrEqual(16 * few);
  });
});
