// merge: two accumulators of one sketch become the accumulator of both batches, or nothing changes.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { DTYPES, type DType, EPSILON } from '../../src/core/dtype.js';
import {
  type ActivationSketch,
  type ActivationSketchOptions,
  activationSketch,
} from '../../src/nystrom/activation-sketch.js';
import { build, distance, gaussian, type Matrix, norm, uniform } from '../support/matrices.js';
import { approximation, KINDS } from '../support/nystrom.js';

const CASES = KINDS.flatMap((kind) => DTYPES.map((dtype) => ({ kind, dtype })));
const INPUTS = 8;
/** c of the rounding bound c·p·eps·‖Â‖. */
const ROUNDING = 8;

type Options = Partial<ActivationSketchOptions<DType>> & { readonly dtype: DType };

function make(options: Options) {
  return activationSketch<DType>({ inputs: INPUTS, rank: 4, seed: 3, ...options });
}

function rows(m: number, seed: number): Matrix {
  return gaussian(uniform(seed), m, INPUTS);
}

function stacked(X: Matrix, Y: Matrix): Matrix {
  return build(X.rows + Y.rows, INPUTS, (i, j) => (i < X.rows ? X.at(i, j) : Y.at(i - X.rows, j)));
}

/** How far two factors are apart, in units of rounding. */
function apart(a: ActivationSketch<DType>, b: ActivationSketch<DType>): number {
  const [A, B] = [a.factor(), b.factor()];
  const trace = Math.abs(A.trace / B.trace - 1) / EPSILON[a.dtype];
  const [left, right] = [approximation(A), approximation(B)];
  return Math.max(trace, distance(left, right) / (INPUTS * EPSILON[a.dtype] * norm(right)));
}

const expectRefused = (a: ActivationSketch<DType>, b: ActivationSketch<DType>, message: string) => {
  const before = [a.factor(), b.factor()];
  expect(() => a.merge(b)).toThrow(new RangeError(message));
  expect([a.factor(), b.factor()]).toEqual(before);
};

describe.each(CASES)('merge, $kind, $dtype', ({ kind, dtype }) => {
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 });
  const seeds = fc.nat(1_000_000);
  const base = rows(3 * INPUTS, 99);

  const of = (parts: readonly Matrix[]) => {
    const sketch = make({ kind, dtype });
    for (const part of parts) sketch.observe(part);
    return sketch;
  };

  test.prop([sizes, sizes, seeds], { numRuns: 20 })(
    'is what one accumulator of all rows has, in either order',
    (left, right, seed) => {
      const X = [base, ...left.map((m, i) => rows(m, seed + i))];
      const Y = [base, ...right.map((m, i) => rows(m, seed + 10 + i))];
      const both = of([...X, ...Y]);
      expect(apart(of(X).merge(of(Y)), both)).toBeLessThanOrEqual(ROUNDING);
      expect(apart(of(Y).merge(of(X)), both)).toBeLessThanOrEqual(ROUNDING);
    },
  );

  test.prop([fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }), seeds], {
    numRuns: 20,
  })(
    'with decay < 1, is the union at every call where the shares of rows are constant',
    (m, seed) => {
      const decay = 0.7;
      const [a, b, both] = [0, 1, 2].map(() => make({ kind, dtype, decay }));
      const observe = (X: Matrix, Y: Matrix) => {
        a.observe(X);
        b.observe(Y);
        both.observe(stacked(X, Y));
      };
      observe(rows(24, 1), rows(48, 2));
      m.forEach((size, i) => {
        observe(rows(size, seed + i), rows(2 * size, seed + 10 + i));
      });
      expect(apart(a.merge(b), both)).toBeLessThanOrEqual(ROUNDING);
    },
  );

  test('leaves the other as it is, and goes on from the union', () => {
    const [X, Y, Z] = [base, rows(5, 1), rows(6, 2)];
    const a = make({ kind, dtype }).observe(X);
    const b = make({ kind, dtype }).observe(Y);
    const before = b.factor();
    a.merge(b);
    expect(b.factor()).toEqual(before);
    const all = make({ kind, dtype }).observe(X).observe(Y).observe(Z);
    expect(apart(a.observe(Z), all)).toBeLessThanOrEqual(ROUNDING);
  });

  test('with an accumulator that has seen nothing changes nothing, and into one copies', () => {
    const full = make({ kind, dtype }).observe(base);
    const expected = full.factor();
    expect(full.merge(make({ kind, dtype })).factor()).toEqual(expected);
    expect(make({ kind, dtype }).merge(full).factor()).toEqual(expected);
    const none = make({ kind, dtype }).merge(make({ kind, dtype }));
    expect(() => none.factor()).toThrow(new RangeError('factor: nothing was observed yet'));
  });

  const otherSketch =
    'merge: the other accumulator has another sketch, expected the same inputs, rank, kind, seed and dtype';
  const refused: readonly { name: string; options: Omit<Options, 'dtype'>; message: string }[] = [
    { name: 'seed', options: { seed: 4 }, message: otherSketch },
    {
      name: 'kind',
      options: { kind: kind === 'gaussian' ? 'subcolumn' : 'gaussian' },
      message: otherSketch,
    },
    { name: 'rank', options: { rank: 5 }, message: otherSketch },
    { name: 'inputs', options: { inputs: INPUTS + 1 }, message: otherSketch },
    { name: 'decay', options: { decay: 0.5 }, message: 'merge: decay is 0.5, expected 1' },
  ];

  test.each(refused)('refuses another $name, and nothing changes', ({ options, message }) => {
    const a = make({ kind, dtype }).observe(base);
    const b = make({ kind, dtype, ...options });
    b.observe(gaussian(uniform(1), 20, b.inputs));
    expectRefused(a, b, message);
  });

  test('refuses another dtype, and nothing changes', () => {
    const a = make({ kind, dtype }).observe(base);
    const b = make({ kind, dtype: dtype === 'float32' ? 'float64' : 'float32' }).observe(base);
    expectRefused(a, b, otherSketch);
  });

  test('with decay < 1, refuses another number of calls, and nothing changes', () => {
    const a = make({ kind, dtype, decay: 0.5 }).observe(base);
    const b = make({ kind, dtype, decay: 0.5 }).observe(base).observe(base);
    expectRefused(a, b, 'merge: 2 updates, expected 1');
  });
});

test.each(['null', '{}', '5'])('merge refuses %s, and nothing changes', (text) => {
  const other: ActivationSketch<DType> = JSON.parse(text);
  const sketch = make({ dtype: 'float64' }).observe(rows(9, 1));
  const before = sketch.factor();
  expect(() => sketch.merge(other)).toThrow(/^merge: other is .*, expected an ActivationSketch$/);
  expect(sketch.factor()).toEqual(before);
});
