// A restored layer goes on with the sketch it was saved with, whatever its own seed.

import { describe, expect, test } from 'vitest';
import { cpuEngine } from '../../src/backend/cpu.js';
import { exportState, restoreState } from '../../src/backend/state.js';
import { nysactPreconditioner } from '../../src/precondition/nysact.js';
import { observe, only, randomBatch } from './runs.js';

const SIZE = { inputs: 12, outputs: 2 };

describe.each(['gaussian', 'subcolumn'] as const)('%s', (sketch) => {
  const engine = cpuEngine('float64');
  const make = (seed: number) =>
    only(nysactPreconditioner({ rank: 3, sketch, seed, damping: 0.5 }), engine, SIZE);

  test('a window that is saved half-way closes the same in a layer of another seed', async () => {
    const [saved, other] = [make(1), make(2)];
    observe(engine, saved, randomBatch(1, 20, SIZE));
    restoreState(engine, other.state, await exportState(engine, saved.state));
    for (const layer of [saved, other]) {
      observe(engine, layer, randomBatch(2, 20, SIZE));
      layer.refresh();
    }
    expect(other.diagnostics.eigenvalues).toEqual(saved.diagnostics.eigenvalues);
    expect(saved.diagnostics.eigenvalues?.[0]).toBeGreaterThan(0);
  });

  test('what a refresh had found is forgotten', async () => {
    const [fresh, used] = [make(1), make(1)];
    observe(engine, used, randomBatch(1, 20, SIZE));
    used.refresh();
    expect(used.diagnostics.shift).toBeGreaterThan(0);
    restoreState(engine, used.state, await exportState(engine, fresh.state));
    expect(used.diagnostics).toEqual({ failures: 0 });
  });

  test('a saved column outside the layer is refused', async () => {
    const layer = make(1);
    const state = await exportState(engine, layer.state);
    if (sketch === 'gaussian') {
      expect(Object.keys(state)).not.toContain('sketch/column0');
      return;
    }
    expect(() => restoreState(engine, layer.state, { ...state, 'sketch/column0': 12 })).toThrow(
      "restoreState: entry 'sketch/column0' is 12, expected an integer >= 0 and <= 11",
    );
  });
});

test('a saved column that comes twice is refused', async () => {
  const engine = cpuEngine('float64');
  const preconditioner = nysactPreconditioner({ rank: 3, sketch: 'subcolumn' });
  const layer = only(preconditioner, engine, SIZE);
  const state = await exportState(engine, layer.state);
  const [first, second] = [0, 1].map((j) => state[`sketch/column${j}`]);
  const entries = layer.state;
  expect(() => restoreState(engine, entries, { ...state, 'sketch/column1': first })).toThrow(
    `restoreState: entry 'sketch/column1' is ${JSON.stringify(first)} as column 0 is, expected distinct columns`,
  );
  expect(await exportState(engine, layer.state)).toEqual(state);
  // The order of the columns is free, and an earlier refusal leaves no trace.
  const swapped = { ...state, 'sketch/column0': second, 'sketch/column1': first };
  restoreState(engine, entries, swapped);
  expect(await exportState(engine, layer.state)).toEqual(swapped);
});
