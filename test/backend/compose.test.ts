// Engines out of other backends than the host's, and what the composition costs in memory.

import { describe, expect, test } from 'vitest';
import { engineFrom } from '../../src/backend/compose.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { upload } from '../../src/backend/engine.js';
import { asyncBackend, countingBackend } from '../support/backends.js';
import { build } from '../support/matrices.js';
import { backendContract } from './backend.contract.js';
import { engineContract } from './engine.contract.js';

backendContract('an asynchronous backend', () => asyncBackend('float32'));
engineContract('the engine of an asynchronous backend', () => engineFrom(asyncBackend('float32')));

test('an engine reads as its backend does', () => {
  const sync = engineFrom(cpuBackend('float64'));
  const eventual = engineFrom(asyncBackend('float64'));
  expect(sync.reading).toBe('sync');
  expect(eventual.reading).toBe('async');
  expect(sync.read(sync.allocate(2, 3)).cols).toBe(3);
  expect(eventual.read(eventual.allocate(2, 3))).toBeInstanceOf(Promise);
});

describe('memory', () => {
  test('neither a sketch nor a low-rank inverse forms anything of p×p', () => {
    const [p, r, m, q] = [2048, 8, 16, 4];
    const backend = countingBackend('float64');
    const engine = engineFrom(backend);
    const X = engine.allocate(m, p);
    const C = engine.allocate(p, r);
    engine.sketchMoment(X, { kind: 'dense', S: engine.allocate(p, r) }, 1, 0.5, C);
    engine.sketchMoment(X, { kind: 'columns', indices: new Int32Array(r) }, 1, 0.5, C);
    const G = engine.allocate(q, p);
    engine.applyLowRankInverse(G, C, 1, engine.allocate(q, p));
    expect(backend.count.elements).toBeLessThanOrEqual(2 * p * r + m * (p + r) + q * (2 * p + r));
    expect(backend.count.largest).toBe(m * p);
  });

  test('the second call of a shape allocates nothing', () => {
    const backend = countingBackend('float64');
    const engine = engineFrom(backend);
    const [X, S, C] = [engine.allocate(6, 9), engine.allocate(9, 3), engine.allocate(9, 3)];
    const [G, P] = [engine.allocate(4, 9), engine.allocate(4, 9)];
    const A = { Q: engine.allocate(9, 9), eigenvalues: engine.allocate(9, 1) };
    const B = { Q: engine.allocate(4, 4), eigenvalues: engine.allocate(4, 1) };
    const [a, g] = [engine.allocate(1, 9), engine.allocate(1, 4)];
    const step = () => {
      engine.sketchMoment(X, { kind: 'dense', S }, 1, 0.5, C);
      engine.applyLowRankInverse(G, C, 1, P);
      engine.applyDenseInverse(G, A.Q, B.Q, P);
      engine.applySpectralInverse(G, A, B, 1, P);
      engine.applyRankOneInverse(G, a, g, 1, 1, P);
    };
    step();
    const { allocated } = backend.count;
    for (let k = 0; k < 10; k++) step();
    expect(backend.count.allocated).toBe(allocated);
  });

  test('a refused operation gives its scratch back', () => {
    const backend = countingBackend('float64');
    let broken = true;
    const engine = engineFrom({
      ...backend,
      gemm(...operands) {
        if (broken) throw new Error('the device is lost');
        backend.gemm(...operands);
      },
    });
    const [X, S, C] = [engine.allocate(3, 4), engine.allocate(4, 2), engine.allocate(4, 2)];
    const run = () => engine.sketchMoment(X, { kind: 'dense', S }, 1, 0, C);
    expect(run).toThrow('the device is lost');
    const { allocated } = backend.count;
    broken = false;
    run();
    expect(backend.count.allocated).toBe(allocated);
  });
});

describe('errors', () => {
  const engine = engineFrom(cpuBackend('float64'));
  const [G, V, P] = [engine.allocate(2, 3), engine.allocate(3, 1), engine.allocate(2, 3)];
  const A = { Q: engine.allocate(3, 3), eigenvalues: engine.allocate(3, 1) };
  const B = { Q: engine.allocate(2, 2), eigenvalues: engine.allocate(2, 1) };
  const [a, g] = [engine.allocate(1, 3), engine.allocate(1, 2)];

  test('name the operation of the engine, not the one of the backend', () => {
    expect(() => engine.applyLowRankInverse(G, V, 1, V)).toThrow(
      new RangeError(
        'applyLowRankInverse: P is the slot of V too, expected an output that is no other operand',
      ),
    );
    expect(() => engine.applySpectralInverse(G, B, A, 1, P)).toThrow(
      new RangeError('applySpectralInverse: A.Q is 2×2, expected 3×3'),
    );
    const foreign = cpuBackend('float64').allocate(2, 3);
    expect(() => engine.rowSum(foreign, V, 1, 0, a)).toThrow(
      new TypeError(
        `rowSum: X belongs to another engine, expected a slot of this one (cpu, ${engine.info.variant})`,
      ),
    );
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuse a divisor of %d', (rho) => {
    expect(() => engine.applyLowRankInverse(G, V, rho, P)).toThrow(RangeError);
    expect(() => engine.applySpectralInverse(G, A, B, rho, P)).toThrow(RangeError);
    expect(() => engine.applyRankOneInverse(G, a, g, 1, rho, P)).toThrow(RangeError);
  });

  test('applySpectralInverse gives 0 where Q is 0, and no NaN for eigenvalues of 0', () => {
    const one = upload(
      engine,
      build(2, 3, () => 1),
    );
    engine.applySpectralInverse(one, A, B, 0.5, P);
    expect(engine.read(P).toArrays()).toEqual(build(2, 3, () => 0).toArrays());
  });
});
