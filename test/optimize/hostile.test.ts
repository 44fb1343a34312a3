// States that no run has left: they are refused, or what follows stays finite or is a typed error.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { PlainEntry, PlainMatrix, PlainState } from '../../src/backend/saved-state.js';
import { type DType, LARGEST } from '../../src/core/dtype.js';
import { PreconditionerError } from '../../src/core/errors.js';
import { everything, provide, randomPass, start, type Training, take, train } from './training.js';
import { OPTIMIZERS } from './variants.js';

const RUNS = 60;

const numbers = fc.oneof(
  fc.constantFrom(-1, 0, 1, 5e-324, 1e-45, 1e-38, 1e38, 1e300, Number.MAX_VALUE, 2 ** 53 - 1),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.nat(),
);
const factors = fc.oneof(
  fc.constantFrom(-1, 0, 1e-300, 1e-30, 1e30, 1e38, 1e300),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** An entry changed: a number replaced, or a matrix scaled, or one of its elements. */
const change = fc.record({
  entry: fc.nat(),
  where: fc.nat(),
  number: numbers,
  factor: factors,
  whole: fc.boolean(),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function changed(
  dtype: DType,
  value: PlainEntry,
  { where, number, factor, whole }: Change,
): PlainEntry {
  if (typeof value === 'number') return number;
  if (!('data' in value))
    return value.map((column, i) => (i === where % value.length ? number : column));
  // Finite in the dtype: what is not is refused as such, in the contract.
  const held = (x: number) => Math.max(-LARGEST[dtype], Math.min(LARGEST[dtype], x));
  const data = value.data.slice();
  data.forEach((x, i) => {
    if (whole) data[i] = held(x * factor);
    else if (i === where % data.length) data[i] = held(number);
  });
  return { ...value, data } satisfies PlainMatrix;
}

function spoilt(dtype: DType, saved: PlainState, changes: readonly Change[]): PlainState {
  const entries: Record<string, PlainEntry> = { ...saved.entries };
  const names = Object.keys(entries);
  for (const each of changes) {
    const name = names[each.entry % names.length];
    entries[name] = changed(dtype, entries[name], each);
  }
  return { ...saved, entries };
}

/** A step that is taken, or refused in words. */
function tryStep(run: Training<DType>, k: number): void {
  try {
    take(run, provide(run, randomPass(run, k)));
  } catch (error) {
    const typed = error instanceof RangeError || error instanceof PreconditionerError;
    expect(typed, String(error)).toBe(true);
  }
}

describe.each(['float64', 'float32'] as const)('%s', (dtype) => {
  test.each(OPTIMIZERS)('$name', async ({ make }) => {
    const origin = start<DType>(cpuBackend(dtype), make());
    await train(origin, 7);
    const saved = await origin.optimizer.exportState();
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 2 }), async (changes) => {
        const run = start<DType>(cpuBackend(dtype), make());
        const before = await everything(run);
        try {
          run.optimizer.restoreState(spoilt(dtype, saved, changes));
        } catch (error) {
          expect(String(error)).toMatch(/^(Range|Type)Error: restoreState: /);
          expect(await everything(run)).toEqual(before);
          return;
        }
        for (let k = 0; k < 5; k++) tryStep(run, k);
        for (const theta of run.parameters) {
          const { data } = await run.backend.read(theta);
          expect(data.every(Number.isFinite)).toBe(true);
        }
      }),
      { numRuns: RUNS },
    );
  });
});
