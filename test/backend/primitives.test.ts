// What backendFrom makes of primitives without optional parts, and what it composes of them.

import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { type Backend, type Slot, upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { Primitives } from '../../src/backend/primitives.js';
import { backendFrom } from '../../src/backend/slot-backend.js';
import { asyncBackend, countingBackend, primitivesOf } from '../support/backends.js';
import { filled } from '../support/matrices.js';
import { backendContract } from './backend.contract.js';

backendContract('a backend that reads later', () => asyncBackend('float32'));
backendContract('a backend of primitives alone', () =>
  backendFrom(primitivesOf(cpuBackend('float64'))),
);

test('what the primitives leave out, the backend does not have', () => {
  const optional = ['readSync', 'bound', 'wrap'] as const;
  const full = cpuBackend('float64');
  const bare = backendFrom(primitivesOf(full));
  const offered = (backend: Backend) => optional.filter((name) => backend[name] !== undefined);
  expect(offered(full)).toEqual(optional);
  expect(offered(bare)).toEqual([]);
});

test('optional primitives are called as methods of their object', () => {
  const host = cpuBackend('float64');
  const primitives: Primitives<'float64', Slot<'float64'>> = {
    ...primitivesOf(host),
    bound(A) {
      expect(this).toBe(primitives);
      return host.bound(A);
    },
    readSync(A) {
      expect(this).toBe(primitives);
      return host.readSync(A);
    },
  };
  const backend = backendFrom(primitives);
  const A = upload(backend, filled(1, 2, 7));
  expect(backend.bound?.(A)).toBe(7);
  expect(backend.readSync?.(A).toArrays()).toEqual([[7, 7]]);
});

test('indices of another realm or class come to the primitives as Int32Array', () => {
  const host = cpuBackend('float64');
  const seen: Int32Array[] = [];
  const backend = backendFrom({
    ...primitivesOf(host),
    gatherColumns: (_, indices) => void seen.push(indices),
  });
  const elsewhere: Int32Array = runInNewContext('Int32Array.of(2, 0)');
  const [A, C] = [backend.allocate(2, 3), backend.allocate(2, 2)];
  backend.gatherColumns(A, elsewhere, C);
  backend.sketchMoment(A, { kind: 'columns', indices: elsewhere }, 1, 0, backend.allocate(3, 2));
  expect(elsewhere).not.toBeInstanceOf(Int32Array);
  expect(seen).toEqual([Int32Array.of(2, 0), Int32Array.of(2, 0)]);
});

describe('a composed sketchMoment', () => {
  test('forms nothing of p×p', () => {
    const [p, r, m] = [2048, 8, 16];
    const backend = countingBackend('float64');
    const X = backend.allocate(m, p);
    const C = backend.allocate(p, r);
    backend.sketchMoment(X, { kind: 'dense', S: backend.allocate(p, r) }, 1, 0.5, C);
    backend.sketchMoment(X, { kind: 'columns', indices: new Int32Array(r) }, 1, 0.5, C);
    expect(backend.count.elements).toBeLessThanOrEqual(2 * p * r + m * (p + r));
    expect(backend.count.largest).toBe(m * p);
  });

  test('allocates nothing at its second call', () => {
    const backend = countingBackend('float64');
    const [X, S, C] = [backend.allocate(6, 9), backend.allocate(9, 3), backend.allocate(9, 3)];
    const step = () => backend.sketchMoment(X, { kind: 'dense', S }, 1, 0.5, C);
    step();
    const { allocated } = backend.count;
    for (let k = 0; k < 10; k++) step();
    expect(backend.count.allocated).toBe(allocated);
  });

  test('gives its scratch back where a primitive throws', () => {
    const host = cpuBackend('float64');
    const primitives = primitivesOf(host);
    let [broken, allocated] = [true, 0];
    const backend = backendFrom({
      ...primitives,
      allocate(rows, cols) {
        allocated++;
        return primitives.allocate(rows, cols);
      },
      gemm(...operands) {
        if (broken) throw new Error('the device is lost');
        primitives.gemm(...operands);
      },
    });
    const S = { kind: 'dense', S: upload(backend, filled(4, 2, 1)) } as const;
    const [X, C] = [backend.allocate(3, 4), backend.allocate(4, 2)];
    const run = () => backend.sketchMoment(X, S, 1, 0, C);
    expect(run).toThrow('the device is lost');
    const before = allocated;
    broken = false;
    run();
    expect(allocated).toBe(before);
  });
});
