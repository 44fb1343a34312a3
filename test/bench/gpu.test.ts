// The benchmark of devices: every case fits together, is timed to its end, and is printed.

import { describe, expect, test } from 'vitest';
import { gpuCases } from '../../bench/gpu/cases.js';
import { measureCases } from '../../bench/gpu/measure.js';
import { operationTable } from '../../bench/gpu/report.js';
import { gpuBackend } from '../../src/backend/gpujs/index.js';
import { doubleOf } from '../support/gpujs-double.js';

/** A double that takes `cost` for every read, by a clock that otherwise moves when it is looked at. */
async function slowReader(cost: number) {
  let time = 0;
  const { GPU } = doubleOf({
    devices: ['webgl2'],
    observe: (event) => {
      if (event === 'read') time += cost;
    },
  });
  return { backend: await gpuBackend(GPU), clock: () => (time += 0.01) };
}

describe('cases', () => {
  test('are of every operation, and stop at the largest size', () => {
    expect(gpuCases(31)).toEqual([]);
    const names = gpuCases(257).map(({ name }) => name);
    expect(names).toHaveLength(12);
    expect(new Set(names)).toEqual(new Set(['AB', 'XᵀX', 'Xᵀ(XS)', 'G/c − (GV)Vᵀ', 'G·R']));
  });

  test('are timed with their reads: alone, and once for a row of eight', async () => {
    const { backend, clock } = await slowReader(80);
    const rows = await measureCases(backend, gpuCases(65), 1, clock);
    expect(rows.map(({ name }) => name)).toEqual(gpuCases(65).map(({ name }) => name));
    for (const row of rows) {
      expect(row.transferred).toBeCloseTo(80, 1);
      expect(row.resident).toBeCloseTo(10, 1);
    }
    // Nothing is left behind but scratch: XS and GV.
    expect(backend.memory().textures).toBeLessThanOrEqual(2);
  });
});

describe('the table', () => {
  const row = { name: 'G·R', shape: '2×3', multiplyAdds: 18, cpu: 2, transferred: 3, resident: 1 };
  const report = { mode: 'webgl2', adapter: 'a card', error: 1e-7, rows: [row] };

  test('says what is faster, and whether only without transfers', () => {
    const rows = [row, { ...row, transferred: 1.5 }, { ...row, cpu: 0.5 }];
    const faster = operationTable({ ...report, rows }).rows.map((cells) => cells.at(-1));
    expect(faster).toEqual(['webgl2, if resident', 'webgl2', 'CPU']);
    const [first] = operationTable({ ...report, rows }).rows;
    // 2 ms / 3 ms.
    expect(first).toContain('0.667');
  });
});
