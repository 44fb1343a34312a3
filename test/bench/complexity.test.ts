// The parts of the complexity benchmark.

import { describe, expect, test } from 'vitest';
import { contenders, type Quantity } from '../../bench/complexity/contenders.js';
import { type Constructors, countTypedArrays } from '../../bench/complexity/counting.js';
import { growths, type Row } from '../../bench/complexity/growth.js';
import { makeSubject } from '../../bench/complexity/measure.js';
import { costFigure, costTable, quantities } from '../../bench/complexity/report.js';
import type { Timing } from '../../bench/measure/timing.js';
import { randomKey } from '../../src/core/random.js';

const sizes = [64, 128, 512];

function timing(median: number): Timing {
  return { median, deviation: 0, samples: 1 };
}

/** Costs that grow exactly as theory has it, each with its own factor. */
const rows: readonly Row[] = contenders.flatMap(({ name, exponents, largest }, k) => {
  const cost = (quantity: Quantity, inputs: number): number =>
    (k + 2) * inputs ** (exponents[quantity] ?? 0);
  return sizes
    .filter((inputs) => inputs < 512 || largest > 1024)
    .map((inputs) => ({
      method: name,
      inputs,
      times: {
        observe: exponents.observe === undefined ? undefined : timing(cost('observe', inputs)),
        refresh: exponents.refresh === undefined ? undefined : timing(cost('refresh', inputs)),
        apply: timing(cost('apply', inputs)),
      },
      kept: cost('kept', inputs),
      allocated: { refresh: cost('allocated', inputs), apply: 0 },
    }));
});

describe('growths', () => {
  test.each(quantities)('fits the exponents that the data have: %s', (quantity) => {
    const found = growths(rows, quantity);
    expect(found.map(({ method }) => method)).toEqual(contenders.map(({ name }) => name));
    found.forEach(({ slope, expected }, k) => {
      expect(expected).toBe(contenders[k].exponents[quantity]);
      if (expected === undefined) expect(slope).toBeUndefined();
      else expect(Math.abs((slope ?? Number.NaN) - expected)).toBeLessThanOrEqual(1e-12);
    });
  });

  test('leaves out who did not run, and fits nothing through one point', () => {
    const one = rows.filter(({ method, inputs }) => method === 'FOOF' && inputs === 64);
    expect(growths(one, 'refresh')).toEqual([
      {
        method: 'FOOF',
        quantity: 'refresh',
        values: [{ inputs: 64, value: one[0].times.refresh?.median }],
        slope: undefined,
        expected: 3,
      },
    ]);
  });
});

describe('reports', () => {
  test('say what was left out and what there is not', () => {
    const { rows: lines, columns } = costTable('refresh', growths(rows, 'refresh'));
    expect(columns).toHaveLength(1 + sizes.length + 2);
    const line = (method: string) => lines.find(([name]) => name === method);
    expect(line('Eva')).toEqual(['Eva', 'none', 'none', 'none', '', '']);
    expect(line('KFAC, eigenbasis')?.[3]).toBe('left out');
    expect(line('NysAct-G')?.[1]).toMatch(/ ×1\.00$/);
    expect(line('FOOF')?.slice(-2)).toEqual(['3.00', '3']);
  });

  test('draw every quantity without a gap in the text', () => {
    const svg = costFigure(rows);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    for (const { name } of contenders) expect(svg).toContain(name);
  });
});

describe('countTypedArrays', () => {
  /** Subclasses, so that the prototypes that this process works with stay as they are. */
  const environment: Constructors = {
    Float32Array: class extends Float32Array {},
    Float64Array: class extends Float64Array {},
    Int32Array: class extends Int32Array {},
  };
  const bytesOf = countTypedArrays(environment);

  test('counts new arrays and copies, not views', () => {
    expect(bytesOf(() => {})).toBe(0);
    expect(bytesOf(() => new environment.Float64Array(10))).toBe(80);
    expect(bytesOf(() => environment.Float32Array.from([1, 2, 3]))).toBe(12);
    const A = new environment.Float64Array(10);
    expect(bytesOf(() => A.subarray(2, 5))).toBe(0);
    expect(bytesOf(() => new environment.Int32Array(A.buffer))).toBe(0);
    expect(bytesOf(() => A.slice(2, 5))).toBe(24);
    expect(bytesOf(() => A.map((x) => x + 1))).toBe(80);
    expect(bytesOf(() => new environment.Float32Array(A))).toBe(40);
  });

  test('gives arrays that are what they should be', () => {
    const A = new environment.Float64Array([1, 2]);
    expect(A).toBeInstanceOf(Float64Array);
    expect(A).toBeInstanceOf(environment.Float64Array);
    expect([...A]).toEqual([1, 2]);
  });
});

test.each(contenders)('$name keeps memory as its exponent says', ({ exponents, ...contender }) => {
  const kept = [128, 256].map(
    (inputs) => makeSubject({ ...contender, exponents }, inputs, randomKey(1)).kept,
  );
  const growth = Math.log2(kept[1] / kept[0]);
  // q = 64 outputs add a constant to what KFAC and Eva keep.
  expect(growth).toBeLessThanOrEqual(exponents.kept ?? Number.NaN);
  expect(growth).toBeGreaterThan((exponents.kept ?? Number.NaN) - 0.7);
});
